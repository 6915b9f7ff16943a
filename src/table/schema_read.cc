// A schema's text becomes a TableSchema in three steps: each property is read and checked by itself, then
// each field as a whole (field_reader.cc), then what ties fields together: names and keys. All problems are
// collected.
#include "base/text.h"
#include "table/field_reader.h"
#include "table/node_reader.h"
#include "table/schema.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::table {
namespace {

constexpr Property kSchemaProperties[] = {{"fields", kAllTypes},        {"fieldsMatch", kAllTypes},
                                          {"missingValues", kAllTypes}, {"primaryKey", kAllTypes},
                                          {"uniqueKeys", kAllTypes},    {"foreignKeys", kAllTypes},
                                          {"$schema", kAllTypes}};
constexpr Property kForeignKeyProperties[] = {{"fields", kAllTypes}, {"reference", kAllTypes}};
constexpr Property kReferenceProperties[] = {{"resource", kAllTypes}, {"fields", kAllTypes}};

/// Long values and those that are the same in several texts are in no key, on any database.
bool can_be_key(const Field& field) {
  return !field.is_json() && !field.is_binary() && field.type != Type::List && field.type != Type::Any;
}

class SchemaReader : private NodeReader {
 public:
  SchemaReader(std::string_view table, std::vector<Error>& problems)
      : NodeReader(problems), table_(table), all_(problems) {}
  TableSchema read(const Place& at);

 private:
  void check_names(const Place& fields, const TableSchema& schema);
  void read_fields_match(const Place& at, TableSchema& schema);
  std::vector<std::size_t> read_key(const Place& at, const TableSchema& schema);
  void read_keys(const Place& at, TableSchema& schema);
  void read_foreign_key(const Place& at, TableSchema& schema);

  std::string_view table_;
  std::vector<Error>& all_;
};

void SchemaReader::check_names(const Place& fields, const TableSchema& schema) {
  std::vector<std::string> taken;
  const auto take = [&](const Place& at, const std::string& text) {
    if (has(taken, text)) problem(at, fmt::format("`{}` is the name of two columns", shown(text)));
    taken.push_back(text);
  };
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const std::string& text = schema.fields[i].name;
    const Place field = fields.item(i);
    if (field.node->kind != Node::Kind::Map) continue;
    const Place at = field.member("name") ? field.member("name") : field;
    if (!field.member("name")) {
      problem(field, "the field has no name");
      continue;
    }
    if (std::string why = why_not_a_name(text, true); !why.empty()) problem(at, std::move(why));
    for (std::size_t other = 0; other < i; ++other) {
      if (lower_ascii(schema.fields[other].name) != lower_ascii(text)) continue;
      problem(at, fmt::format("there is a field `{}` already", shown(schema.fields[other].name)),
              "names must differ by more than upper and lower case");
    }
    taken.push_back(text);
  }
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    for (const std::string& alias : schema.fields[i].aliases)
      take(fields.item(i).member("rowgate:aliases"), alias);
}

void SchemaReader::read_fields_match(const Place& at, TableSchema& schema) {
  if (!at) return;
  // The published v2.0 profile wants a list here, against the text of the standard; a list of one is taken
  // too.
  const bool list = at.node->kind == Node::Kind::List && at.node->items.size() == 1;
  const Place word = list ? at.item(0) : at;
  if (!is(word, Node::Kind::Scalar, "one of exact, equal, subset, superset, partial")) return;
  constexpr std::string_view kWords[] = {"exact", "equal", "subset", "superset", "partial"};
  const auto found = std::find(std::begin(kWords), std::end(kWords), word.node->scalar);
  if (found == std::end(kWords)) {
    problem(word,
            fmt::format("`{}` is none of exact, equal, subset, superset, partial", shown(word.node->scalar)));
  } else {
    schema.fields_match = static_cast<FieldsMatch>(found - std::begin(kWords));
  }
}

/// Field names: a list, or one text.
std::vector<std::size_t> SchemaReader::read_key(const Place& at, const TableSchema& schema) {
  std::vector<std::size_t> key;
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  const auto add = [&](const Place& item) {
    if (!is(item, Node::Kind::Scalar, "a field name")) return;
    const std::optional<std::size_t> field = schema.index_of(item.node->scalar);
    const std::string near = nearest(item.node->scalar, names);
    if (!field) {
      problem(item, fmt::format("there is no field `{}`", shown(item.node->scalar)),
              near.empty() ? std::string() : fmt::format("did you mean `{}`?", near));
    } else if (has(key, *field)) {
      problem(item, fmt::format("`{}` stands twice", shown(item.node->scalar)));
    } else if (!can_be_key(schema.fields[*field])) {
      problem(item,
              fmt::format("`{}` is {}, which no key can have", shown(item.node->scalar),
                          schema.fields[*field].is_binary() ? "binary" : name(schema.fields[*field].type)),
              "give the table a key of its own");
    } else {
      key.push_back(*field);
    }
  };
  if (at.node->kind == Node::Kind::Scalar) {
    add(at);
  } else if (is(at, Node::Kind::List, "a field name or a list of them")) {
    for (std::size_t i = 0; i < at.node->items.size(); ++i) add(at.item(i));
    if (at.node->items.empty()) problem(at, "a key needs at least one field");
  }
  return key;
}

std::vector<std::size_t> sorted(std::vector<std::size_t> key) {
  std::sort(key.begin(), key.end());
  return key;
}

void SchemaReader::read_keys(const Place& at, TableSchema& schema) {
  if (const Place primary = at.member("primaryKey")) schema.primary_key = read_key(primary, schema);
  const auto add_unique = [&](std::vector<std::size_t> key) {
    if (key.empty() || sorted(key) == sorted(schema.primary_key)) return;
    for (const auto& known : schema.unique_keys)
      if (sorted(known) == sorted(key)) return;
    schema.unique_keys.push_back(std::move(key));
  };
  if (const Place unique = at.member("uniqueKeys");
      unique && is(unique, Node::Kind::List, "a list of keys")) {
    for (std::size_t i = 0; i < unique.node->items.size(); ++i) add_unique(read_key(unique.item(i), schema));
  }
  const Place fields_at = at.member("fields");
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    if (schema.fields[i].constraints.unique) {
      if (!can_be_key(schema.fields[i]))
        problem(fields_at.item(i),
                fmt::format("`{}` cannot be unique, its values are too long", shown(schema.fields[i].name)));
      add_unique({i});
    }
  if (const Place foreign = at.member("foreignKeys");
      foreign && is(foreign, Node::Kind::List, "a list of foreign keys")) {
    for (std::size_t i = 0; i < foreign.node->items.size(); ++i) read_foreign_key(foreign.item(i), schema);
  }
}

void SchemaReader::read_foreign_key(const Place& at, TableSchema& schema) {
  if (!is(at, Node::Kind::Map, "{ fields, reference: { resource, fields } }")) return;
  check_members(at, kForeignKeyProperties, std::nullopt);
  const Place fields = at.member("fields"), reference = at.member("reference");
  if (!fields || !reference) {
    problem(at, "a foreign key needs `fields` and `reference`");
    return;
  }
  if (!is(reference, Node::Kind::Map, "{ resource, fields }")) return;
  check_members(reference, kReferenceProperties, std::nullopt);
  ForeignKey key;
  key.fields = read_key(fields, schema);
  take_text(reference, "resource", key.table);
  if (key.table.empty()) key.table = std::string(table_);
  const Place parent = reference.member("fields");
  if (!parent) {
    problem(reference, "the referenced `fields` are missing");
    return;
  }
  if (key.table == table_) {
    for (const std::size_t field : read_key(parent, schema))
      key.parent_fields.push_back(schema.fields[field].name);
  } else if (Result<std::vector<std::string>> names = as_texts(*parent.node, parent.path)) {
    key.parent_fields = *std::move(names);
  } else {
    problem(names.error());
    return;
  }
  if (key.parent_fields.size() != key.fields.size())
    problem(at, fmt::format("{} fields refer to {}", key.fields.size(), key.parent_fields.size()),
            "a foreign key has as many fields as it refers to");
  if (std::string why = why_not_a_name(key.table, false); !why.empty()) problem(reference, std::move(why));
  schema.foreign_keys.push_back(std::move(key));
}

TableSchema SchemaReader::read(const Place& at) {
  TableSchema schema;
  if (!is(at, Node::Kind::Map, "a schema with its fields")) return schema;
  check_members(at, kSchemaProperties, std::nullopt);
  const Place fields = at.member("fields");
  if (!fields) {
    problem(at, "`fields` is missing");
    return schema;
  }
  if (!is(fields, Node::Kind::List, "a list of fields")) return schema;
  for (std::size_t i = 0; i < fields.node->items.size(); ++i)
    schema.fields.push_back(read_field(fields.item(i), all_));
  if (schema.fields.empty()) problem(fields, "at least one field is needed here");
  read_fields_match(at.member("fieldsMatch"), schema);
  if (auto texts = take_texts(at, "missingValues")) schema.missing_values = *std::move(texts);
  check_names(fields, schema);
  read_keys(at, schema);
  return schema;
}

}  // namespace

Result<TableSchema> schema_from_node(const Node& node, std::string_view table, std::string_view path,
                                     std::vector<Error>& problems) {
  const std::size_t before = problems.size();
  TableSchema schema = SchemaReader(table, problems).read({&node, std::string(path)});
  if (problems.size() > before) return std::unexpected(problems[before]);
  return schema;
}

Result<TableSchema> schema_from_json(std::string_view json, std::string_view table) {
  TRY_ASSIGN(const Node node, node_from_json(json));
  std::vector<Error> problems;
  return schema_from_node(node, table, "schema", problems);
}

}  // namespace rowgate::table

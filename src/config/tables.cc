#include "base/text.h"
#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::config {
namespace {

using table::kAllTypes;
using table::NodeReader;
using table::Place;
using table::Property;

constexpr Property kTable[] = {{"title", kAllTypes}, {"namespace", kAllTypes}, {"dialect", kAllTypes},
                               {"keys", kAllTypes},  {"checks", kAllTypes},    {"max_rejects", kAllTypes},
                               {"schema", kAllTypes}};
constexpr Property kDialect[] = {
    {"header", kAllTypes}, {"delimiter", kAllTypes}, {"quoteChar", kAllTypes}, {"doubleQuote", kAllTypes}};

class TableReader : private NodeReader {
 public:
  TableReader(const load::LoadLimits& limits, std::vector<Error>& problems)
      : NodeReader(problems), limits_(limits), all_(problems) {}

  TableConfig read(const Place& at, std::string_view name) {
    TableConfig table{.name = {{}, std::string(name)}};
    table.dialect.max_columns = static_cast<std::uint32_t>(limits_.max_columns);
    table.dialect.max_field_bytes = static_cast<std::uint32_t>(limits_.max_field_bytes);
    table.dialect.max_record_bytes = static_cast<std::uint32_t>(limits_.max_record_bytes);
    if (!is(at, Node::Kind::Map, "a map with the table's schema")) return table;
    check_members(at, kTable, std::nullopt);
    take_text(at, "title", table.title);
    take_text(at, "namespace", table.name.space);
    take_word(at, "keys", "enforce", "check", table.enforce_keys);
    take_word(at, "checks", "database", "rowgate", table.database_checks);
    if (const Place dialect = at.member("dialect")) read_dialect(dialect, table.dialect);
    if (const Place limit = at.member("max_rejects"); limit && is(limit, Node::Kind::Scalar, "a limit")) {
      if (Result<RejectLimit> read = parse_reject_limit(limit.node->scalar))
        table.max_rejects = *read;
      else
        problem(limit, read.error().message, read.error().hint);
    }
    if (const Place schema = at.member("schema")) {
      if (Result<table::TableSchema> read = table::schema_from_node(*schema.node, name, schema.path, all_))
        table.schema = *std::move(read);
    } else {
      problem(at, "`schema` is missing", "print one with: rowgate schema infer FILE.csv");
    }
    return table;
  }

 private:
  void read_dialect(const Place& at, csv::DialectOptions& dialect) {
    if (!is(at, Node::Kind::Map, "a map such as { header: true, delimiter: \",\" }")) return;
    check_members(at, kDialect, std::nullopt);
    if (at.member("header")) take_bool(at, "header", dialect.header.emplace(true));
    take_character(at, "delimiter", dialect.delimiter);
    take_character(at, "quoteChar", dialect.quote_char);
    bool doubled = true;
    take_bool(at, "doubleQuote", doubled);
    if (!doubled)
      problem(at.member("doubleQuote"),
              "quotes within quotes must be doubled (RFC 4180); other escapes are not known");
    if (dialect.delimiter && dialect.delimiter == dialect.quote_char.value_or('"'))
      problem(at, "delimiter and quoteChar are the same");
  }

  void take_character(const Place& map, std::string_view key, std::optional<char>& into) {
    const Place at = map.member(key);
    if (!at || !is(at, Node::Kind::Scalar, "one character")) return;
    const std::string& text = at.node->scalar;
    const bool ascii = text.size() == 1 && text[0] > 0 && text[0] != '\n' && text[0] != '\r';
    if (ascii)
      into = text[0];
    else
      problem(at, fmt::format("`{}` is not one ASCII character", shown(text)), "a tab is written \"\\t\"");
  }

  const load::LoadLimits& limits_;
  std::vector<Error>& all_;
};

bool is_key_of(const std::vector<std::string>& fields, const table::TableSchema& schema) {
  std::vector<std::size_t> wanted;
  for (const std::string& name : fields) wanted.push_back(schema.index_of(name).value_or(SIZE_MAX));
  std::ranges::sort(wanted);
  for (std::vector<std::size_t> key : schema.keys()) {
    std::ranges::sort(key);
    if (key == wanted) return true;
  }
  return false;
}

/// How values are kept: what two sides of a foreign key must have in common to be comparable.
std::string stored_form(const table::Field& field) {
  std::string form(name(field.type));
  if (field.decimal)
    form += fmt::format(" of rowgate:decimal [{}, {}]", field.decimal->precision, field.decimal->scale);
  if (field.type == table::Type::Time || field.type == table::Type::Datetime)
    form += fmt::format(" of precision {}", field.precision);
  if (field.is_binary()) form += " of format binary";
  if (field.type == table::Type::String && field.format == "uuid") form += " of format uuid";
  return form;
}

class ForeignKeyCheck : private NodeReader {
 public:
  ForeignKeyCheck(const Config& config, std::vector<Error>& problems)
      : NodeReader(problems), config_(config) {}

  void check(const TableConfig& child, const table::ForeignKey& key, const Place& at) {
    const TableConfig* parent = config_.find_table(key.table);
    if (parent == nullptr) {
      std::vector<std::string> names;
      for (const TableConfig& table : config_.tables()) names.push_back(table.name.name);
      const std::string near = nearest(key.table, names);
      problem(
          at, fmt::format("the foreign key refers to the table `{}`, which is not configured", key.table),
          near.empty() ? std::string("add the table under tables") : fmt::format("did you mean `{}`?", near));
      return;
    }
    if (parent->schema.fields.empty()) return;  // its own schema is wrong already
    for (std::size_t i = 0; i < key.parent_fields.size() && i < key.fields.size(); ++i) {
      const std::optional<std::size_t> field = parent->schema.index_of(key.parent_fields[i]);
      if (!field) {
        problem(at, fmt::format("the table `{}` has no field `{}`", key.table, shown(key.parent_fields[i])));
        return;
      }
      const table::Field& own = child.schema.fields[key.fields[i]];
      const std::string is = stored_form(own), parents = stored_form(parent->schema.fields[*field]);
      if (is != parents)
        problem(at, fmt::format("`{}` is of type {}, but `{}.{}` of type {}", own.name, is, key.table,
                                key.parent_fields[i], parents));
    }
    if (!is_key_of(key.parent_fields, parent->schema))
      problem(at, fmt::format("({}) is neither the primary key nor a unique key of `{}`",
                              fmt::join(key.parent_fields, ", "), key.table));
  }

 private:
  const Config& config_;
};

}  // namespace

TableConfig read_table(const table::Place& at, std::string_view name, const load::LoadLimits& limits,
                       std::vector<Error>& problems) {
  return TableReader(limits, problems).read(at, name);
}

void check_foreign_keys(const Config& config, const Node& tables, std::vector<Error>& problems) {
  for (const TableConfig& table : config.tables()) {
    const Node* node = tables.find(table.name.name);
    const Node* schema = node == nullptr ? nullptr : node->find("schema");
    const Node* keys = schema == nullptr ? nullptr : schema->find("foreignKeys");
    if (keys == nullptr) continue;
    const Place at{keys, fmt::format("tables.{}.schema.foreignKeys", table.name.name)};
    for (std::size_t i = 0; i < table.schema.foreign_keys.size() && i < keys->items.size(); ++i)
      ForeignKeyCheck(config, problems).check(table, table.schema.foreign_keys[i], at.item(i));
  }
}

}  // namespace rowgate::config

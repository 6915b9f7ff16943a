#include "table/schema.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <iterator>

namespace rowgate::table {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// A bound as a number where JSON writes that number with the very same characters, else as a text.
OrderedJson bound_json(const std::string& text) {
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (std::from_chars(text.data(), end, whole).ptr == end && fmt::format("{}", whole) == text) return whole;
  double real = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, real); stop != end || error != std::errc())
    return text;
  const OrderedJson number = real;
  return number.dump() == text ? number : OrderedJson(text);
}

/// Bounds of numbers are numbers; "2021", a bound of a date, stays a text.
OrderedJson bound_json(const Field& field, const std::string& text) {
  const bool is_number =
      field.type == Type::Integer || field.type == Type::Number || field.type == Type::Year;
  return is_number ? bound_json(text) : OrderedJson(text);
}

std::string offset_text(int minutes) {
  if (minutes == 0) return "UTC";
  const int size = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

OrderedJson constraints_json(const Field& field) {
  const Constraints& rules = field.constraints;
  OrderedJson json = OrderedJson::object();
  if (rules.required) json["required"] = true;
  if (rules.unique) json["unique"] = true;
  if (rules.minimum) json["minimum"] = bound_json(field, *rules.minimum);
  if (rules.maximum) json["maximum"] = bound_json(field, *rules.maximum);
  if (rules.exclusive_minimum) json["exclusiveMinimum"] = bound_json(field, *rules.exclusive_minimum);
  if (rules.exclusive_maximum) json["exclusiveMaximum"] = bound_json(field, *rules.exclusive_maximum);
  if (rules.min_length) json["minLength"] = *rules.min_length;
  if (rules.max_length) json["maxLength"] = *rules.max_length;
  if (rules.pattern) json["pattern"] = *rules.pattern;
  if (!rules.enum_values.empty()) json["enum"] = rules.enum_values;
  return json;
}

OrderedJson field_json(const Field& field) {
  const Field plain;
  OrderedJson json = {{"name", field.name}, {"type", name(field.type)}};
  if (field.format != plain.format) json["format"] = field.format;
  if (!field.title.empty()) json["title"] = field.title;
  if (!field.description.empty()) json["description"] = field.description;
  if (!field.example.empty()) json["example"] = field.example;
  if (OrderedJson rules = constraints_json(field); !rules.empty()) json["constraints"] = std::move(rules);
  if (field.missing_values) json["missingValues"] = *field.missing_values;
  if (field.decimal_char != plain.decimal_char) json["decimalChar"] = field.decimal_char;
  if (field.group_char != plain.group_char) json["groupChar"] = field.group_char;
  if (!field.bare_number) json["bareNumber"] = false;
  if (field.true_values != plain.true_values) json["trueValues"] = field.true_values;
  if (field.false_values != plain.false_values) json["falseValues"] = field.false_values;
  if (field.trim) json["rowgate:trim"] = true;
  if (field.timezone_minutes != 0) json["rowgate:timezone"] = offset_text(field.timezone_minutes);
  if (field.precision != 0) json["rowgate:precision"] = field.precision;
  if (field.decimal) json["rowgate:decimal"] = {field.decimal->precision, field.decimal->scale};
  if (!field.form.empty()) json["rowgate:form"] = field.form;
  if (field.accept_nonfinite) json["rowgate:nonfinite"] = "accept";
  if (field.keep_quoted_empty) json["rowgate:quoted_empty"] = "keep";
  if (field.delimiter != plain.delimiter) json["delimiter"] = field.delimiter;
  if (field.item_type != plain.item_type) json["itemType"] = name(field.item_type);
  if (!field.aliases.empty()) json["rowgate:aliases"] = field.aliases;
  return json;
}

OrderedJson names_json(const TableSchema& schema, const std::vector<std::size_t>& fields) {
  OrderedJson names = OrderedJson::array();
  for (const std::size_t field : fields) names.push_back(schema.fields[field].name);
  return names;
}

OrderedJson schema_json(const TableSchema& schema) {
  constexpr std::string_view kFieldsMatch[] = {"exact", "equal", "subset", "superset", "partial"};
  OrderedJson json = {{"fieldsMatch", kFieldsMatch[static_cast<std::size_t>(schema.fields_match)]}};
  if (schema.missing_values != std::vector<std::string>{""}) json["missingValues"] = schema.missing_values;
  if (!schema.primary_key.empty()) json["primaryKey"] = names_json(schema, schema.primary_key);
  OrderedJson unique = OrderedJson::array();
  for (const std::vector<std::size_t>& key : schema.unique_keys) {
    const bool by_constraint = key.size() == 1 && schema.fields[key[0]].constraints.unique;
    if (!by_constraint) unique.push_back(names_json(schema, key));
  }
  if (!unique.empty()) json["uniqueKeys"] = std::move(unique);
  for (const ForeignKey& key : schema.foreign_keys)
    json["foreignKeys"].push_back({{"fields", names_json(schema, key.fields)},
                                   {"reference", {{"resource", key.table}, {"fields", key.parent_fields}}}});
  json["fields"] = OrderedJson::array();
  for (const Field& field : schema.fields) json["fields"].push_back(field_json(field));
  return json;
}

/// A text that YAML's core schema reads back as this text without quotes, also within { } and [ ].
bool is_plain_yaml(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !letter(text[0]) || text.back() == ' ') return false;
  for (const char c : text)
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != ' ' && c != '/') return false;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const std::string_view word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
    if (lower == word) return false;
  return true;
}

/// Bytes that are not UTF-8 are replaced, since dump() would throw for them.
std::string dumped(const OrderedJson& json, int indent = -1) {
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

/// JSON's scalars are YAML's, but a terminal obeys U+007F to U+009F, and a YAML reader may take U+0085,
/// U+2028 and U+2029 for line ends and U+FEFF for a byte order mark: these are escaped as well.
std::string yaml_scalar(const OrderedJson& json) {
  const std::string text = dumped(json);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    const auto second = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : 0);
    if (rest[0] == '\x7F') {
      out += "\\u007f";
    } else if (rest[0] == '\xC2' && second < 0xA0) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", second);
      i += 1;
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9") ||
               rest.starts_with("\xEF\xBB\xBF")) {
      out += rest[0] == '\xEF' ? "\\ufeff" : rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += rest[0];
    }
  }
  return out;
}

void append_flow(std::string& out, const OrderedJson& json) {
  if (json.is_object()) {
    out += "{ ";
    bool first = true;
    for (const auto& [key, value] : json.items()) {
      if (!first) out += ", ";
      first = false;
      append_flow(out, key);
      out += ": ";
      append_flow(out, value);
    }
    out += " }";
  } else if (json.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (i > 0) out += ", ";
      append_flow(out, json[i]);
    }
    out += ']';
  } else if (json.is_string() && is_plain_yaml(json.get_ref<const std::string&>())) {
    out += json.get_ref<const std::string&>();
  } else {
    out += yaml_scalar(json);
  }
}

}  // namespace

std::string to_json(const TableSchema& schema) {
  return dumped(schema_json(schema), 2) + "\n";
}

std::string to_yaml(const TableSchema& schema, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string out;
  const OrderedJson json = schema_json(schema);
  for (const auto& [key, value] : json.items()) {
    out += margin + key + ":";
    if (key != "fields" && key != "foreignKeys") {
      out += ' ';
      append_flow(out, value);
      out += '\n';
      continue;
    }
    out += '\n';
    for (const OrderedJson& item : value) {
      out += margin + "  - ";
      append_flow(out, item);
      out += '\n';
    }
  }
  return out;
}

}  // namespace rowgate::table

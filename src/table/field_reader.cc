#include "table/field_reader.h"

#include "base/text.h"
#include "table/form.h"
#include "table/node_reader.h"
#include "table/temporal.h"
#include "table/value_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include <array>

namespace rowgate::table {
namespace {

constexpr unsigned kTemporal = bit(Type::Date) | bit(Type::Time) | bit(Type::Datetime);
constexpr unsigned kNumeric = bit(Type::Integer) | bit(Type::Number);
constexpr unsigned kOrdered =
    kNumeric | kTemporal | bit(Type::Year) | bit(Type::YearMonth) | bit(Type::Duration);
constexpr unsigned kLong = bit(Type::String) | bit(Type::List) | bit(Type::Array) | bit(Type::Object);

constexpr Property kFieldProperties[] = {
    {"name", kAllTypes},
    {"type", kAllTypes},
    {"format", kAllTypes},
    {"title", kAllTypes},
    {"description", kAllTypes},
    {"example", kAllTypes},
    {"constraints", kAllTypes},
    {"missingValues", kAllTypes},
    {"decimalChar", bit(Type::Number)},
    {"groupChar", kNumeric},
    {"bareNumber", kNumeric},
    {"trueValues", bit(Type::Boolean)},
    {"falseValues", bit(Type::Boolean)},
    {"rowgate:trim", kAllTypes},
    {"rowgate:quoted_empty", kAllTypes},
    {"rowgate:aliases", kAllTypes},
    {"rowgate:timezone", bit(Type::Datetime)},
    {"rowgate:precision", bit(Type::Time) | bit(Type::Datetime)},
    {"rowgate:decimal", bit(Type::Number)},
    {"rowgate:form", bit(Type::Number) | bit(Type::Boolean) | bit(Type::Datetime)},
    {"rowgate:nonfinite", bit(Type::Number)},
    {"delimiter", bit(Type::List)},
    {"itemType", bit(Type::List)},
};

constexpr Property kConstraints[] = {
    {"required", kAllTypes},        {"unique", kAllTypes}, {"enum", kAllTypes},
    {"minimum", kOrdered},          {"maximum", kOrdered}, {"exclusiveMinimum", kOrdered},
    {"exclusiveMaximum", kOrdered}, {"minLength", kLong},  {"maxLength", kLong},
    {"pattern", bit(Type::String)},
};

constexpr unsigned kItemTypes = kNumeric | kTemporal | bit(Type::String) | bit(Type::Boolean);

/// The formats of types that have a fixed set of them.
struct Formats {
  Type type;
  std::string_view others[4];  ///< beside default
};
constexpr Formats kFormats[] = {{Type::String, {"email", "uri", "uuid", "binary"}},
                                {Type::GeoPoint, {"array", "object"}},
                                {Type::GeoJson, {"topojson"}}};

class FieldReader : private NodeReader {
 public:
  using NodeReader::NodeReader;
  Field read(const Place& at);

 private:
  Type read_type(const Place& at);
  void read_number_rules(const Place& at, Field& field);
  void check_number_characters(const Place& at, const Field& field);
  void read_decimal(const Place& at, Field& field);
  void read_time_rules(const Place& at, Field& field);
  void read_list_rules(const Place& at, Field& field);
  void read_form(const Place& at, Field& field);
  void read_constraints(const Place& at, Field& field);
  void check_format(const Place& at, const Field& field);
  void check_pattern(const Place& at, const std::string& pattern);
  void check_bounds(const Place& at, const Field& field);
  void check_enum(const Place& at, const Field& field);
};

Type FieldReader::read_type(const Place& at) {
  if (!at || !is(at, Node::Kind::Scalar, "a type")) return Type::String;
  const std::string& word = at.node->scalar;
  std::vector<std::string> names;
  if (const std::optional<Type> type = type_of(word)) return *type;
  for (std::size_t i = 0; i < kTypeCount; ++i) names.emplace_back(name(static_cast<Type>(i)));
  const std::string near = nearest(word, names);
  problem(at, fmt::format("there is no type `{}`", shown(word)),
          near.empty() ? fmt::format("the types are {}", fmt::join(names, ", "))
                       : fmt::format("did you mean `{}`?", near));
  return Type::String;
}

void FieldReader::read_number_rules(const Place& at, Field& field) {
  take_text(at, "decimalChar", field.decimal_char);
  take_text(at, "groupChar", field.group_char);
  take_bool(at, "bareNumber", field.bare_number);
  take_word(at, "rowgate:nonfinite", "accept", "refuse", field.accept_nonfinite);
  check_number_characters(at, field);
  read_decimal(at, field);
}

void FieldReader::check_number_characters(const Place& at, const Field& field) {
  const auto check = [&](std::string_view key, const std::string& text, bool may_be_empty) {
    const Place place = at.member(key);
    if (!place || (text.empty() && may_be_empty)) return;
    if (count_code_points(text) != 1 || text.find_first_of("0123456789+-eE") != text.npos)
      problem(place, "expected one character that is no digit, sign or e");
  };
  check("decimalChar", field.decimal_char, false);
  check("groupChar", field.group_char, true);
  if (field.type == Type::Number && !field.group_char.empty() && field.decimal_char == field.group_char)
    problem(at, fmt::format("decimalChar and groupChar are both `{}`", field.group_char));
}

void FieldReader::read_decimal(const Place& at, Field& field) {
  const Place decimal = at.member("rowgate:decimal");
  if (!decimal) return;
  const auto digits = [&](std::size_t index) -> std::int64_t {
    if (decimal.node->kind != Node::Kind::List || decimal.node->items.size() != 2) return -1;
    return as_integer(decimal.node->items[index], decimal.path).value_or(-1);
  };
  const std::int64_t precision = digits(0), scale = digits(1);
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    problem(decimal, "expected two whole numbers, [precision, scale]",
            "precision counts all digits, 1 to 38; scale those after the point, 0 to precision");
    return;
  }
  field.decimal = Decimal{static_cast<int>(precision), static_cast<int>(scale)};
  if (field.accept_nonfinite) problem(decimal, "a decimal cannot hold NaN or INF", "drop rowgate:nonfinite");
}

/// "UTC" or "+hh:mm" in minutes.
std::optional<int> fixed_offset(const std::string& text) {
  if (text == "UTC") return 0;
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 1000; };
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digit(1) * 10 + digit(2), minutes = digit(4) * 10 + digit(5);
  if (minutes > 59 || hours * 60 + minutes > 14 * 60) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

void FieldReader::read_time_rules(const Place& at, Field& field) {
  if (const Place zone = at.member("rowgate:timezone");
      zone && is(zone, Node::Kind::Scalar, "UTC or an offset")) {
    const std::optional<int> offset = fixed_offset(zone.node->scalar);
    if (!offset) {
      problem(
          zone, fmt::format("`{}` is neither UTC nor a fixed offset", shown(zone.node->scalar)),
          "write the offset, for example \"-05:00\"; zone names are not supported, since their rules change");
    }
    field.timezone_minutes = offset.value_or(0);
  }
  const Place precision = at.member("rowgate:precision");
  if (!precision) return;
  const std::int64_t digits = as_integer(*precision.node, precision.path).value_or(-1);
  if (digits != 0 && digits != 3 && digits != 6) {
    problem(precision, "0, 3 or 6 digits of a second are needed here");
  } else {
    field.precision = static_cast<int>(digits);
  }
}

void FieldReader::read_list_rules(const Place& at, Field& field) {
  take_text(at, "delimiter", field.delimiter);
  if (field.delimiter.empty()) problem(at.member("delimiter"), "at least one character is needed here");
  const Place item = at.member("itemType");
  if (!item || !is(item, Node::Kind::Scalar, "a type")) return;
  const std::optional<Type> type = type_of(item.node->scalar);
  if (type && (bit(*type) & kItemTypes) != 0) {
    field.item_type = *type;
  } else {
    problem(item, fmt::format("the items of a list cannot be of the type `{}`", shown(item.node->scalar)),
            "itemType is string, integer, number, boolean, date, time or datetime");
  }
}

void FieldReader::read_form(const Place& at, Field& field) {
  take_text(at, "rowgate:form", field.form);
  const Place form = at.member("rowgate:form");
  if (!form) return;
  if (const std::string why = why_not_a_form(field, field.form); !why.empty())
    problem(form, fmt::format("`{}` is no form of the field", shown(field.form)), why);
}

void FieldReader::read_constraints(const Place& at, Field& field) {
  if (!at || !is(at, Node::Kind::Map, "a map of constraints")) return;
  check_members(at, kConstraints, field.type);
  Constraints& rules = field.constraints;
  take_bool(at, "required", rules.required);
  take_bool(at, "unique", rules.unique);
  take_text(at, "minimum", rules.minimum);
  take_text(at, "maximum", rules.maximum);
  take_text(at, "exclusiveMinimum", rules.exclusive_minimum);
  take_text(at, "exclusiveMaximum", rules.exclusive_maximum);
  take_length(at, "minLength", rules.min_length);
  take_length(at, "maxLength", rules.max_length);
  take_text(at, "pattern", rules.pattern);
  if (auto values = take_texts(at, "enum")) {
    rules.enum_values = *std::move(values);
    if (rules.enum_values.empty()) problem(at.member("enum"), "at least one value is needed here");
  }
  if (rules.min_length && rules.max_length && *rules.min_length > *rules.max_length)
    problem(at, fmt::format("minLength {} is more than maxLength {}", *rules.min_length, *rules.max_length));
  if (rules.pattern) check_pattern(at.member("pattern"), *rules.pattern);
}

void FieldReader::check_format(const Place& at, const Field& field) {
  const Place format = at.member("format");
  if (!format || field.format == "default") return;
  if ((bit(field.type) & kTemporal) != 0) {
    const auto made = TemporalFormat::make(field.type, field.format);
    if (!made) problem(format, made.error(), "a pattern is written like \"%d/%m/%Y\"");
    return;
  }
  std::string known = "default";
  for (const Formats& formats : kFormats) {
    if (formats.type != field.type) continue;
    for (const std::string_view other : formats.others) {
      if (other == field.format) return;
      if (!other.empty()) known += fmt::format(", {}", other);
    }
  }
  problem(format, fmt::format("the type {} has no format `{}`", name(field.type), shown(field.format)),
          known == "default" ? "leave `format` away" : fmt::format("the formats are {}", known));
}

/// XML Schema's "[a-z-[aeiou]]" means something else to RE2, silently.
bool has_class_subtraction(std::string_view pattern) {
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (!in_class) {
      in_class = pattern[i] == '[';
    } else if (pattern[i] == ']') {
      in_class = false;
    } else if (pattern[i] == '-' && pattern.substr(i).starts_with("-[") &&
               !pattern.substr(i).starts_with("-[:")) {
      return true;
    }
  }
  return false;
}

void FieldReader::check_pattern(const Place& at, const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 compiled(pattern, options);
  if (!compiled.ok()) {
    problem(at, fmt::format("the pattern is not valid: {}", compiled.error()),
            "patterns are RE2's, matched against the whole value");
  } else if (has_class_subtraction(pattern)) {
    problem(at, "subtraction within [] is XML Schema's own and not supported",
            "write the characters that may stand there");
  }
}

void FieldReader::check_bounds(const Place& at, const Field& field) {
  struct Bound {
    std::string_view key;
    const std::optional<std::string>& text;
    std::string scratch = {};
    Cell cell = {};
    bool valid = false;
  };
  const Constraints& rules = field.constraints;
  std::array<Bound, 4> bounds = {
      Bound{"minimum", rules.minimum}, Bound{"exclusiveMinimum", rules.exclusive_minimum},
      Bound{"maximum", rules.maximum}, Bound{"exclusiveMaximum", rules.exclusive_maximum}};
  for (Bound& bound : bounds) {
    if (!bound.text) continue;
    Refusal refusal;
    bound.valid = read_constraint(field, *bound.text, bound.scratch, bound.cell, refusal);
    if (!bound.valid) {
      problem(at.member(bound.key), fmt::format("`{}` is no {}{}{}", shown(*bound.text), name(field.type),
                                                refusal.detail.empty() ? "" : ": ", refusal.detail));
    }
  }
  for (std::size_t low = 0; low < 2; ++low) {
    for (std::size_t high = 2; high < 4; ++high) {
      if (!bounds[low].valid || !bounds[high].valid) continue;
      const int order = compare(bounds[low].cell, bounds[high].cell, field);
      const bool both_inclusive = low == 0 && high == 2;
      if (order < 0 || (order == 0 && both_inclusive)) continue;
      problem(at.member(bounds[low].key),
              fmt::format("no value is left between {} {} and {} {}", bounds[low].key,
                          shown(*bounds[low].text), bounds[high].key, shown(*bounds[high].text)));
    }
  }
}

void FieldReader::check_enum(const Place& at, const Field& field) {
  const Place list = at.member("enum");
  if (!list) return;
  for (std::size_t i = 0; i < field.constraints.enum_values.size(); ++i) {
    const std::string& text = field.constraints.enum_values[i];
    std::string scratch;
    Cell cell;
    Refusal refusal;
    if (read_constraint(field, text, scratch, cell, refusal)) continue;
    const Place item = i < list.node->items.size() ? list.item(i) : list;
    problem(item, fmt::format("`{}` is no {}", shown(text), name(field.type)), refusal.detail);
  }
}

Field FieldReader::read(const Place& at) {
  Field field;
  if (!is(at, Node::Kind::Map, "a field, such as { name: id, type: integer },")) return field;
  field.type = read_type(at.member("type"));
  check_members(at, kFieldProperties, field.type);
  take_text(at, "name", field.name);
  take_text(at, "format", field.format);
  take_text(at, "title", field.title);
  take_text(at, "description", field.description);
  take_text(at, "example", field.example);
  take_bool(at, "rowgate:trim", field.trim);
  take_word(at, "rowgate:quoted_empty", "keep", "missing", field.keep_quoted_empty);
  field.missing_values = take_texts(at, "missingValues");
  if (auto words = take_texts(at, "trueValues")) field.true_values = *std::move(words);
  if (auto words = take_texts(at, "falseValues")) field.false_values = *std::move(words);
  if (auto names = take_texts(at, "rowgate:aliases")) field.aliases = *std::move(names);
  for (const std::string& word : field.true_values)
    if (has(field.false_values, word)) problem(at, fmt::format("`{}` is both true and false", shown(word)));
  const std::size_t before = problem_count();
  read_number_rules(at, field);
  read_time_rules(at, field);
  read_list_rules(at, field);
  read_form(at, field);
  check_format(at, field);
  const bool sound = problem_count() == before;  // else bounds cannot be judged
  const Place constraints = at.member("constraints");
  read_constraints(constraints, field);
  if (sound && constraints && constraints.node->kind == Node::Kind::Map) {
    check_bounds(constraints, field);
    check_enum(constraints, field);
  }
  return field;
}

}  // namespace

Field read_field(const Place& at, std::vector<Error>& problems) {
  return FieldReader(problems).read(at);
}

}  // namespace rowgate::table

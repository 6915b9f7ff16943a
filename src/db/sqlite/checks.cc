#include "db/sqlite/connection.h"
#include "db/sqlite/dialect.h"
#include "table/value_format.h"
#include "table/value_reader.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

using table::Field;
using table::Type;

std::string text_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + '\'';
}

/// A bound or enum value, read by the field's own rules and written again by our own formatter.
std::string literal(const Field& field, const std::string& text) {
  std::string scratch;
  table::Cell cell;
  table::Refusal refusal;
  if (!table::read_constraint(field, text, scratch, cell, refusal)) return "NULL";
  switch (cell.kind) {
    case table::CellKind::Integer:
      return fmt::format("{}", cell.integer);
    case table::CellKind::Real: {
      std::string out;
      table::append_number(out, cell.real);
      return out;
    }
    case table::CellKind::Text:
      return text_literal(cell.view());
    case table::CellKind::Bytes: {
      std::string out = "X'";
      for (const char c : cell.view()) out += fmt::format("{:02X}", static_cast<unsigned char>(c));
      return out + '\'';
    }
    case table::CellKind::Null:
      break;
  }
  return "NULL";
}

/// What a bound compares: long decimals are kept as texts, which do not order as numbers do.
std::string compared(const Field& field) {
  const std::string column = quote_name(field.name);
  return is_text_decimal(field) ? fmt::format("CAST({} AS REAL)", column) : column;
}

std::string bound(const Field& field, std::string_view comparison, const std::string& text) {
  std::string value = literal(field, text);
  if (is_text_decimal(field)) value = fmt::format("CAST({} AS REAL)", value);
  return fmt::format("{} {} {}", compared(field), comparison, value);
}

std::string digits(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "[0-9]";
  return out;
}

std::string time_shape(int precision) {
  std::string shape = digits(2) + ":" + digits(2) + ":" + digits(2);
  if (precision > 0) shape += "." + digits(precision);
  return shape;
}

void add_shape(std::vector<std::string>& parts, const Field& field) {
  const std::string column = quote_name(field.name);
  if (field.type == Type::Boolean) parts.push_back(fmt::format("{} IN (0, 1)", column));
  // Without a modifier SQLite takes any day up to 31 (https://sqlite.org/lang_datefunc.html).
  if (field.type == Type::Date) parts.push_back(fmt::format("{0} IS date({0}, '+0 days')", column));
  if (field.type == Type::Time)
    parts.push_back(fmt::format("{} GLOB '{}'", column, time_shape(field.precision)));
  if (field.type == Type::Datetime)
    parts.push_back(fmt::format("{} GLOB '{}-{}-{}T{}Z'", column, digits(4), digits(2), digits(2),
                                time_shape(field.precision)));
  if (field.type == Type::YearMonth)
    parts.push_back(fmt::format("{} GLOB '{}-{}'", column, digits(4), digits(2)));
  if (field.type == Type::String && field.format == "uuid")
    parts.push_back(fmt::format("length({}) = 36", column));
  if (field.type == Type::Number && field.decimal && !is_text_decimal(field))
    parts.push_back(fmt::format("{0} = round({0}, {1})", column, field.decimal->scale));
  if (is_text_decimal(field) && field.decimal->scale > 0)
    parts.push_back(fmt::format("{} GLOB '*[0-9].{}'", column, digits(field.decimal->scale)));
}

}  // namespace

std::string check_expression(const Field& field) {
  const table::Constraints& rules = field.constraints;
  std::vector<std::string> parts;
  add_shape(parts, field);
  // What SQL compares differently is judged by rowgate alone.
  if (field.is_json() || field.type == Type::List || field.type == Type::Duration)
    return fmt::format("{}", fmt::join(parts, " AND "));
  if (rules.minimum) parts.push_back(bound(field, ">=", *rules.minimum));
  if (rules.maximum) parts.push_back(bound(field, "<=", *rules.maximum));
  if (rules.exclusive_minimum) parts.push_back(bound(field, ">", *rules.exclusive_minimum));
  if (rules.exclusive_maximum) parts.push_back(bound(field, "<", *rules.exclusive_maximum));
  if (rules.min_length)
    parts.push_back(fmt::format("length({}) >= {}", quote_name(field.name), *rules.min_length));
  if (rules.max_length)
    parts.push_back(fmt::format("length({}) <= {}", quote_name(field.name), *rules.max_length));
  if (!rules.enum_values.empty()) {
    std::vector<std::string> values;
    for (const std::string& value : rules.enum_values) values.push_back(literal(field, value));
    parts.push_back(fmt::format("{} IN ({})", quote_name(field.name), fmt::join(values, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, " AND "));
}

}  // namespace rowgate::db::sqlite

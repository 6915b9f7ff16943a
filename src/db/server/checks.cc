#include "db/server/checks.h"

#include "table/value_format.h"
#include "table/value_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::db::server {
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

std::string temporal_literal(std::string text) {
  if (text.size() >= 20 && text[10] == 'T') {  // as the row encoder writes it
    text[10] = ' ';
    text.pop_back();
  }
  return "'" + text + "'";
}

/// A bound or enum value, read by the field's own rules and written again. Empty where it cannot be one.
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
      break;
    case table::CellKind::Bytes:
    case table::CellKind::Null:
      return "NULL";
  }
  if (field.type == Type::Number) return std::string(cell.view());
  if (field.type != Type::Date && field.type != Type::Time && field.type != Type::Datetime)
    return text_literal(cell.view());
  return temporal_literal(std::string(cell.view()));
}

}  // namespace

std::string check_expression(const SqlDialect& dialect, const Field& field, std::string_view length,
                             bool booleans_are_numbers) {
  const table::Constraints& rules = field.constraints;
  const std::string column = dialect.quote(field.name);
  std::vector<std::string> parts;
  const auto bound = [&](std::string_view comparison, const std::optional<std::string>& text) {
    if (text) parts.push_back(fmt::format("{} {} {}", column, comparison, literal(field, *text)));
  };
  if (field.type == Type::Boolean && booleans_are_numbers)
    parts.push_back(fmt::format("{} IN (0, 1)", column));
  // What SQL compares differently is judged by rowgate alone.
  if (field.is_json() || field.type == Type::List || field.type == Type::Duration)
    return fmt::format("{}", fmt::join(parts, " AND "));
  if (field.is_binary()) length = "OCTET_LENGTH";
  bound(">=", rules.minimum);
  bound("<=", rules.maximum);
  bound(">", rules.exclusive_minimum);
  bound("<", rules.exclusive_maximum);
  if (rules.min_length) parts.push_back(fmt::format("{}({}) >= {}", length, column, *rules.min_length));
  if (rules.max_length) parts.push_back(fmt::format("{}({}) <= {}", length, column, *rules.max_length));
  if (!rules.enum_values.empty() && field.type != Type::Boolean && !field.is_binary()) {
    std::vector<std::string> values;
    bool plain = true;
    for (const std::string& value : rules.enum_values) {
      plain = plain &&
              value.find('\\') == std::string::npos;  // the servers read a backslash in a text differently
      values.push_back(literal(field, value));
    }
    if (plain) parts.push_back(fmt::format("{} IN ({})", column, fmt::join(values, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, " AND "));
}

}  // namespace rowgate::db::server

#include "report/cell_format.h"

#include "base/base64.h"
#include "base/text.h"
#include "table/value_format.h"

#include <fmt/format.h>

#include <cmath>

namespace rowgate::report {
namespace {

/// Beyond that a number is not written out digit by digit.
constexpr std::int64_t kLongestNumber = 4096;

/// A plain number that JSON takes as it stands: no +, no leading zeros, digits on both sides of a point.
bool is_json_number(std::string_view plain) {
  if (plain.starts_with('-')) plain.remove_prefix(1);
  const std::size_t whole = std::min(plain.find_first_not_of("0123456789"), plain.size());
  if (whole == 0 || (whole > 1 && plain[0] == '0')) return false;
  plain.remove_prefix(whole);
  return !plain.starts_with('.') || (plain.size() > 1 && plain[1] >= '0' && plain[1] <= '9');
}

table::Digits digits_of(const db::ResultCell& cell) {
  switch (cell.kind) {
    case db::ResultCell::Kind::Integer:
      return table::digits_of(fmt::format("{}", cell.integer));
    case db::ResultCell::Kind::Real:
      return table::shortest_digits(cell.real);
    default:
      return table::digits_of(cell.text);
  }
}

bool is_whole(const table::Digits& number) {
  return number.point >= static_cast<std::int64_t>(number.digits.size());
}

}  // namespace

OutputCell CellFormat::plain(const db::ResultCell& cell) {
  text_.clear();
  switch (cell.kind) {
    case db::ResultCell::Kind::Null:
      return {};
    case db::ResultCell::Kind::Integer:
      text_ = fmt::format("{}", cell.integer);
      return {OutputCell::Kind::Number, text_};
    case db::ResultCell::Kind::Real:
      if (!std::isfinite(cell.real)) {
        text_ = std::isnan(cell.real) ? "NaN" : cell.real > 0 ? "INF" : "-INF";
        return {OutputCell::Kind::Text, text_};
      }
      table::append_number(text_, cell.real);
      return {OutputCell::Kind::Number, text_};
    case db::ResultCell::Kind::Bytes:
      text_ = base64_encode(cell.text);
      return {OutputCell::Kind::Text, text_};
    case db::ResultCell::Kind::Decimal:
      return {OutputCell::Kind::Number, cell.text};
    case db::ResultCell::Kind::Text:
      break;
  }
  return {OutputCell::Kind::Text, cell.text};
}

std::unexpected<Error> CellFormat::not_of_type(const db::ResultCell& cell) {
  const std::string found(plain(cell).text);
  return fail(Code::ReportBadSql,
              fmt::format("the column `{}` is declared as {}, but holds '{}'", column_.name,
                          name(*column_.type), shown(found)),
              "correct the column's type or the sql");
}

OutputCell CellFormat::as_number(const db::ResultCell& cell) {
  return {OutputCell::Kind::Number, plain(cell).text};
}

/// In the column's form, where the cell is what such a column holds.
std::optional<OutputCell> CellFormat::in_form(const db::ResultCell& cell) {
  using Kind = db::ResultCell::Kind;
  text_.clear();
  if (column_.type == table::Type::Number && (cell.kind == Kind::Real || cell.kind == Kind::Integer)) {
    const double value = cell.kind == Kind::Real ? cell.real : static_cast<double>(cell.integer);
    if (!std::isfinite(value)) return std::nullopt;
    column_.form->append_number(text_, value == 0 ? 0 : value);
    return OutputCell{OutputCell::Kind::Number, text_};
  }
  if (column_.type == table::Type::Boolean && cell.kind == Kind::Integer &&
      (cell.integer == 0 || cell.integer == 1)) {
    column_.form->append_boolean(text_, cell.integer != 0);
    return OutputCell{OutputCell::Kind::Boolean, text_};
  }
  if (column_.type == table::Type::Datetime && cell.kind == Kind::Text) {
    column_.form->append_datetime(text_, cell.text);
    return OutputCell{OutputCell::Kind::Text, text_};
  }
  return std::nullopt;
}

Result<OutputCell> CellFormat::number(const db::ResultCell& cell) {
  const bool is_text = cell.kind == db::ResultCell::Kind::Text || cell.kind == db::ResultCell::Kind::Decimal,
             is_real = cell.kind == db::ResultCell::Kind::Real;
  const bool whole_wanted = column_.type == table::Type::Integer || column_.type == table::Type::Year;
  if (is_text && !table::is_plain_number(cell.text)) return not_of_type(cell);
  if (is_real && !std::isfinite(cell.real)) {
    if (whole_wanted) return not_of_type(cell);
    return plain(cell);
  }
  // Most numbers are written as they are; the exact digits of the others are looked at, never a double near
  // them.
  const bool as_it_is = !column_.decimals && (!is_text || is_json_number(cell.text));
  if (as_it_is && (cell.kind == db::ResultCell::Kind::Integer || !whole_wanted)) return as_number(cell);
  const table::Digits digits = digits_of(cell);
  if (whole_wanted && !is_whole(digits)) return not_of_type(cell);
  if (as_it_is) return as_number(cell);
  text_.clear();
  if (column_.decimals && std::abs(digits.point) <= kLongestNumber)
    table::append_number(text_, digits, *column_.decimals);
  else
    table::append_number(text_, digits);
  return OutputCell{OutputCell::Kind::Number, text_};
}

Result<OutputCell> CellFormat::boolean(const db::ResultCell& cell) {
  if (cell.kind != db::ResultCell::Kind::Integer || (cell.integer != 0 && cell.integer != 1))
    return not_of_type(cell);
  return OutputCell{OutputCell::Kind::Boolean, cell.integer == 1 ? "true" : "false"};
}

Result<OutputCell> CellFormat::format(const db::ResultCell& cell) {
  if (cell.kind == db::ResultCell::Kind::Null || !column_.type) return plain(cell);
  if (column_.form)
    if (const std::optional<OutputCell> written = in_form(cell)) return *written;
  switch (*column_.type) {
    case table::Type::Integer:
    case table::Type::Number:
    case table::Type::Year:
      return number(cell);
    case table::Type::Boolean:
      return boolean(cell);
    default: {
      OutputCell out = plain(cell);
      out.kind = OutputCell::Kind::Text;
      return out;
    }
  }
}

}  // namespace rowgate::report

#include "report/cell_format.h"

#include "base/text.h"
#include "table/numbers.h"
#include "table/value_format.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace rowgate::report {

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

Result<OutputCell> CellFormat::number(const db::ResultCell& cell) {
  const bool is_text = cell.kind == db::ResultCell::Kind::Text;
  if (is_text && !table::is_plain_number(cell.text)) return not_of_type(cell);
  if (column_.type == table::Type::Integer && cell.kind == db::ResultCell::Kind::Real &&
      cell.real != std::trunc(cell.real))
    return not_of_type(cell);
  if (!column_.decimals) {
    if (is_text) return OutputCell{OutputCell::Kind::Number, cell.text};
    const OutputCell out = plain(cell);
    return out;
  }
  double value = cell.kind == db::ResultCell::Kind::Integer ? static_cast<double>(cell.integer) : cell.real;
  if (is_text) std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), value);
  if (!std::isfinite(value)) return plain(cell);
  text_.clear();
  table::append_number(text_, value, *column_.decimals);
  return OutputCell{OutputCell::Kind::Number, text_};
}

Result<OutputCell> CellFormat::boolean(const db::ResultCell& cell) {
  if (cell.kind != db::ResultCell::Kind::Integer || (cell.integer != 0 && cell.integer != 1))
    return not_of_type(cell);
  return OutputCell{OutputCell::Kind::Boolean, cell.integer == 1 ? "true" : "false"};
}

Result<OutputCell> CellFormat::format(const db::ResultCell& cell) {
  if (cell.kind == db::ResultCell::Kind::Null || !column_.type) return plain(cell);
  switch (*column_.type) {
    case table::Type::Integer:
    case table::Type::Number:
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

#include "db/server/computed.h"

#include "table/numbers.h"

#include <charconv>

namespace rowgate::db::server {

void computed_number(ResultCell& cell, std::string& text, bool is_quotient) {
  if (text.find('.') != text.npos) {
    text.resize(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  const char *begin = text.data(), *end = begin + text.size();
  const bool has_point = text.find('.') != text.npos;
  if (const auto [rest, error] = std::from_chars(begin, end, cell.integer);
      !has_point && error == std::errc() && rest == end) {
    cell.kind = ResultCell::Kind::Integer;
    return;
  }
  const bool is_plain = text.find_first_not_of("-0123456789.") == text.npos;  // not NaN or Infinity
  cell.kind = ResultCell::Kind::Decimal;
  cell.text = text;
  if (is_plain && (!is_quotient || text.size() <= table::kDoubleDigits)) return;
  std::from_chars(begin, end, cell.real);
  cell.kind = ResultCell::Kind::Real;
}

}  // namespace rowgate::db::server

#include "table/value_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace rowgate::table {
namespace {

/// NaN and the infinities as Table Schema writes them.
bool append_nonfinite(std::string& out, double value) {
  if (std::isfinite(value)) return false;
  out += std::isnan(value) ? "NaN" : value < 0 ? "-INF" : "INF";
  return true;
}

/// Never with exponent for 1e-5 <= |x| < 1e15.
constexpr Notation kCanonical = {.least_point = -4,
                                 .most_point = 15,
                                 .always_fraction = false,
                                 .always_exponent_fraction = false,
                                 .exponent = 'e',
                                 .plus = false,
                                 .exponent_digits = 1};

/// d1d2d3... * 10^point without an exponent.
void append_plain(std::string& out, const Digits& number, bool always_fraction) {
  const auto count = static_cast<std::int64_t>(number.digits.size());
  if (number.negative) out += '-';
  if (number.point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-number.point), '0').append(number.digits);
    return;
  }
  const std::int64_t whole = std::min(number.point, count);
  out.append(number.digits, 0, static_cast<std::size_t>(whole));
  out.append(static_cast<std::size_t>(number.point - whole), '0');
  if (whole < count)
    out.append(1, '.').append(number.digits, static_cast<std::size_t>(whole));
  else if (always_fraction)
    out += ".0";
}

void append_with_exponent(std::string& out, const Digits& number, const Notation& notation) {
  const std::int64_t exponent = number.point - 1;
  if (number.negative) out += '-';
  out += number.digits[0];
  if (number.digits.size() > 1)
    out.append(1, '.').append(number.digits, 1);
  else if (notation.always_exponent_fraction)
    out += ".0";
  out += notation.exponent;
  if (exponent < 0)
    out += '-';
  else if (notation.plus)
    out += '+';
  fmt::format_to(std::back_inserter(out), "{:0{}}", std::abs(exponent), notation.exponent_digits);
}

/// Cuts at `decimals` places after the point; half goes away from zero.
void round_to(Digits& number, std::int64_t decimals) {
  const std::int64_t keep = number.point + decimals;
  if (keep >= static_cast<std::int64_t>(number.digits.size())) return;
  if (keep < 0) {
    number = {};
    return;
  }
  bool carry = number.digits[static_cast<std::size_t>(keep)] >= '5';
  number.digits.resize(static_cast<std::size_t>(keep));
  for (std::size_t i = number.digits.size(); carry && i-- > 0;) {
    carry = number.digits[i] == '9';
    number.digits[i] = carry ? '0' : static_cast<char>(number.digits[i] + 1);
  }
  if (carry) {
    number.digits.insert(0, 1, '1');
    ++number.point;
  }
  if (number.digits.find_first_not_of('0') == std::string::npos) number = {};
}

}  // namespace

void append_number(std::string& out, double value) {
  if (!append_nonfinite(out, value)) append_number(out, shortest_digits(value));
}

void append_number(std::string& out, double value, int decimals) {
  if (!append_nonfinite(out, value)) append_number(out, shortest_digits(value), decimals);
}

void append_number(std::string& out, const Digits& number, const Notation& notation) {
  if (number.digits.empty())
    out += notation.always_fraction ? "0.0" : "0";
  else if (number.point >= notation.least_point && number.point <= notation.most_point)
    append_plain(out, number, notation.always_fraction);
  else
    append_with_exponent(out, number, notation);
}

void append_number(std::string& out, const Digits& number) {
  append_number(out, number, kCanonical);
}

void append_number(std::string& out, Digits number, int decimals) {
  round_to(number, decimals);
  const std::size_t begin = out.size();
  if (number.digits.empty()) {
    out += '0';
  } else {
    append_plain(out, number, false);
  }
  if (decimals <= 0) return;
  std::size_t point = out.find('.', begin);
  if (point == out.npos) {
    point = out.size();
    out += '.';
  }
  const std::size_t have = out.size() - point - 1, want = static_cast<std::size_t>(decimals);
  if (have < want) out.append(want - have, '0');
  out.resize(point + 1 + want);  // zeros that rounding left behind
}

std::string year_text(std::string_view number) {
  constexpr std::size_t kDigits = 4;
  const bool is_negative = number.starts_with('-');
  const std::string_view digits = number.substr(is_negative ? 1 : 0);
  const std::size_t missing = kDigits - std::min(digits.size(), kDigits);
  return (is_negative ? "-" : "") + std::string(missing, '0') + std::string(digits);
}

}  // namespace rowgate::table

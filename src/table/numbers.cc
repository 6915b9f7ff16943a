#include "table/numbers.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace rowgate::table {
namespace {

constexpr std::int64_t kFarPoint = 1'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digit_run(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}

bool is_sign(char c) {
  return c == '-' || c == '+';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The number within text around it, see to_plain_number. `negative_before` tells a minus that stands first
/// of all.
std::string strip_text(std::string_view& text, const NumberForm& form, bool& negative_before) {
  std::size_t begin = 0, end = text.size();
  while (begin < end && !is_digit(text[begin])) ++begin;
  while (end > begin && !is_digit(text[end - 1])) --end;
  if (begin == end) return "no digit";
  if (text.substr(0, begin).ends_with(form.decimal_char)) {
    begin -= form.decimal_char.size();
    if (begin > 0 && is_letter(text[begin - 1]))
      return "a decimal character that may belong to the text before it";
  }
  if (begin > 0 && is_sign(text[begin - 1])) --begin;
  std::string_view before = text.substr(0, begin);
  if (!before.empty() && is_sign(before[0])) {
    if (is_sign(text[begin])) return "two signs";
    negative_before = before[0] == '-';
    before.remove_prefix(1);
  }
  const std::string_view after = text.substr(end);
  if (before.find_first_of("-+()") != before.npos || after.find_first_of("-+()") != after.npos)
    return "a sign or parenthesis apart from the number";
  text = text.substr(begin, end - begin);
  return {};
}

/// Appends the whole part without its group characters; `at` moves behind it.
std::string take_whole_part(std::string_view text, const NumberForm& form, std::size_t& at,
                            std::string& out) {
  std::size_t groups = 0, size = digit_run(text, at);
  while (true) {
    out.append(text.substr(at, size));
    at += size;
    const bool more = !form.group_char.empty() && size > 0 && text.substr(at).starts_with(form.group_char);
    if (groups > 0 && size != 3 && (size != 2 || !more)) return "a group without three digits";
    if (groups == 0 && more && size > 3) return "a group without three digits";
    if (!more) return {};
    ++groups;
    at += form.group_char.size();
    size = digit_run(text, at);
  }
}

double infinity_for(const Digits& digits) {
  const double infinity = std::numeric_limits<double>::infinity();
  return digits.negative ? -infinity : infinity;
}

/// Exact where the digits fit 53 bits and the power of ten is exact too (W. D. Clinger, "How to read floating
/// point numbers accurately", 1990); at most 15 digits always survive a double.
bool read_short_double(std::string_view plain, double& value) {
  static constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (plain.size() > 16) return false;
  std::size_t at = plain[0] == '-' || plain[0] == '+' ? 1 : 0;
  std::uint64_t digits = 0;
  std::size_t count = 0, after_point = 0;
  bool point = false;
  for (; at < plain.size(); ++at) {
    if (plain[at] == '.') {
      point = true;
      continue;
    }
    if (!is_digit(plain[at])) return false;
    digits = digits * 10 + static_cast<std::uint64_t>(plain[at] - '0');
    ++count;
    if (point) ++after_point;
  }
  if (count > 15) return false;
  value = static_cast<double>(digits) / kPowers[after_point];
  if (plain[0] == '-' && digits != 0) value = -value;
  return true;
}

}  // namespace

bool is_plain_number(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole = digit_run(text, at);
  at += whole;
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    fraction = digit_run(text, at + 1);
    at += 1 + fraction;
  }
  if (whole + fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = digit_run(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

std::string to_plain_number(std::string_view text, const NumberForm& form, std::string& scratch,
                            std::string_view& plain) {
  bool negative_before = false;
  if (!form.bare) {
    if (std::string why = strip_text(text, form, negative_before); !why.empty()) return why;
  }
  if (form.decimal_char == "." && form.group_char.empty() && !negative_before) {
    plain = text;
    return is_plain_number(plain) ? std::string() : std::string("no number");
  }
  scratch.clear();
  std::size_t at = 0;
  if (negative_before) scratch += '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) scratch += text[at++];
  if (std::string why = take_whole_part(text, form, at, scratch); !why.empty()) return why;
  std::string_view rest = text.substr(at);
  if (rest.starts_with(form.decimal_char)) {
    scratch += '.';
    rest.remove_prefix(form.decimal_char.size());
  } else if (rest.starts_with('.')) {
    return "a point where `" + form.decimal_char + "` is the decimal character";
  }
  scratch += rest;
  plain = scratch;
  return is_plain_number(plain) ? std::string() : std::string("no number");
}

NumberVerdict read_integer(std::string_view plain, std::int64_t& value) {
  std::size_t at = !plain.empty() && (plain[0] == '-' || plain[0] == '+') ? 1 : 0;
  if (at == plain.size() || digit_run(plain, at) != plain.size() - at) return NumberVerdict::NotNumber;
  if (plain[0] == '+') plain.remove_prefix(1);
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return error == std::errc() ? NumberVerdict::Fine : NumberVerdict::OutOfRange;
}

Digits digits_of(std::string_view plain) {
  Digits result;
  std::size_t at = 0;
  if (plain[0] == '-' || plain[0] == '+') result.negative = plain[at++] == '-';
  bool point = false;
  for (; at < plain.size() && plain[at] != 'e' && plain[at] != 'E'; ++at) {
    if (plain[at] == '.') {
      point = true;
    } else {
      if (plain[at] == '0' && result.digits.empty()) {
        if (point) --result.point;
        continue;
      }
      result.digits += plain[at];
      if (!point) ++result.point;
    }
  }
  if (at < plain.size()) {
    std::string_view exponent = plain.substr(at + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    std::int64_t power = 0;
    const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
    if (error != std::errc() || power > kFarPoint || power < -kFarPoint)
      power = exponent.starts_with('-') ? -kFarPoint : kFarPoint;
    result.point += power;
  }
  while (result.digits.ends_with('0')) result.digits.pop_back();
  if (result.digits.empty()) return {};
  return result;
}

Digits shortest_digits(double value) {
  std::array<char, 40> buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  return digits_of({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
}

NumberVerdict read_double(std::string_view plain, double& value) {
  if (read_short_double(plain, value)) return NumberVerdict::Fine;
  const Digits written = digits_of(plain);
  if (written.digits.empty()) {
    value = 0;
    return NumberVerdict::Fine;
  }
  if (plain[0] == '+') plain.remove_prefix(1);
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc()) {
    value = written.point > 0 ? infinity_for(written) : 0;
    return NumberVerdict::OutOfRange;
  }
  return shortest_digits(value) == written ? NumberVerdict::Fine : NumberVerdict::OutOfRange;
}

NumberVerdict append_decimal(std::string& out, std::string_view plain, const Decimal& decimal) {
  const Digits written = digits_of(plain);
  const auto scale = static_cast<std::size_t>(decimal.scale);
  const auto count = static_cast<std::int64_t>(written.digits.size());
  if (written.point > decimal.precision - decimal.scale || count - written.point > decimal.scale)
    return NumberVerdict::OutOfRange;
  if (written.negative) out += '-';
  const std::size_t begin = out.size();
  // From here on |point| is at most the precision: all zeros that are written fit it.
  for (std::int64_t place = 0; place < written.point; ++place)
    out += place < count ? written.digits[static_cast<std::size_t>(place)] : '0';
  if (out.size() == begin) out += '0';
  if (scale == 0) return NumberVerdict::Fine;
  out += '.';
  for (std::int64_t place = written.point; place < written.point + decimal.scale; ++place)
    out += place >= 0 && place < count ? written.digits[static_cast<std::size_t>(place)] : '0';
  return NumberVerdict::Fine;
}

int compare_decimals(std::string_view left, std::string_view right) {
  const bool left_negative = left.starts_with('-'), right_negative = right.starts_with('-');
  if (left_negative != right_negative) return left_negative ? -1 : 1;
  const int sign = left_negative ? -1 : 1;
  if (left.size() != right.size()) return left.size() < right.size() ? -sign : sign;
  return sign * left.compare(right);
}

}  // namespace rowgate::table

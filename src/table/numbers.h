#pragma once

#include "table/schema.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace rowgate::table {

/// A decimal number of any size, exact: 0.d1d2d3... times 10^point. Zero has no digits.
struct Digits {
  bool negative = false;
  std::string digits = {};  ///< without leading and trailing zeros
  std::int64_t point = 0;
  friend bool operator==(const Digits&, const Digits&) = default;
};

/// A decimal of so many digits comes back from the double next to it, so a double can stand for it.
inline constexpr int kDoubleDigits = std::numeric_limits<double>::digits10;

/// How numbers are written in a field: decimalChar, groupChar, bareNumber.
struct NumberForm {
  std::string decimal_char = ".";
  std::string group_char = {};
  bool bare = true;
};

/// What became of a text that should be a number.
enum class NumberVerdict : std::uint8_t { Fine, NotNumber, OutOfRange };

/// Brings `text` to the plain form of XML Schema's decimal and double, "[-+]digits[.digits][e[-+]digits]",
/// and checks that it is one. Group characters may stand only between digits of the whole part, the last
/// group having three digits, groups before it two or three ("1,234,567", "12,34,567"): so a decimal comma is
/// never taken for one. With bare = false text around the number is passed over, as long as it holds no
/// digit, sign or parenthesis (whose meaning would be lost); a sign counts where it stands directly before
/// the number or first of all ("-$5"). Returns why it is no number, or an empty text; `plain` is then set.
/// May return `text` itself in `plain`.
std::string to_plain_number(std::string_view text, const NumberForm& form, std::string& scratch,
                            std::string_view& plain);

/// True for the plain form above.
bool is_plain_number(std::string_view text);

/// Optional sign and digits, nothing else; leading zeros are fine (xsd:integer).
NumberVerdict read_integer(std::string_view plain, std::int64_t& value);

/// The exact value of a plain number. An exponent too large to hold becomes a very large `point`.
Digits digits_of(std::string_view plain);
/// The shortest decimal number that reads back as `value`, which must be finite.
Digits shortest_digits(double value);

/// Reads a plain number that survives a double: the double's shortest form is the same number. Otherwise
/// OutOfRange, with the nearest double (or an infinity) in `value`. -0 becomes 0.
NumberVerdict read_double(std::string_view plain, double& value);

/// Appends a plain number with exactly `decimal.scale` digits after the point. OutOfRange when digits would
/// be lost.
NumberVerdict append_decimal(std::string& out, std::string_view plain, const Decimal& decimal);

/// Compares two canonical decimals of the same scale: negative, 0 or positive.
int compare_decimals(std::string_view left, std::string_view right);

}  // namespace rowgate::table

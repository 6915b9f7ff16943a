#pragma once

#include "table/numbers.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace rowgate::table {

/// Where a number is written without exponent, and how with one. `least_point` and `most_point` bound the
/// point of the digits (see Digits).
struct Notation {
  std::int64_t least_point, most_point;  ///< plain between these
  bool always_fraction;                  ///< "1.0"
  bool always_exponent_fraction;         ///< "1.0E7"
  char exponent;
  bool plus;            ///< before a positive exponent
  int exponent_digits;  ///< at least
};
void append_number(std::string& out, const Digits& number, const Notation& notation);

/// Appends the shortest decimal form that reads back as the same double: "0.1", "1e+300" as "1e300", "-0" as
/// "0"; never with exponent for 1e-5 <= |x| < 1e15. The one formatter of numbers in reports and SQL literals.
void append_number(std::string& out, double value);
/// With exactly `decimals` digits after the point, half away from zero on the shortest decimal form.
void append_number(std::string& out, double value, int decimals);
/// The same for a decimal number of any size, exactly.
void append_number(std::string& out, const Digits& number);
void append_number(std::string& out, Digits number, int decimals);
/// A whole number as read_year() takes it: "1" as "0001", "-5" as "-0005".
std::string year_text(std::string_view number);

}  // namespace rowgate::table

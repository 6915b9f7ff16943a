#pragma once

#include <string>
#include <string_view>

namespace rowgate::table {

/// A duration, in XML Schema's two parts (XML Schema 1.1 part 2, section 3.3.6): months, whose length
/// differs, and the rest in nanoseconds. Both have the same sign.
struct Duration {
  __extension__ using Whole = __int128;
  Whole months = 0, nanoseconds = 0;
};

/// Reads "P1Y2M3DT4H5M6.7S", each part optional but one, a minus before it. Says why `text` is none, or is
/// empty. A number may have at most 15 digits, a fraction of a second at most 9, so that any two can be
/// compared; `out_of_range` tells that this is what is wrong.
std::string read_duration(std::string_view text, Duration& duration, bool& out_of_range);

/// Negative, 0, positive; 2 where the order depends on the day from which they are counted, as for P1M and
/// P30D.
int compare(const Duration& left, const Duration& right);

}  // namespace rowgate::table

#include "table/value_format.h"

#include "table/numbers.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace rowgate::table {
namespace {

std::string formatted(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

std::string formatted(double value, int decimals) {
  std::string out;
  append_number(out, value, decimals);
  return out;
}

TEST(FormatNumber, IsTheShortestFormThatReadsBack) {
  struct Case {
    double value;
    std::string_view text;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {0.0, "0"},
      {-0.0, "0"},
      {0.1, "0.1"},
      {-1.5, "-1.5"},
      {100.0, "100"},
      {1.0 / 3, "0.3333333333333333"},
      {0.00001, "0.00001"},
      {0.000001, "1e-6"},
      {1e14, "100000000000000"},
      {1e15, "1e15"},
      {1e300, "1e300"},
      {-1.25e-7, "-1.25e-7"},
      {123456.789, "123456.789"},
      {5e-324, "5e-324"},
      {kInfinity, "INF"},
      {-kInfinity, "-INF"},
      {std::nan(""), "NaN"},
  };
  for (const Case& c : cases) EXPECT_EQ(formatted(c.value), c.text);
}

TEST(FormatNumber, DecimalsAreRoundedHalfAwayFromZero) {
  struct Case {
    double value;
    int decimals;
    std::string_view text;
  };
  const Case cases[] = {
      {2.675, 2, "2.68"},
      {-2.675, 2, "-2.68"},
      {2.674, 2, "2.67"},
      {0.5, 0, "1"},
      {0.4, 0, "0"},
      {-0.4, 0, "0"},
      {-0.5, 0, "-1"},
      {1.5, 3, "1.500"},
      {0, 2, "0.00"},
      {9.995, 2, "10.00"},
      {99.5, 0, "100"},
      {0.05, 1, "0.1"},
      {0.04, 1, "0.0"},
      {-0.004, 2, "0.00"},
      {0.001, 1, "0.0"},
      {1e20, 1, "100000000000000000000.0"},
      {1234.5678, 1, "1234.6"},
      {0.0999, 2, "0.10"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(formatted(c.value, c.decimals), c.text) << c.value << ' ' << c.decimals;
}

RC_GTEST_PROP(FormatNumberProperty, EveryFiniteDoubleReadsBack, (std::uint64_t bits)) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  RC_PRE(std::isfinite(value));
  double read = -7;
  RC_ASSERT(read_double(formatted(value), read) == NumberVerdict::Fine);
  RC_ASSERT(read == value);
}

RC_GTEST_PROP(FormatNumberProperty, RoundingMovesByHalfAUnitAtMost, ()) {
  const double value = *rc::gen::inRange(-1'000'000, 1'000'000) / 1000.0;
  const int decimals = *rc::gen::inRange(0, 4);
  const std::string text = formatted(value, decimals);
  RC_ASSERT(std::abs(std::stod(text) - value) <= 0.5 * std::pow(10, -decimals) + 1e-9);
  RC_ASSERT(text != "-0" && !text.starts_with("-0.000"));
}

}  // namespace
}  // namespace rowgate::table

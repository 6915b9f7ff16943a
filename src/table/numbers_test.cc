#include "table/numbers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace rowgate::table {
namespace {

/// The plain form, or "no: why".
std::string plain_of(const NumberForm& form, std::string_view text) {
  std::string scratch;
  std::string_view plain;
  const std::string why = to_plain_number(text, form, scratch, plain);
  return why.empty() ? std::string(plain) : "no: " + why;
}

TEST(PlainNumber, IsTheFormOfXmlSchema) {
  for (const std::string_view text :
       {"0", "-1", "+1", "1.5", "1.", ".5", "-.5", "1e3", "1E-3", "1.5e+10", "007"})
    EXPECT_TRUE(is_plain_number(text)) << text;
  for (const std::string_view text : {"", "-", ".", "+.", "e3", "1e", "1e+", "1.2.3", "1 ", " 1", "--1",
                                      "1e3.5", "0x10", "1,5", "NaN", "inf", "1_000"})
    EXPECT_FALSE(is_plain_number(text)) << text;
}

struct FormCase {
  NumberForm form;
  std::string_view text, plain;
};

TEST(PlainNumber, GroupsAndDecimalCharactersAreTakenOut) {
  const NumberForm english{.group_char = ","}, german{.decimal_char = ",", .group_char = "."},
      swiss{.group_char = "'"}, comma{.decimal_char = ","};
  const FormCase cases[] = {
      {english, "1,234,567.89", "1234567.89"},
      {english, "1234567.89", "1234567.89"},
      {english, "12,34,567", "1234567"},
      {english, "-1,234", "-1234"},
      {english, "1,23", "no: a group without three digits"},
      {english, "1234,567", "no: a group without three digits"},
      {english, "1,234,5", "no: a group without three digits"},
      {english, "1,,234", "no: a group without three digits"},
      {english, "1,234,", "no: a group without three digits"},
      {english, ",234", "no: no number"},
      {english, "1.234,567", "no: no number"},
      {german, "1.234,5", "1234.5"},
      {german, "1,5", "1.5"},
      {german, "1.5", "no: a group without three digits"},
      {comma, "1,5", "1.5"},
      {comma, "1.5", "no: a point where `,` is the decimal character"},
      {swiss, "1'234.5", "1234.5"},
  };
  for (const FormCase& c : cases) EXPECT_EQ(plain_of(c.form, c.text), c.plain) << c.text;
}

TEST(PlainNumber, TextAroundItIsPassedOverOnlyWhereItMeansNothing) {
  const NumberForm loose{.bare = false};
  const FormCase cases[] = {
      {loose, "95%", "95"},
      {loose, "EUR 12.50", "12.50"},
      {loose, "-$5", "-5"},
      {loose, "$-5", "-5"},
      {loose, "5 kg", "5"},
      {{.group_char = ",", .bare = false}, "$1,234.50 net", "1234.50"},
      {loose, "none", "no: no digit"},
      {loose, "-$-5", "no: two signs"},
  };
  for (const FormCase& c : cases) EXPECT_EQ(plain_of(c.form, c.text), c.plain) << c.text;
  for (const std::string_view text : {"(5)", "5-", "3-4", "1 2"})
    EXPECT_TRUE(plain_of(loose, text).starts_with("no: ")) << text << " became " << plain_of(loose, text);
}

TEST(Integer, Has64Bits) {
  struct Case {
    std::string_view text;
    NumberVerdict verdict;
    std::int64_t value;
  };
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const Case cases[] = {
      {"9223372036854775807", NumberVerdict::Fine, kMost},
      {"+9223372036854775807", NumberVerdict::Fine, kMost},
      {"-9223372036854775808", NumberVerdict::Fine, kLeast},
      {"000000000000000000000000000007", NumberVerdict::Fine, 7},
      {"-0", NumberVerdict::Fine, 0},
      {"9223372036854775808", NumberVerdict::OutOfRange, 0},
      {"-9223372036854775809", NumberVerdict::OutOfRange, 0},
      {"99999999999999999999999999", NumberVerdict::OutOfRange, 0},
      {"", NumberVerdict::NotNumber, 0},
      {"-", NumberVerdict::NotNumber, 0},
      {"+-1", NumberVerdict::NotNumber, 0},
      {"1.0", NumberVerdict::NotNumber, 0},
      {"1e3", NumberVerdict::NotNumber, 0},
      {"1 ", NumberVerdict::NotNumber, 0},
  };
  for (const Case& c : cases) {
    std::int64_t value = 0;
    EXPECT_EQ(read_integer(c.text, value), c.verdict) << c.text;
    if (c.verdict == NumberVerdict::Fine) EXPECT_EQ(value, c.value) << c.text;
  }
}

TEST(DigitsOf, AreTheValueWhateverTheForm) {
  for (const std::string_view text :
       {"1500", "1.5e3", "0001500.000", "15E2", "+1500", "0.0015e6", "150000e-2"})
    EXPECT_EQ(digits_of(text), (Digits{.digits = "15", .point = 4})) << text;
  for (const std::string_view text : {"0", "-0", "0.000", "0e99", ".0"})
    EXPECT_EQ(digits_of(text), Digits{}) << text;
  EXPECT_EQ(digits_of("-0.05"), (Digits{.negative = true, .digits = "5", .point = -1}));
  EXPECT_GT(digits_of("1e99999999999999999999").point, 100'000'000);
  EXPECT_LT(digits_of("1e-99999999999999999999").point, -100'000'000);
}

TEST(Double, IsRefusedWhereItWouldChangeTheNumber) {
  struct Case {
    std::string_view text;
    NumberVerdict verdict;
    double value;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"0.1", NumberVerdict::Fine, 0.1},
      {"123456789012345", NumberVerdict::Fine, 123456789012345.0},
      {"0.3000", NumberVerdict::Fine, 0.3},
      {"1e300", NumberVerdict::Fine, 1e300},
      {"9007199254740992", NumberVerdict::Fine, 9007199254740992.0},
      {"9007199254740993", NumberVerdict::OutOfRange, 9007199254740992.0},
      {"0.1234567890123456789", NumberVerdict::OutOfRange, 0.12345678901234568},
      {"5e-324", NumberVerdict::Fine, 5e-324},
      {"1e400", NumberVerdict::OutOfRange, infinity},
      {"-1e400", NumberVerdict::OutOfRange, -infinity},
      {"1e-400", NumberVerdict::OutOfRange, 0},
      {"0e400", NumberVerdict::Fine, 0},
  };
  for (const Case& c : cases) {
    double value = -7;
    EXPECT_EQ(read_double(c.text, value), c.verdict) << c.text;
    EXPECT_EQ(value, c.value) << c.text;
  }
  for (const std::string_view text : {"-0", "-0.0", "-0e5"}) {
    double value = -7;
    EXPECT_EQ(read_double(text, value), NumberVerdict::Fine);
    EXPECT_FALSE(std::signbit(value)) << text;
  }
}

TEST(DecimalNumber, IsExactOrRefused) {
  struct Case {
    Decimal form;
    std::string_view text, canonical;  ///< empty: refused
  };
  const Case cases[] = {
      {{6, 2}, "12.5", "12.50"},
      {{6, 2}, "-0.5", "-0.50"},
      {{6, 2}, "0", "0.00"},
      {{6, 2}, "-0.00", "0.00"},
      {{6, 2}, "9999.99", "9999.99"},
      {{6, 2}, "10000", ""},
      {{6, 2}, "0.005", ""},
      {{6, 2}, "1.2300", "1.23"},
      {{6, 2}, "1.2e3", "1200.00"},
      {{6, 2}, "1e-2", "0.01"},
      {{6, 2}, "1e-3", ""},
      {{6, 2}, "00012", "12.00"},
      {{3, 0}, "999", "999"},
      {{3, 0}, "1000", ""},
      {{3, 0}, "1.0", "1"},
      {{2, 2}, "0.99", "0.99"},
      {{2, 2}, "1", ""},
      {{6, 2}, "1e999999999999", ""},
      {{38, 0}, "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
  };
  for (const Case& c : cases) {
    std::string out;
    const NumberVerdict verdict = append_decimal(out, c.text, c.form);
    EXPECT_EQ(verdict, c.canonical.empty() ? NumberVerdict::OutOfRange : NumberVerdict::Fine) << c.text;
    if (verdict == NumberVerdict::Fine) EXPECT_EQ(out, c.canonical) << c.text;
  }
}

TEST(DecimalNumber, IsComparedByValue) {
  const std::string_view ascending[] = {"-100.00", "-20.00", "-3.50", "-0.01", "0.00",
                                        "0.01",    "3.50",   "20.00", "100.00"};
  for (std::size_t i = 0; i < std::size(ascending); ++i)
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      const int order = compare_decimals(ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << ascending[i] << ' ' << ascending[j];
      EXPECT_EQ(order > 0, i > j) << ascending[i] << ' ' << ascending[j];
    }
}

RC_GTEST_PROP(DoubleProperty, EveryDoubleReadsBackFromItsShortestForm, (std::uint64_t bits)) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  RC_PRE(std::isfinite(value));
  double read = -7;
  RC_ASSERT(read_double(fmt::format("{}", value), read) == NumberVerdict::Fine);
  RC_ASSERT(read == value);
}

RC_GTEST_PROP(DoubleProperty, ShortNumbersAreReadAsByTheStandardLibrary,
              (std::uint64_t digits, bool negative)) {
  digits %= 1'000'000'000'000'000;
  std::string text = std::to_string(digits);
  const auto point = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  text.insert(point, ".");
  if (negative) text.insert(0, "-");
  double expected = -7, value = -7;
  std::from_chars(text.data(), text.data() + text.size(), expected);
  RC_ASSERT(read_double(text, value) == NumberVerdict::Fine);
  RC_ASSERT(value == expected);
}

RC_GTEST_PROP(DecimalProperty, WhatIsTakenHasTheSameValue, (std::int32_t whole, std::uint16_t fraction)) {
  const std::string text = fmt::format("{}.{}", whole, fraction);
  std::string out;
  const Decimal form{14, 4};
  const NumberVerdict verdict = append_decimal(out, text, form);
  RC_ASSERT((verdict == NumberVerdict::Fine) ==
            (digits_of(text).digits.empty() || fraction < 10000 || fraction % 10 == 0));
  if (verdict == NumberVerdict::Fine) RC_ASSERT(digits_of(out) == digits_of(text));
}

}  // namespace
}  // namespace rowgate::table

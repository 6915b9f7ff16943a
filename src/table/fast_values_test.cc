#include "table/fast_values.h"

#include "table/numbers.h"
#include "table/temporal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <string>

namespace rowgate::table {
namespace {

/// With bytes behind the value that would change it, were they taken for part of it.
std::optional<std::int64_t> short_integer(const std::string& text) {
  const std::string followed = text + "99999999";
  std::int64_t value = 0;
  if (!read_short_integer(followed.data(), text.size(), value)) return std::nullopt;
  return value;
}

bool utc_second_exists(const std::string& text) {
  const std::string followed = text + "99999999";
  return is_utc_second(followed.data());
}

bool complete_way_takes(const std::string& text) {
  static const TemporalFormat format = *TemporalFormat::make(Type::Datetime, "default");
  Moment moment;
  std::string trouble;
  return text.ends_with('Z') && format.read(text, moment, trouble);
}

TEST(ShortInteger, HasOneTo16Digits) {
  for (std::size_t digits = 1; digits <= 16; ++digits) {
    const std::string text = std::string("1234567890123456").substr(0, digits);
    EXPECT_EQ(short_integer(text), std::stoll(text));
    EXPECT_EQ(short_integer("-" + text), -std::stoll(text));
    EXPECT_EQ(short_integer(std::string(digits, '0')), 0);
    EXPECT_EQ(short_integer(std::string(digits, '9')), std::stoll(std::string(digits, '9')));
  }
  for (const std::string text :
       {"", "-", "+1", "--1", "1-", "12345678901234567", "-12345678901234567", " 1", "1 "})
    EXPECT_EQ(short_integer(text), std::nullopt) << text;
}

TEST(ShortInteger, EveryOtherByteIsRefusedAtEveryPlace) {
  for (std::size_t digits = 1; digits <= 16; ++digits)
    for (std::size_t at = 0; at < digits; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(digits, '5');
        text[at] = static_cast<char>(byte);
        const bool digit = byte >= '0' && byte <= '9';
        const bool sign = byte == '-' && at == 0 && digits > 1;
        ASSERT_EQ(short_integer(text).has_value(), digit || sign) << digits << ' ' << at << ' ' << byte;
      }
}

TEST(UtcSecond, EveryByteAtEveryPlaceIsJudgedAsByTheCompleteWay) {
  for (const std::string start : {"2021-11-07T02:48:42Z", "2020-02-29T19:59:59Z", "2000-10-30T23:00:00Z"})
    for (std::size_t at = 0; at < start.size(); ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = start;
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(utc_second_exists(text), complete_way_takes(text)) << at << ' ' << byte;
      }
}

TEST(UtcSecond, EveryDayIsJudgedAsByTheCompleteWay) {
  for (const int year : {0, 1, 4, 100, 400, 1900, 1999, 2000, 2020, 2021, 9999})
    for (int month = 0; month < 20; ++month)
      for (int day = 0; day < 40; ++day) {
        const std::string text = fmt::format("{:04}-{:02}-{:02}T00:00:00Z", year, month, day);
        ASSERT_EQ(utc_second_exists(text), complete_way_takes(text)) << text;
      }
  for (int value = 0; value < 100; ++value)
    for (const std::string& text :
         {fmt::format("2021-11-07T{:02}:00:00Z", value), fmt::format("2021-11-07T00:{:02}:00Z", value),
          fmt::format("2021-11-07T00:00:{:02}Z", value)})
      ASSERT_EQ(utc_second_exists(text), complete_way_takes(text)) << text;
}

RC_GTEST_PROP(UtcSecondProperty, OrderIsTheOrderOfTheTexts, ()) {
  const auto some = [] {
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", *rc::gen::inRange(1998, 2002),
                       *rc::gen::inRange(1, 3), *rc::gen::inRange(1, 3), *rc::gen::inRange(0, 2),
                       *rc::gen::inRange(0, 2), *rc::gen::inRange(0, 60));
  };
  const std::string left = some(), right = some();
  RC_ASSERT((utc_second(left.data()) < utc_second(right.data())) == (left < right));
  RC_ASSERT((utc_second(left.data()) == utc_second(right.data())) == (left == right));
}

RC_GTEST_PROP(ShortIntegerProperty, IsWhatTheCompleteWayReads, (std::int64_t value)) {
  const std::string text = std::to_string(value % 1'000'000'000'000'000);
  std::int64_t expected = 0;
  RC_ASSERT(read_integer(text, expected) == NumberVerdict::Fine);
  RC_ASSERT(short_integer(text) == expected);
}

}  // namespace
}  // namespace rowgate::table

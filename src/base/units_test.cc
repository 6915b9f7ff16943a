#include "base/units.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rowgate {
namespace {

using namespace std::chrono_literals;

TEST(Bytes, AreReadWithAUnit) {
  const std::pair<const char*, std::uint64_t> cases[] = {
      {"0", 0},
      {"500", 500},
      {"500B", 500},
      {"64KiB", 64 * kKiB},
      {"10MiB", 10 * kMiB},
      {"1GiB", kGiB},
      {"2TiB", 2048 * kGiB},
      {" 10 MiB ", 10 * kMiB},
      {"18446744073709551615", UINT64_MAX},
      {"16777215TiB", 16777215 * (1024 * kGiB)},
  };
  for (const auto& [text, bytes] : cases) EXPECT_EQ(parse_bytes(text).value_or(99), bytes) << text;
}

TEST(Bytes, AreNotGuessed) {
  for (const char* text : {"", "MiB", "10MB", "10mib", "10 Mi B", "1.5GiB", "-1", "+1", "1e3", "0x10", "10k",
                           "18446744073709551616", "16777216TiB", "10MiB/s"}) {
    const auto bytes = parse_bytes(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Code::ConfigInvalid);
    EXPECT_EQ(to_text(bytes.error()),
              fmt::format("'{}' is not a size (write a whole number of bytes with a unit: 500, 64KiB, 10MiB, "
                          "1GiB)",
                          text));
  }
}

TEST(Duration, IsReadWithAUnit) {
  const std::pair<const char*, std::chrono::milliseconds> cases[] = {
      {"0s", 0ms},   {"500ms", 500ms},
      {"10s", 10s},  {"5m", 5min},
      {"24h", 24h},  {"7d", 7 * 24h},
      {" 1 h ", 1h}, {"9223372036854775807ms", std::chrono::milliseconds::max()},
  };
  for (const auto& [text, time] : cases) EXPECT_EQ(parse_duration(text).value_or(-1ms), time) << text;
}

TEST(Duration, IsNotGuessed) {
  for (const char* text : {"", "10", "s", "1.5h", "-1s", "+1s", "10S", "10 sec", "1h30m", "1w",
                           "9223372036854775808ms", "9223372036854775807s"}) {
    const auto time = parse_duration(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::ConfigInvalid);
    EXPECT_EQ(to_text(time.error()),
              fmt::format("'{}' is not a length of time (write a whole number with a unit: 500ms, 10s, 5m, "
                          "24h, 7d)",
                          text));
  }
}

TEST(BytesText, HasOneDigitWhereItIsNotWhole) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 B"},
      {500, "500 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {92972, "90.8 KiB"},
      {1023 * kKiB, "1023 KiB"},
      {kMiB - 1, "1.0 MiB"},
      {kGiB, "1 GiB"},
      {kGiB + kGiB / 2, "1.5 GiB"},
      {1024 * kGiB, "1 TiB"},
      {UINT64_MAX, "16384 PiB"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(bytes_text(bytes), text);
}

RC_GTEST_PROP(BytesProperty, AWholeTextReadsBack, ()) {
  const auto unit = *rc::gen::elementOf(std::vector<std::uint64_t>{1, kKiB, kMiB, kGiB});
  const std::uint64_t bytes = *rc::gen::inRange<std::uint64_t>(0, 1024) * unit;
  RC_ASSERT(parse_bytes(bytes_text(bytes)).value() == bytes);
}

TEST(RejectLimit, IsACountOrAShare) {
  const std::pair<const char*, const char*> cases[] = {
      {"100", "100"}, {"0", "0"},        {"5%", "5 %"},     {" 5 % ", "5 %"},
      {"0%", "0 %"},  {"0.5%", "0.5 %"}, {"100%", "100 %"},
  };
  for (const auto& [text, shown_as] : cases) {
    const auto limit = parse_reject_limit(text);
    ASSERT_TRUE(limit) << text;
    EXPECT_EQ(limit->text(), shown_as);
    EXPECT_EQ(parse_reject_limit(limit->text())->text(), shown_as);
  }
  EXPECT_EQ(RejectLimit{}.text(), "10 %");
}

TEST(RejectLimit, IsNotGuessed) {
  for (const char* text : {"", "%", "-1", "-1%", "101%", "1.5", "5 percent", "nan%", "inf%", "5%%", "1,5%",
                           "18446744073709551616"}) {
    const auto limit = parse_reject_limit(text);
    ASSERT_FALSE(limit) << text;
    EXPECT_EQ(limit.error().code, Code::ConfigInvalid);
    EXPECT_EQ(
        to_text(limit.error()),
        fmt::format("'{}' is not a limit of rejects (write a number of rows (100) or a share (5%))", text));
  }
}

TEST(RejectLimit, MayBeReachedButNotExceeded) {
  const RejectLimit hundred{.count = 100}, none{.count = 0}, tenth{.percent = 10}, zero{.percent = 0},
      all{.percent = 100};
  EXPECT_FALSE(hundred.exceeded(100, 100));
  EXPECT_TRUE(hundred.exceeded(101, 1'000'000));
  EXPECT_TRUE(none.exceeded(1, 1'000'000));
  EXPECT_FALSE(tenth.exceeded(199, 1999));
  EXPECT_TRUE(tenth.exceeded(200, 1999));
  EXPECT_FALSE(tenth.exceeded(0, 0));
  EXPECT_TRUE(zero.exceeded(1, 1'000'000'000'000));
  EXPECT_FALSE(zero.exceeded(0, 7));
  EXPECT_FALSE(all.exceeded(7, 7));
}

// 0.57 * 10000 is 5699.999... in doubles, yet 57 of 10000 are exactly 0.57 %.
TEST(RejectLimit, AShareIsMeantAsItIsWritten) {
  for (std::uint64_t hundredths = 1; hundredths <= 10'000; ++hundredths) {
    const auto limit = parse_reject_limit(fmt::format("{}.{:02}%", hundredths / 100, hundredths % 100));
    ASSERT_TRUE(limit);
    for (const std::uint64_t factor : {1ull, 3ull, 7'919ull, 10'000'000ull}) {
      ASSERT_FALSE(limit->exceeded(hundredths * factor, 10'000 * factor)) << hundredths;
      ASSERT_TRUE(limit->exceeded(hundredths * factor + 1, 10'000 * factor)) << hundredths;
    }
  }
}

}  // namespace
}  // namespace rowgate

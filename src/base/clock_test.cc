#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rowgate {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(Rfc3339, IsWrittenInUtcWithMilliseconds) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'772'366'400 * kSecond + 250'000, "2026-03-01T12:00:00.250Z"},
      {951'782'400 * kSecond, "2000-02-29T00:00:00.000Z"},
      {253'402'300'799 * kSecond + 999'000, "9999-12-31T23:59:59.999Z"},
      {-kSecond, "1969-12-31T23:59:59.000Z"},
      {-62'167'219'200 * kSecond, "0000-01-01T00:00:00.000Z"},
  };
  for (const auto& [micros, text] : cases) {
    EXPECT_EQ(to_rfc3339({micros}), text);
    EXPECT_EQ(from_rfc3339(text), Timestamp{micros}) << text;
  }
}

TEST(Rfc3339, NeverRoundsUp) {
  EXPECT_EQ(to_rfc3339({999'999}), "1970-01-01T00:00:00.999Z");
  EXPECT_EQ(to_rfc3339({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsNothingElse) {
  for (const char* text : {"",
                           "2026-03-01",
                           "2026-03-01T12:00:00Z",
                           "2026-03-01T12:00:00.25Z",
                           "2026-03-01T12:00:00.2500Z",
                           "2026-03-01T12:00:00.250",
                           "2026-03-01T12:00:00.250z",
                           "2026-03-01t12:00:00.250Z",
                           "2026-03-01 12:00:00.250Z",
                           "2026-03-01T12:00:00,250Z",
                           " 026-03-01T12:00:00.250Z",
                           "+026-03-01T12:00:00.250Z",
                           "2026-3-001T12:00:00.250Z",
                           "2026-02-29T12:00:00.250Z",
                           "2026-00-01T12:00:00.250Z",
                           "2026-13-01T12:00:00.250Z",
                           "2026-03-00T12:00:00.250Z",
                           "2026-04-31T12:00:00.250Z",
                           "2026-03-01T24:00:00.000Z",
                           "2026-03-01T12:60:00.000Z",
                           "2026-12-31T23:59:60.000Z",
                           "2026-03-01T12:00:00.250Z "})
    EXPECT_EQ(from_rfc3339(text), std::nullopt) << text;
}

RC_GTEST_PROP(Rfc3339Property, ReadsBackToTheMillisecondAndSortsByTime, ()) {
  const auto moment = rc::gen::inRange<std::int64_t>(-62'167'219'200 * kSecond, 253'402'300'800 * kSecond);
  const Timestamp a{*moment}, b{*moment};
  const auto read = from_rfc3339(to_rfc3339(a));
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->micros <= a.micros);
  RC_ASSERT(a.micros - read->micros < 1000);
  if (to_rfc3339(a) < to_rfc3339(b)) RC_ASSERT(a < b);
}

TEST(SystemClock, IsThisCentury) {
  const Timestamp now = SystemClock().now();
  EXPECT_GT(now, *from_rfc3339("2024-01-01T00:00:00.000Z"));
  EXPECT_LT(now, *from_rfc3339("2100-01-01T00:00:00.000Z"));
}

}  // namespace
}  // namespace rowgate

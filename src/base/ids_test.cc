#include "base/ids.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace rowgate {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The 128 bits of an id, as the 16 bytes of a UUID.
std::vector<unsigned> uuid_of(std::string_view id) {
  std::vector<bool> bits;
  for (const char c : id) {
    const std::size_t digit = kDigits.find(c);
    EXPECT_NE(digit, std::string_view::npos) << id;
    for (int bit = 4; bit >= 0; --bit) bits.push_back((digit >> bit & 1) != 0);
  }
  EXPECT_EQ(bits.size(), 130u);
  EXPECT_FALSE(bits[0] || bits[1]) << "130 bits for a number of 128";
  std::vector<unsigned> bytes(16);
  for (std::size_t i = 0; i < 128; ++i) bytes[i / 8] = bytes[i / 8] << 1 | (bits[i + 2] ? 1u : 0u);
  return bytes;
}

// The process has one sequence of ids, so each test goes on from a later time than the one before.
Timestamp later() {
  static std::int64_t ms = 1'772'366'400'000;
  return {(ms += 1000) * 1000};
}

TEST(Ids, AreUuidsOfVersion7WithTheTimeInFront) {
  const Timestamp now = later();
  const std::string id = new_id("run_", {now.micros + 999});
  ASSERT_EQ(id.size(), 4u + 26u);
  EXPECT_TRUE(id.starts_with("run_"));
  const auto bytes = uuid_of(std::string_view(id).substr(4));
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | bytes[i];
  EXPECT_EQ(ms, now.micros / 1000);
  EXPECT_EQ(bytes[6] >> 4, 7u);
  EXPECT_EQ(bytes[8] >> 6, 2u);
}

TEST(Ids, AscendWithinOneMillisecond) {
  const Timestamp now = later();
  std::string before = new_id("", now);
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = new_id("", now);
    ASSERT_LT(before, id);
    const auto bytes = uuid_of(id);
    ASSERT_EQ(bytes[6] >> 4, 7u);
    ASSERT_EQ(bytes[8] >> 6, 2u);
    before = id;
  }
}

TEST(Ids, AscendWhenTheClockIsSetBack) {
  const Timestamp now = later();
  const std::string first = new_id("", now);
  const std::string second = new_id("", {now.micros - 60'000'000});
  const std::string third = new_id("", {-1});
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, new_id("", later())) << "a wrong time leaves no trace";
}

TEST(Ids, AreNotGuessedFromTheTimeAlone) {
  std::set<std::string> tails;
  for (int i = 0; i < 100; ++i) tails.insert(new_id("", later()).substr(13));
  EXPECT_EQ(tails.size(), 100u);
}

TEST(Ids, AreUniqueAcrossThreads) {
  const Timestamp now = later();
  std::vector<std::vector<std::string>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& ids : made)
      threads.emplace_back([&ids, now] {
        for (int i = 0; i < 2000; ++i) ids.push_back(new_id("", now));
      });
  }
  std::set<std::string> all;
  for (const auto& ids : made) {
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    all.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(all.size(), 8000u);
}

RC_GTEST_PROP(IdsProperty, SortByTime, ()) {
  Timestamp at = later();
  std::string before = new_id("run_", at);
  for (const auto step :
       *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 5000))) {
    at.micros = std::min(at.micros + step, at.micros + 900'000);
    const std::string id = new_id("run_", at);
    RC_ASSERT(before < id);
    before = id;
  }
}

}  // namespace
}  // namespace rowgate

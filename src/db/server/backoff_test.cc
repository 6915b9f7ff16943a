#include "db/server/backoff.h"

#include <gtest/gtest.h>

namespace rowgate::db::server {
namespace {

TEST(Backoff, DoublesUpToTenSeconds) {
  using std::chrono::milliseconds;
  const milliseconds first(100);
  EXPECT_EQ(longest_wait(2, first), milliseconds(100));
  EXPECT_EQ(longest_wait(3, first), milliseconds(200));
  EXPECT_EQ(longest_wait(kTries, first), milliseconds(1600));
  EXPECT_EQ(longest_wait(9, first), milliseconds(10'000));
  EXPECT_EQ(longest_wait(1000, first), milliseconds(10'000));
}

}  // namespace
}  // namespace rowgate::db::server

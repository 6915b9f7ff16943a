#include "api/core/refreshed.h"

#include <gtest/gtest.h>

#include <future>

namespace rowgate::api {
namespace {

using std::chrono::milliseconds;
constexpr Refreshed<int>::Patience kForever{std::chrono::minutes(1), std::chrono::minutes(1)};
constexpr Refreshed<int>::Patience kNone{milliseconds(0), milliseconds(0)};

TEST(Refreshed, IsFoundOutOnceInAWhile) {
  int times = 0;
  Refreshed<int> value(milliseconds(10), [&times] { return ++times; }, 0, kForever);
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(value.get(now), 1);
  EXPECT_EQ(value.get(now + milliseconds(9)), 1);
  EXPECT_EQ(value.get(now + milliseconds(10)), 2);
  EXPECT_EQ(value.get(now + milliseconds(19)), 2);
}

TEST(Refreshed, NobodyWaitsForWhatDoesNotCome) {
  std::promise<int> first, second;
  std::promise<int>* next = &first;
  Refreshed<int> value(milliseconds(10), [&next] { return next->get_future().get(); }, -1, kNone);
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(value.get(now), -1);
  EXPECT_EQ(value.get(now), -1);

  first.set_value(7);
  while (value.get(now) != 7) std::this_thread::yield();
  next = &second;
  EXPECT_EQ(value.get(now + milliseconds(10)), 7);
  EXPECT_EQ(value.get(now + milliseconds(30)), 7);
  second.set_value(8);
  while (value.get(now + milliseconds(15)) != 8) std::this_thread::yield();
}

}  // namespace
}  // namespace rowgate::api

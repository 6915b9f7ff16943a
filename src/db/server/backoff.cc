#include "db/server/backoff.h"

#include <algorithm>
#include <random>
#include <thread>

namespace rowgate::db::server {

std::chrono::milliseconds longest_wait(int number, std::chrono::milliseconds first) {
  constexpr std::chrono::milliseconds kLongest(10'000);
  const int doublings = std::clamp(number - 2, 0, 10);
  return std::min(first * (1 << doublings), kLongest);
}

void wait_before_try(int number, std::chrono::milliseconds first) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> milliseconds(0, longest_wait(number, first).count());
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
}

}  // namespace rowgate::db::server

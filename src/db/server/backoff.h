#pragma once

#include <chrono>

namespace rowgate::db::server {

/// How often something that may pass is tried in all.
inline constexpr int kTries = 6;

/// Waits before try `number` (from 2): somewhere between nothing and `first`, then twice, four times, ... as
/// long, at most 10 s, so that those who met do not meet again.
void wait_before_try(int number, std::chrono::milliseconds first);
/// The longest that wait_before_try() may wait.
std::chrono::milliseconds longest_wait(int number, std::chrono::milliseconds first);

}  // namespace rowgate::db::server

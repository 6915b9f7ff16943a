#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>

namespace rowgate::load {

/// How many worker threads for a file of `stored_bytes`: as asked, or one per processor, at most 4 (the
/// database is the narrow place beyond that). None for a small file, which is done before they would have
/// begun.
inline unsigned worker_count(unsigned asked, std::uint64_t stored_bytes) {
  constexpr std::uint64_t kSmallFile = 256 * 1024;
  if (asked != 0) return asked;
  return stored_bytes <= kSmallFile ? 0 : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

}  // namespace rowgate::load

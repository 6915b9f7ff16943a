#pragma once

#include <algorithm>
#include <thread>

namespace rowgate::load {

/// How many worker threads: as asked, or one per processor, at most 4 (the database is the narrow place
/// beyond that).
inline unsigned worker_count(unsigned asked) {
  return asked != 0 ? asked : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

}  // namespace rowgate::load

#pragma once

#include <atomic>
#include <cstdint>

namespace rowgate::load {

/// How far a load is; written by its threads, read by whoever shows it.
struct Progress {
  enum class Phase : std::uint8_t { Inspect, Infer, Check, Keys, Settle, Rejects, Commit, Done };
  std::atomic<Phase> phase{Phase::Inspect};
  std::atomic<std::uint64_t> rows_read{0}, rows_rejected{0};
  std::atomic<std::uint64_t> bytes_read{0}, bytes_total{0};  ///< stored bytes of the pass in hand
};

}  // namespace rowgate::load

#pragma once

#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rowgate {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

/// "64KiB", "10MiB", "1GiB", "500" (bytes). Fails with config.invalid, naming the forms.
Result<std::uint64_t> parse_bytes(std::string_view text);
/// "500ms", "10s", "5m", "24h", "7d". Fails with config.invalid.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "1 GiB", "90.8 KiB", "500 B".
std::string bytes_text(std::uint64_t bytes);

/// How many rejects a load may have: "100" records, or "5%" of what was read less what was skipped.
struct RejectLimit {
  double percent = 10;  ///< used when `count` is absent
  std::optional<std::uint64_t> count = {};
  /// Judged at the end of a load.
  bool exceeded(std::uint64_t rejected, std::uint64_t read_less_skipped) const;
  std::string text() const;
  std::string setting() const;  ///< as it is written in a file or a request: "10%"
};
Result<RejectLimit> parse_reject_limit(std::string_view text);

}  // namespace rowgate

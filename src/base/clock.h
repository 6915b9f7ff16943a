#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate {

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t micros = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// RFC 3339 in UTC with milliseconds: "2026-03-01T12:00:00.250Z".
std::string to_rfc3339(Timestamp at);
/// Reads what to_rfc3339 writes, and nothing else.
std::optional<Timestamp> from_rfc3339(std::string_view text);

/// Where the time comes from; tests give their own. Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

class SystemClock : public Clock {
 public:
  Timestamp now() const override;
};

}  // namespace rowgate

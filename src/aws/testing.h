#pragma once

#include "base/clock.h"

#include <chrono>

namespace rowgate::aws::testing {

/// Stands still unless it is moved.
struct TestClock : Clock {
  Timestamp now() const override { return time; }
  void advance(std::chrono::microseconds by) { time.micros += by.count(); }
  Timestamp time = *from_rfc3339("2026-03-01T12:00:00.000Z");
};

}  // namespace rowgate::aws::testing

#pragma once

#include "base/clock.h"

#include <string>
#include <string_view>

namespace rowgate {

/// A new id such as "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW": the prefix, then a UUIDv7 (RFC 9562) of `now` in 26
/// characters of Crockford's base 32, so that ids sort by time. Two ids of one process within a millisecond
/// still ascend. Thread safe.
std::string new_id(std::string_view prefix, Timestamp now);

}  // namespace rowgate

#include "base/ids.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <random>

namespace rowgate {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Random128 {
  std::uint64_t high, low;
};

/// The 128 bits of a UUIDv7: 48 bits of milliseconds, version, 12 bits, variant, 62 bits. The 74 free bits
/// are random for a new millisecond and count up within one (RFC 9562 section 6.2, method 2).
Random128 uuid_v7(Timestamp now) {
  static std::mutex mutex;
  static std::mt19937_64 random{std::random_device{}()};
  static std::uint64_t last_ms = 0, tail_a = 0, tail_b = 0;
  const std::scoped_lock lock(mutex);
  const std::uint64_t ms = static_cast<std::uint64_t>(now.micros / 1000);
  if (ms > last_ms) {
    last_ms = ms;
    tail_a = random() & 0x7ff;  // the top bit stays free, so that counting up cannot overflow
    tail_b = random() >> 2;
  } else {
    tail_b = (tail_b + 1 + (random() & 0xffff)) & 0x3fff'ffff'ffff'ffff;
    if (tail_b < 0x2'0000) tail_a = (tail_a + 1) & 0xfff;
  }
  return {(last_ms << 16) | 0x7000 | tail_a, 0x8000'0000'0000'0000 | tail_b};
}

}  // namespace

std::string new_id(std::string_view prefix, Timestamp now) {
  Random128 bits = uuid_v7(now);
  std::array<char, 26> digits{};
  for (std::size_t i = digits.size(); i-- > 0;) {
    digits[i] = kCrockford[bits.low & 31];
    bits.low = (bits.low >> 5) | (bits.high << 59);
    bits.high >>= 5;
  }
  std::string id(prefix);
  id.append(digits.data(), digits.size());
  return id;
}

}  // namespace rowgate

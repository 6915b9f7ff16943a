#include "base/ids.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <random>

namespace rowgate {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Bits128 {
  std::uint64_t high, low;
};

/// One seed of 32 bits would make processes that begin in the same millisecond meet too easily.
std::mt19937_64 seeded() {
  std::random_device device;
  std::array<std::random_device::result_type, 8> words{};
  for (auto& word : words) word = device();
  std::seed_seq seed(words.begin(), words.end());
  return std::mt19937_64(seed);
}

/// The 128 bits of a UUIDv7: 48 bits of milliseconds, version, 12 bits, variant, 62 bits. The 74 free bits
/// are random for a new millisecond and count up within one (RFC 9562 section 6.2, method 2).
Bits128 uuid_v7(Timestamp now) {
  static std::mutex mutex;
  static std::mt19937_64 random = seeded();
  static std::int64_t last_ms = -1;
  static std::uint64_t tail_a = 0, tail_b = 0;
  const std::scoped_lock lock(mutex);
  constexpr std::int64_t kLastMs = (std::int64_t{1} << 48) - 1;
  const std::int64_t ms = std::clamp<std::int64_t>(now.micros / 1000, 0, kLastMs);
  if (ms > last_ms) {
    last_ms = ms;
    tail_a = random() & 0x7ff;  // the top bit stays free, so that counting up cannot overflow
    tail_b = random() >> 2;
  } else {
    tail_b = (tail_b + 1 + (random() & 0xffff)) & 0x3fff'ffff'ffff'ffff;
    if (tail_b < 0x2'0000) tail_a = (tail_a + 1) & 0xfff;
  }
  return {(static_cast<std::uint64_t>(last_ms) << 16) | 0x7000 | tail_a, 0x8000'0000'0000'0000 | tail_b};
}

}  // namespace

std::string new_id(std::string_view prefix, Timestamp now) {
  Bits128 bits = uuid_v7(now);
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

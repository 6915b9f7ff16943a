#pragma once

// Readers for the forms that most values have. Each either reads the whole value or says no; then the
// complete way (ColumnRules) decides. They read up to 8 bytes at once and so may look behind the value, never
// behind a batch's padding.
//
// The trick in both is SWAR, "SIMD within a register": 8 characters in one 64-bit word, first character in
// the lowest byte (little endian; other processors take the complete way). Subtracting, comparing and adding
// then work on all 8 at once.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rowgate::table {

inline constexpr bool kFastValues = std::endian::native == std::endian::little;

inline std::uint64_t load_8(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Reads 1 to 8 decimal digits; false when another character is among them. 8 bytes from `digits` on must be
/// readable.
[[gnu::always_inline]] inline bool read_digits(const char* digits, std::size_t count, std::uint64_t& value) {
  // The digits go to the high end of the word, '0' fills the rest: always 8 digits.
  std::uint64_t word = load_8(digits) << (64 - 8 * count);
  word |= count == 8 ? 0 : 0x3030303030303030u >> (8 * count);
  const std::uint64_t high = word & 0xF0F0F0F0F0F0F0F0u;  // 0x30 for '0'..'9' and : ; < = > ?
  const std::uint64_t beyond =
      ((word + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4;  // 0x04 for those six
  if ((high | beyond) != 0x3333333333333333u) return false;
  word = (word & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;               // pairs: 10 * a + b
  word = (word & 0x00FF00FF00FF00FFu) * 6553601 >> 16;           // fours
  value = (word & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32;  // all eight
  return true;
}

/// A canonical or plain whole number of at most 16 digits, with or without a minus.
[[gnu::always_inline]] inline bool read_short_integer(const char* text, std::size_t size,
                                                      std::int64_t& value) {
  const bool negative = size > 1 && *text == '-';
  text += negative ? 1 : 0;
  size -= negative ? 1 : 0;
  std::uint64_t high = 0, low = 0;
  if (size == 0 || size > 16) return false;
  if (size <= 8) {
    if (!read_digits(text, size, low)) return false;
  } else {
    if (!read_digits(text, size - 8, high) || !read_digits(text + (size - 8), 8, low)) return false;
  }
  const auto magnitude = static_cast<std::int64_t>(high * 100'000'000 + low);
  value = negative ? -magnitude : magnitude;
  return true;
}

/// "2021-11-07T02:48:42Z" as three words that compare like the text: big endian.
struct UtcSecond {
  std::uint64_t date = 0, time = 0;
  std::uint32_t rest = 0;
  friend auto operator<=>(const UtcSecond&, const UtcSecond&) = default;
};

inline UtcSecond utc_second(const char* text) {
  std::uint32_t rest = 0;
  std::memcpy(&rest, text + 16, sizeof rest);
  return {__builtin_bswap64(load_8(text)), __builtin_bswap64(load_8(text + 8)), __builtin_bswap32(rest)};
}

/// Whether 20 bytes are a date and time of that form that exists, in the years 0001 to 9999.
[[gnu::always_inline]] inline bool is_utc_second(const char* text) {
  // XOR with the form makes each digit its value and each separator 0. Adding 0x76 to a digit carries into
  // the top bit from 10 on, 0x7F to a separator from 1 on.
  constexpr std::uint64_t kTop = 0x8080808080808080u;
  const std::uint64_t date = load_8(text) ^ 0x2D30302D30303030u;      // "0000-00-"
  const std::uint64_t time = load_8(text + 8) ^ 0x30303A3030543030u;  // "00T00:00"
  std::uint32_t rest = 0;
  std::memcpy(&rest, text + 16, sizeof rest);
  rest ^= 0x5A30303Au;  // ":00Z"
  const std::uint64_t bad =
      ((date | (date + 0x7F76767F76767676u)) | (time | (time + 0x76767F76767F7676u))) & kTop;
  const std::uint32_t bad_rest = (rest | (rest + 0x7F76767Fu)) & 0x80808080u;
  if ((bad | bad_rest) != 0) return false;
  const auto byte = [](std::uint64_t word, int at) { return static_cast<unsigned>(word >> (8 * at)) & 0xFF; };
  const unsigned year = byte(date, 0) * 1000 + byte(date, 1) * 100 + byte(date, 2) * 10 + byte(date, 3);
  const unsigned month = byte(date, 5) * 10 + byte(date, 6), day = byte(time, 0) * 10 + byte(time, 1);
  const unsigned hour = byte(time, 3) * 10 + byte(time, 4), minute = byte(time, 6) * 10 + byte(time, 7);
  const unsigned second = byte(rest, 1) * 10 + byte(rest, 2);
  if (month - 1 > 11 || hour > 23 || minute > 59 || second > 59 || year == 0) return false;
  if (day - 1 < 28) return true;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr unsigned char kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return day != 0 && day <= kDays[month - 1] + (month == 2 && leap ? 1u : 0u);
}

}  // namespace rowgate::table

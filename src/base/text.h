#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rowgate {

/// A value as it may stand in a message: control characters (those that turn the direction of writing too)
/// and invalid UTF-8 escaped (\n, \x00, \u009b), cut at `limit_bytes` with "..." (never inside a character).
std::string shown(std::string_view value, std::size_t limit_bytes = 80);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);

/// The candidate most like `word` (Damerau-Levenshtein, without regard to case), or empty when none is near
/// enough (one letter, or a third of its length) to be a slip. A single letter is like itself only.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// ASCII only: names, keywords and units; never data.
std::string lower_ascii(std::string_view text);
std::string_view trim_spaces(std::string_view text);

/// The length in bytes of the valid UTF-8 prefix (Unicode 15, table 3-7); text.size() when all of it is
/// valid.
std::size_t valid_utf8_prefix(std::string_view text);
/// How many code points; `text` must be valid UTF-8.
std::size_t count_code_points(std::string_view text);

}  // namespace rowgate

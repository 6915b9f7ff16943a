#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rowgate::cli {

/// One character of a text and how many display columns it takes. Bytes that are not UTF-8 count as
/// characters of one byte and one column.
struct Glyph {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};
/// The character that `text` (not empty) begins with. Wide characters take 2 columns, combining ones 0,
/// tabs 1.
Glyph first_glyph(std::string_view text);

/// How many bytes of `text` take at most `width` display columns.
std::size_t bytes_within_width(std::string_view text, std::size_t width);

}  // namespace rowgate::cli

#pragma once

#include "cli/terminal/render.h"

#include <string>
#include <string_view>
#include <vector>

namespace rowgate::cli {

/// The shown part of a source line and the rows with carets and labels below it.
struct Excerpt {
  std::string source;
  std::vector<std::string> below;  ///< first the carets
};

/// Makes control characters and bytes that are not UTF-8 visible and cuts the line to `width` display columns
/// around the first mark. Carets stand below what they mean, however wide its characters are.
Excerpt make_excerpt(std::string_view line, const std::vector<Mark>& marks, std::size_t width);

/// How many bytes the cell that begins at `begin` of `line` takes: `found`, also where it stands in quotes; 1
/// at least unless the cell is empty.
std::size_t cell_bytes(std::string_view line, std::size_t begin, std::string_view found);

/// The line `number` of the text, from 1, without its end (LF, CRLF or CR).
std::string_view line_of(std::string_view text, std::uint64_t number);

}  // namespace rowgate::cli

#pragma once

#include "csv/dialect.h"

#include <cstddef>
#include <string_view>

namespace rowgate::csv {

/// How many lines end in `text`: LF; where the dialect says so CR, LF and CRLF each once.
std::size_t count_line_ends(std::string_view text, LineEnd mode);
/// The last byte of the last line end in `text`; npos when there is none.
std::size_t last_line_end(std::string_view text, LineEnd mode);
/// The first byte of the first line end at or after `from`; npos when there is none.
std::size_t find_line_end(std::string_view text, std::size_t from, LineEnd mode);

inline bool is_line_end(char byte, LineEnd mode) {
  return byte == '\n' || (byte == '\r' && mode == LineEnd::CrOrLf);
}

}  // namespace rowgate::csv

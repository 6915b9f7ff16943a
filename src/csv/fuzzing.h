#pragma once

#include "csv/dialect.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace rowgate::csv::fuzzing {

/// The first byte of a fuzz input chooses the dialect, the rest is the file.
struct Input {
  Dialect dialect;
  std::size_t piece = 1;  ///< bytes that a source gives at once
  std::string_view file;
};

inline Input read_input(const std::uint8_t* data, std::size_t size) {
  Input input;
  if (size < 2) return input;
  const std::uint8_t choice = data[0];
  if ((choice & 1) != 0) input.dialect.line_end = LineEnd::CrOrLf;
  if ((choice & 2) != 0) input.dialect.delimiter = ';';
  if ((choice & 4) != 0) input.dialect.quote_char = '\'';
  if ((choice & 8) != 0) input.dialect.max_field_bytes = 1 + choice / 16;
  if ((choice & 8) != 0) input.dialect.max_record_bytes = 1 + choice / 8;
  input.piece = 1 + data[1] * std::size_t{13};
  input.file = {reinterpret_cast<const char*>(data) + 2, size - 2};
  return input;
}

inline void require(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken law: %s\n", law);
  std::abort();
}

}  // namespace rowgate::csv::fuzzing

#pragma once

#include "csv/dialect.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rowgate::csv {

/// The forms of the scanner. They find the same marks; Scalar is the plain twin that the others are tested
/// against.
enum class Kernel : std::uint8_t { Scalar, Avx2 };
/// The fastest that this processor can run.
Kernel best_kernel();
/// All that this processor can run, Scalar first.
std::span<const Kernel> available_kernels();
std::string_view name(Kernel kernel);

/// What a scan of some bytes found. See scanner.cc for how.
struct Marks {
  std::vector<std::uint32_t> at;  ///< offsets of delimiters and line-end bytes outside quotes, ascending
  std::size_t count = 0;          ///< how many of `at` are valid; the vector is a reused buffer with slack
  bool inside_quotes = false;     ///< state after the last byte
  bool quoted = false;            ///< there is a quote at all
  bool lines_in_quotes = false;   ///< a line-end byte stands inside quotes
  bool misquoted = false;         ///< a quote stands where RFC 4180 allows none: the plain parser must look
};

/// Finds delimiters and line ends outside quotes in `bytes`, which begins at a record start and must be
/// followed by 64 readable bytes. Line-end bytes are LF, and CR too where the dialect says so. `marks` is
/// overwritten. After a misquote the marks mean nothing. A CR that is the last byte counts as if an LF
/// followed.
void scan(Kernel kernel, std::string_view bytes, const Dialect& dialect, Marks& marks);

}  // namespace rowgate::csv

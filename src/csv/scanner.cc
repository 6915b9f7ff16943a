// How the scanner works.
//
// A CSV file is two languages woven into one: inside quotes every byte is text, outside some bytes are
// structure. A byte lies inside when the number of quotes before it is odd. That needs no knowledge of
// fields, since a doubled quote inside a field ends the inside and begins it again at once. So the question
// "which delimiters and line ends count" is a parity, and parities can be had for 64 bytes in a handful of
// instructions:
//
//   bytes   7 , " A , " " B " , x \n
//   quote   . . 1 . . 1 1 . 1 . . .      one bit a byte, by comparing 2 x 32 bytes at once
//   inside  . . 1 1 1 . 1 1 . . . .      running XOR of the quotes up to and with each byte
//   marks   . 1 . . . . . . . 1 . 1      (delimiters | line ends) & ~inside
//
// The running XOR is a carry-less multiplication by all ones (PCLMULQDQ): bit n of the product is the XOR of
// the bits 0 to n. The last bit, spread over all 64, is what the next block begins with. Marks are taken out
// of the mask lowest bit first.
//
// Parity alone would also accept quotes where RFC 4180 has none, such as `Al"ex` or `"Bo" by`, and would
// swallow rows until the next quote. So two rules are tested for all 64 bytes at once, and where one is
// broken the caller is told (`misquoted`) and reads the bytes again with the plain parser, which names the
// place:
//   1. A quote that begins an inside must stand at the beginning of a field (after a mark, or at the front),
//      or right after a quote: then both are one doubled quote.
//   2. The byte after a quote that ends an inside must be a quote, a delimiter or a line end (a CR only
//      before an LF).
//
// In a file without such trouble the marks are exactly the plain parser's, because it would take the same
// turns at the same bytes. The scalar kernel below states the same rules byte by byte; scanner_fuzz.cc holds
// the two equal.

#include "csv/scanner.h"

#include "csv/line_ends.h"
#include "csv/scanner_kernels.h"

#include <array>

namespace rowgate::csv {

void scan_scalar(std::string_view bytes, const Dialect& dialect, Marks& marks) {
  bool inside = false;
  bool after_close = false;  // the byte before was a quote that ended an inside
  bool at_begin = true;      // of a field
  if (marks.at.size() < bytes.size()) marks.at.resize(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char byte = bytes[i];
    const bool is_end = is_line_end(byte, dialect.line_end);
    if (byte == dialect.quote_char) {
      marks.quoted = true;
      if (!inside && !at_begin && !after_close) marks.misquoted = true;
      after_close = inside;
      inside = !inside;
      at_begin = false;
      continue;
    }
    const bool is_mark = byte == dialect.delimiter || is_end;
    if (after_close && !is_mark) {
      const bool before_lf = i + 1 == bytes.size() || bytes[i + 1] == '\n';
      if (byte != '\r' || !before_lf) marks.misquoted = true;
    }
    after_close = false;
    at_begin = is_mark && !inside;
    if (inside && is_end) marks.lines_in_quotes = true;
    if (at_begin) marks.at[marks.count++] = static_cast<std::uint32_t>(i);
  }
  marks.inside_quotes = inside;
}

namespace {

bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("pclmul") != 0 &&
         __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0 &&
         __builtin_cpu_supports("popcnt") != 0;
#else
  return false;
#endif
}

constexpr std::array kAll = {Kernel::Scalar, Kernel::Avx2};

}  // namespace

std::span<const Kernel> available_kernels() {
  static const std::size_t count = has_avx2() ? 2 : 1;
  return {kAll.data(), count};
}

Kernel best_kernel() {
  return available_kernels().back();
}

std::string_view name(Kernel kernel) {
  return kernel == Kernel::Avx2 ? "avx2" : "scalar";
}

void scan(Kernel kernel, std::string_view bytes, const Dialect& dialect, Marks& marks) {
  marks.count = 0;
  marks.inside_quotes = marks.quoted = marks.lines_in_quotes = marks.misquoted = false;
#if defined(__x86_64__)
  if (kernel == Kernel::Avx2) return scan_avx2(bytes, dialect, marks);
#endif
  scan_scalar(bytes, dialect, marks);
}

}  // namespace rowgate::csv

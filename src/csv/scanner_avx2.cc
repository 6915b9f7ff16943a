// The scanner for processors with AVX2; scanner.cc explains how it works.

#include "csv/scanner_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>

#define ROWGATE_AVX2 __attribute__((target("avx2,pclmul,bmi,bmi2,popcnt")))

namespace rowgate::csv {
namespace {

struct Block {
  __m256i low, high;
};

ROWGATE_AVX2 inline Block load(const char* bytes) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32))};
}

/// One bit for each byte that equals `byte`.
ROWGATE_AVX2 inline std::uint64_t equal(const Block& block, __m256i byte) {
  const auto low = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(block.low, byte)));
  const auto high = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(block.high, byte)));
  return low | static_cast<std::uint64_t>(high) << 32;
}

/// Bit n of the result: the XOR of the bits 0 to n.
ROWGATE_AVX2 inline std::uint64_t running_xor(std::uint64_t bits) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8(-1), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

/// Writes the places of the set bits, always 8 at once, so `out` needs slack.
ROWGATE_AVX2 inline std::uint32_t* take_out(std::uint32_t* out, std::uint64_t bits, std::uint32_t base) {
  const int count = std::popcount(bits);
  for (int done = 0; done < count; done += 8) {
    for (int i = 0; i < 8; ++i) {
      out[done + i] = base + static_cast<std::uint32_t>(_tzcnt_u64(bits));
      bits = _blsr_u64(bits);
    }
  }
  return out + count;
}

/// Whether each byte of `suspects` is a CR before an LF (or the last byte of all).
bool are_crlf(std::string_view bytes, std::size_t base, std::uint64_t suspects) {
  for (; suspects != 0; suspects &= suspects - 1) {
    const std::size_t at = base + static_cast<std::size_t>(std::countr_zero(suspects));
    if (bytes[at] != '\r') return false;
    if (at + 1 < bytes.size() && bytes[at + 1] != '\n') return false;
  }
  return true;
}

}  // namespace

ROWGATE_AVX2 void scan_avx2(std::string_view bytes, const Dialect& dialect, Marks& marks) {
  constexpr std::size_t kSlack = 64;
  if (marks.at.size() < bytes.size() + kSlack) marks.at.resize(bytes.size() + kSlack);
  std::uint32_t* out = marks.at.data();
  const __m256i quote = _mm256_set1_epi8(dialect.quote_char), delimiter = _mm256_set1_epi8(dialect.delimiter);
  const __m256i lf = _mm256_set1_epi8('\n');
  // Where CR ends no line, LF is compared twice instead: no branch.
  const __m256i cr = _mm256_set1_epi8(dialect.line_end == LineEnd::CrOrLf ? '\r' : '\n');

  std::uint64_t inside_before = 0;  // all ones when the block begins inside quotes
  std::uint64_t mark_before = 1, quote_before = 0,
                close_before = 0;  // of the byte before the block; the front is like a mark
  std::uint64_t any_quote = 0, any_line_in_quotes = 0, misquotes = 0;
  for (std::size_t base = 0; base < bytes.size(); base += 64) {
    const Block block = load(bytes.data() + base);
    const std::size_t left = bytes.size() - base;
    const std::uint64_t valid = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    const std::uint64_t ends = (equal(block, lf) | equal(block, cr)) & valid;
    const std::uint64_t structure = (ends | equal(block, delimiter)) & valid;
    const std::uint64_t quotes = equal(block, quote) & valid;
    if ((quotes | inside_before | close_before) == 0) {  // the plain case: nothing here is quoted
      out = take_out(out, structure, static_cast<std::uint32_t>(base));
      mark_before = structure >> 63;
      quote_before = 0;
      continue;
    }
    const std::uint64_t inside =
        running_xor(quotes) ^ inside_before;  // with the opening quote, without the closing one
    const std::uint64_t marks_here = structure & ~inside;
    const std::uint64_t opens = quotes & inside, closes = quotes & ~inside;
    misquotes |= opens & ~(marks_here << 1 | mark_before) & ~(quotes << 1 | quote_before);
    const std::uint64_t suspects = (closes << 1 | close_before) & ~(quotes | structure) & valid;
    if (suspects != 0 && !are_crlf(bytes, base, suspects)) misquotes = 1;
    any_quote |= quotes;
    any_line_in_quotes |= ends & inside;
    out = take_out(out, marks_here, static_cast<std::uint32_t>(base));
    inside_before = static_cast<std::uint64_t>(static_cast<std::int64_t>(inside) >> 63);
    mark_before = marks_here >> 63;
    quote_before = quotes >> 63;
    close_before = closes >> 63;
  }
  marks.count = static_cast<std::size_t>(out - marks.at.data());
  // In a last, partial block the bits behind the end repeat the state at the end, so this is the state after
  // the last byte.
  marks.inside_quotes = inside_before != 0;
  marks.quoted = any_quote != 0;
  marks.lines_in_quotes = any_line_in_quotes != 0;
  marks.misquoted = misquotes != 0;
}

}  // namespace rowgate::csv

#endif

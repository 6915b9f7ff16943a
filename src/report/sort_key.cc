#include "report/sort_key.h"

#include "table/numbers.h"

#include <utf8proc.h>

namespace rowgate::report {
namespace {

void append_big_endian(std::string& out, std::uint64_t bits) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
}

void invert(std::string& out, std::size_t from) {
  for (std::size_t i = from; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

/// Exact, whatever the number's size: neighbours beyond 2^53 would be the same double.
void append_number_key(std::string& out, std::string_view text) {
  const table::Digits number = table::digits_of(text);
  if (number.digits.empty()) {
    out += '\2';
    return;
  }
  out += number.negative ? '\1' : '\3';
  const std::size_t begin = out.size();
  append_big_endian(out, static_cast<std::uint64_t>(number.point) ^ (std::uint64_t{1} << 63));
  out += number.digits;
  out += '\0';
  if (number.negative) invert(out, begin);
}

/// Unicode simple case folding: the folding of one code point to one, where there is such a one.
utf8proc_int32_t folded(utf8proc_int32_t code_point) {
  utf8proc_int32_t out[4];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(code_point, out, 4, UTF8PROC_CASEFOLD, &boundary);
  return count == 1 ? out[0] : utf8proc_tolower(code_point);
}

void append_escaped(std::string& out, char byte) {
  out += byte;
  if (byte == '\0') out += '\xFF';
}

void append_folded(std::string& out, std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    if (bytes[i] < 0x80) {
      const char byte = text[i++];
      append_escaped(out, byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte);
      continue;
    }
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size =
        utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &code_point);
    if (size <= 0) {  // not UTF-8: the byte itself
      out += text[i++];
      continue;
    }
    utf8proc_uint8_t encoded[4];
    const utf8proc_ssize_t encoded_size = utf8proc_encode_char(folded(code_point), encoded);
    out.append(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(encoded_size));
    i += static_cast<std::size_t>(size);
  }
}

void append_text_key(std::string& out, std::string_view text) {
  constexpr std::string_view kEnd("\0\1", 2);
  append_folded(out, text);
  out += kEnd;
  for (const char byte : text) append_escaped(out, byte);
  out += kEnd;
}

}  // namespace

void append_sort_key(std::string& out, const OutputCell& cell, bool descending) {
  const std::size_t begin = out.size();
  switch (cell.kind) {
    case OutputCell::Kind::Null:
      out += '\0';
      break;
    case OutputCell::Kind::Number:
      out += '\1';
      append_number_key(out, cell.text);
      break;
    case OutputCell::Kind::Boolean:
    case OutputCell::Kind::Text:
      out += '\2';
      append_text_key(out, cell.text);
  }
  if (descending) invert(out, begin);
}

int compare(const OutputCell& a, const OutputCell& b) {
  std::string left, right;
  append_sort_key(left, a, false);
  append_sort_key(right, b, false);
  return left.compare(right);
}

}  // namespace rowgate::report

#include "cli/terminal/utf8.h"

#include "cli/terminal/terminal.h"

#include <utf8proc.h>

namespace rowgate::cli {

Glyph first_glyph(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x80) return {1, byte == '\t' || (byte >= 0x20 && byte != 0x7f) ? 1U : 0U};
  utf8proc_int32_t code_point = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (length <= 0) return {1, 1};
  const int columns = utf8proc_charwidth(code_point);
  return {static_cast<std::size_t>(length), columns > 0 ? static_cast<std::size_t>(columns) : 0U};
}

std::size_t bytes_within_width(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  std::size_t used = 0;
  while (at < text.size()) {
    const Glyph glyph = first_glyph(text.substr(at));
    if (used + glyph.columns > width) break;
    used += glyph.columns;
    at += glyph.bytes;
  }
  return at;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    width += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return width;
}

}  // namespace rowgate::cli

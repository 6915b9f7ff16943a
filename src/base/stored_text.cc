#include "base/stored_text.h"

#include "base/text.h"

namespace rowgate {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the character that `text` begins with, which is valid.
std::size_t length_of_first(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

}  // namespace

std::string storable(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t valid = valid_utf8_prefix(text);
  for (std::size_t characters = 0; !text.empty() && characters < most; ++characters) {
    const bool is_bad = valid == 0 || text.front() == '\0';
    const std::size_t size = valid == 0 ? 1 : length_of_first(text);
    out += is_bad ? kReplacement : text.substr(0, size);
    text.remove_prefix(size);
    valid = valid == 0 ? valid_utf8_prefix(text) : valid - size;
  }
  return out;
}

std::string why_not_storable(std::string_view text, std::size_t most_bytes) {
  if (text.size() > most_bytes) return fmt::format("is longer than {} bytes", grouped(most_bytes));
  if (text.find('\0') != std::string_view::npos) return "has a NUL character in it";
  if (valid_utf8_prefix(text) != text.size()) return "is not valid UTF-8";
  return {};
}

}  // namespace rowgate

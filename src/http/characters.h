#pragma once

#include <string_view>

namespace rowgate::http {

/// Classes of characters as RFC 9110 section 5.6.2 and RFC 5234 have them. ASCII only, whatever the locale.
constexpr bool is_alnum(char c) {
  const char low = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z');
}
constexpr bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}
constexpr bool is_token_character(char c) {
  return is_alnum(c) || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c));
}
/// Not empty and all token characters: a method, a field name.
constexpr bool is_token(std::string_view text) {
  for (const char c : text)
    if (!is_token_character(c)) return false;
  return !text.empty();
}
/// May stand in a field value or a request line: visible ASCII, space, tab, bytes above 0x7f.
constexpr bool is_field_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 ? byte != 0x7f : c == '\t';
}

}  // namespace rowgate::http

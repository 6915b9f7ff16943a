#include "table/values/text_formats.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::table {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii_letter_or_digit(char c) {
  return is_ascii_letter(c) || (c >= '0' && c <= '9');
}

bool is_host_label(std::string_view label) {
  if (label.empty() || label.size() > 63) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  for (const char c : label)
    if (!is_ascii_letter_or_digit(c) && c != '-') return false;
  return true;
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

std::string why_not_email(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == text.npos) return "no @";
  if (text.size() > 254) return "more than 254 characters";
  const std::string_view local = text.substr(0, at);
  std::string_view domain = text.substr(at + 1);
  if (local.empty()) return "nothing before the @";
  if (local.size() > 64) return "more than 64 characters before the @";
  for (const char c : local)
    if (!is_ascii_letter_or_digit(c) &&
        std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) == std::string_view::npos)
      return "a character before the @ that may not stand there";
  while (true) {
    const std::size_t dot = domain.find('.');
    const std::string_view label = domain.substr(0, dot);
    if (!is_host_label(label)) return fmt::format("`{}` is no part of a domain name", shown(label));
    if (dot == domain.npos) return {};
    domain.remove_prefix(dot + 1);
  }
}

std::string why_not_uri(std::string_view text) {
  const std::size_t colon =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
  if (colon == text.npos || colon == 0 || text[colon] != ':' || !is_ascii_letter(text[0]))
    return "no scheme such as https:";
  if (colon + 1 == text.size()) return "nothing after the scheme";
  for (std::size_t i = colon + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
        return "a % without two hexadecimal digits";
    } else if (!is_ascii_letter_or_digit(c) &&
               std::string_view("-._~:/?#[]@!$&'()*+,;=").find(c) == std::string_view::npos) {
      return "a character that must be percent-encoded";
    }
  }
  return {};
}

}  // namespace rowgate::table

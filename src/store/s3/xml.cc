#include "store/s3/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace rowgate::store {
namespace {

constexpr std::size_t kMostElements = 16;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

class XmlParser {
 public:
  explicit XmlParser(std::string_view rest) : rest_(rest) {}

  std::optional<XmlElement> document() {
    if (!skip_between()) return std::nullopt;
    XmlElement root;
    if (!element(root, 1) || !skip_between() || !rest_.empty()) return std::nullopt;
    return root;
  }

 private:
  /// Past `end`, which begins behind the first `skip` bytes.
  bool skip_past(std::string_view end, std::size_t skip) {
    const std::size_t at = rest_.find(end, skip);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }

  /// White space, the declaration, comments. A document type is none of S3's.
  bool skip_between() {
    for (;;) {
      rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
      if (rest_.starts_with("<?")) {
        if (!skip_past("?>", 2)) return false;
      } else if (rest_.starts_with("<!--")) {
        if (!skip_past("-->", 4)) return false;
      } else {
        return true;
      }
    }
  }

  static std::string_view local_name(std::string_view name) {
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
  }

  /// The rest of a start tag behind its name; a > within the quotes of an attribute does not end it.
  bool skip_attributes(bool& is_empty) {
    char quote = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '<') {
        return false;
      } else if (c == '>') {
        is_empty = i > 0 && rest_[i - 1] == '/';
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  bool element(XmlElement& into, std::size_t level) {
    if (level > kMostElements || !rest_.starts_with('<')) return false;
    rest_.remove_prefix(1);
    const std::string_view name = rest_.substr(0, rest_.find_first_of(" \t\r\n/>"));
    if (name.empty() || name.front() == '!' || name.front() == '/') return false;
    into.name = local_name(name);
    rest_.remove_prefix(name.size());
    bool is_empty = false;
    if (!skip_attributes(is_empty)) return false;
    return is_empty || content(into, name, level);
  }

  bool content(XmlElement& into, std::string_view name, std::size_t level) {
    for (;;) {
      const std::size_t tag = rest_.find('<');
      if (tag == std::string_view::npos || !append_text(into.text, rest_.substr(0, tag))) return false;
      rest_.remove_prefix(tag);
      if (rest_.starts_with("</")) {
        rest_.remove_prefix(2);
        if (!rest_.starts_with(name)) return false;
        rest_.remove_prefix(name.size());
        const std::size_t end = rest_.find_first_not_of(" \t\r\n");
        if (end == std::string_view::npos || rest_[end] != '>') return false;
        rest_.remove_prefix(end + 1);
        return true;
      }
      if (rest_.starts_with("<!--")) {
        if (!skip_past("-->", 4)) return false;
        continue;
      }
      if (!element(into.children.emplace_back(), level + 1)) return false;
    }
  }

  static bool append_text(std::string& out, std::string_view text) {
    for (;;) {
      const std::size_t mark = std::min(text.find('&'), text.size());
      out += text.substr(0, mark);
      if (mark == text.size()) return true;
      const std::size_t end = text.find(';', mark);
      if (end == std::string_view::npos || !append_entity(out, text.substr(mark + 1, end - mark - 1)))
        return false;
      text.remove_prefix(end + 1);
    }
  }

  static bool append_entity(std::string& out, std::string_view name) {
    constexpr std::pair<std::string_view, char> kNamed[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [known, character] : kNamed)
      if (name == known) {
        out += character;
        return true;
      }
    if (!name.starts_with('#')) return false;
    const bool is_hex = name.starts_with("#x");
    const std::string_view digits = name.substr(is_hex ? 2 : 1);
    std::uint32_t code = 0;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, is_hex ? 16 : 10);
    if (error != std::errc() || stop != digits.data() + digits.size() || digits.empty()) return false;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    append_utf8(out, code);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto found = std::ranges::find(children, wanted, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string_view XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* found = child(wanted);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

std::optional<XmlElement> parse_xml(std::string_view document) {
  return XmlParser(document).document();
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace rowgate::store

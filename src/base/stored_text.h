#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace rowgate {

/// How long a text from outside may be where nothing says otherwise, in characters.
inline constexpr std::size_t kStoredCharacters = 255;

/// `text` as every database and every JSON takes it: valid UTF-8 without NUL, at most `most` characters. What
/// is not becomes U+FFFD; nothing is cut within a character.
std::string storable(std::string_view text, std::size_t most = kStoredCharacters);
/// Why `text` cannot be stored as it is: "is not valid UTF-8", "has a NUL character in it", "is longer than
/// ..."; empty where it can.
std::string why_not_storable(std::string_view text, std::size_t most_bytes);

/// A text from outside that ends up in a database: the name of a file, of a run, of whoever asked. Whatever
/// it is made of, it holds what storable() makes of that, so that no record with it can be refused for its
/// text.
class StoredText {
 public:
  StoredText() = default;
  template <class Text>
    requires std::is_convertible_v<const Text&, std::string_view>
  StoredText(const Text& text)  // NOLINT(google-explicit-constructor): there is no text that it does not take
      : text_(storable(std::string_view(text))) {}
  StoredText(const StoredText&) = default;
  StoredText(StoredText&&) = default;
  StoredText& operator=(const StoredText&) = default;
  StoredText& operator=(StoredText&&) = default;

  const std::string& text() const { return text_; }
  operator const std::string&() const { return text_; }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return text_; }    // NOLINT(google-explicit-constructor)
  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  void clear() { text_.clear(); }
  friend bool operator==(const StoredText&, const StoredText&) = default;
  template <class Text>
    requires(std::is_convertible_v<const Text&, std::string_view> && !std::is_same_v<Text, StoredText>)
  friend bool operator==(const StoredText& a, const Text& b) {
    return a.text_ == std::string_view(b);
  }

 private:
  std::string text_;
};

inline std::string_view format_as(const StoredText& text) {
  return text.text();
}

}  // namespace rowgate

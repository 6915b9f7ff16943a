#pragma once

#include <cstddef>
#include <string_view>

namespace rowgate::table {

/// Reads a text from left to right. Each step that fails leaves the place as it was.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  void skip(std::size_t bytes) { at_ += bytes; }
  bool literal(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// How many digits stand here.
  std::size_t digit_run() const {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    return end - at_;
  }
  /// A number of at least `least` digits; takes at most `most` (9).
  bool number(std::size_t least, std::size_t most, int& value) {
    std::size_t count = digit_run();
    if (count < least) return false;
    if (count > most) count = most;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + (text_[at_ + i] - '0');
    at_ += count;
    return true;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace rowgate::table

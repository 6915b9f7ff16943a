#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace rowgate::http {

/// What was read from a socket and not used yet, in one piece. Small at first, so that an idle or slow
/// connection costs little; grown while reads fill it.
class Inbox {
 public:
  static constexpr std::size_t kFirstBytes = 8 * 1024, kMostBytes = 256 * 1024;

  std::string_view bytes() const { return {data_.data() + begin_, end_ - begin_}; }
  /// The same, to be changed where it lies.
  std::span<char> content() { return std::span(data_).subspan(begin_, end_ - begin_); }
  bool empty() const { return begin_ == end_; }

  /// The first `count` bytes are done with.
  void drop(std::size_t count);
  /// Room for more, at least one byte unless kMostBytes are waiting. Moves what is there.
  std::span<char> room();
  /// `count` bytes were written into room(). A read that filled it makes the next room larger.
  void added(std::size_t count);
  /// Back to the first size when nothing is waiting: between requests.
  void shrink();

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0, end_ = 0;
  bool was_filled_ = false;
};

}  // namespace rowgate::http

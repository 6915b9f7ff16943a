#include "http/inbox.h"

#include <algorithm>
#include <cstring>

namespace rowgate::http {

void Inbox::drop(std::size_t count) {
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

std::span<char> Inbox::room() {
  if (begin_ != 0) {
    std::memmove(data_.data(), data_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (was_filled_ || end_ == data_.size()) {
    const std::size_t larger = std::clamp(data_.size() * 2, kFirstBytes, kMostBytes);
    if (empty()) data_ = {};  // so that the old and the new are never both there
    data_.resize(larger);
    was_filled_ = false;
  }
  return std::span(data_).subspan(end_);
}

void Inbox::added(std::size_t count) {
  end_ += count;
  was_filled_ = end_ == data_.size();
}

void Inbox::shrink() {
  if (!empty() || data_.size() <= kFirstBytes) return;
  data_ = {};
  was_filled_ = false;
}

}  // namespace rowgate::http

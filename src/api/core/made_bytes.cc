#include "api/core/made_bytes.h"

#include <algorithm>

namespace rowgate::api {

/// So many bytes wait, or the rest.
Result<void> MadeBytes::fill(std::size_t bytes) {
  while (buffer_.size() - used_ < bytes && !has_ended_) {
    buffer_.erase(0, used_);  // little is left of it
    used_ = 0;
    TRY_ASSIGN(const bool more, make_(buffer_));
    has_ended_ = !more;
  }
  return {};
}

Result<std::optional<std::string>> MadeBytes::whole_below(std::size_t bytes) {
  TRY(fill(bytes));
  if (!has_ended_) return std::optional<std::string>();
  return std::optional<std::string>(std::move(buffer_));
}

Result<std::size_t> MadeBytes::read(std::span<char> into) {
  TRY(fill(into.size()));
  const std::size_t size = std::min(into.size(), buffer_.size() - used_);
  std::copy_n(buffer_.data() + used_, size, into.data());
  used_ += size;
  return size;
}

}  // namespace rowgate::api

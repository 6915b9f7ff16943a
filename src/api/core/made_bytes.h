#pragma once

#include "io/source.h"

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace rowgate::api {

/// What is not larger is answered whole: with its length, and its errors are answers.
inline constexpr std::size_t kWholeAnswerBytes = 256 * 1024;

/// Bytes that are made piece by piece, as they are read; no more than a piece waits in memory.
class MadeBytes : public io::Source {
 public:
  /// Appends what comes next to `out`; false when that is the end.
  using Make = std::function<Result<bool>(std::string& out)>;
  explicit MadeBytes(Make make) : make_(std::move(make)) {}

  /// All of them where they are few: they end within the pieces that are needed for `bytes`. Once, before
  /// anything is read.
  Result<std::optional<std::string>> whole_below(std::size_t bytes);
  Result<std::size_t> read(std::span<char> into) override;

 private:
  Result<void> fill(std::size_t bytes);

  Make make_;
  std::string buffer_;
  std::size_t used_ = 0;
  bool has_ended_ = false;
};

}  // namespace rowgate::api

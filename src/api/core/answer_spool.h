#pragma once

#include "http/message.h"
#include "io/digest.h"
#include "io/files.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::api {

/// An answer that is made whole before its first byte is sent, so that its status is true and its length
/// known: up to 1 MiB in memory, more in an unlinked file.
class AnswerSpool {
 public:
  explicit AnswerSpool(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Fails with storage.full, storage.denied.
  Result<void> append(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  /// Lower-case hex. Once, after the last append.
  std::string sha256() { return hash_.hex(); }
  /// Makes it the body of `response`. Once, after the last append.
  Result<void> move_into(http::Response& response);

 private:
  Result<void> spill();
  std::filesystem::path folder_;
  std::string buffer_;
  std::optional<io::ScratchFile> file_;
  std::uint64_t size_ = 0;
  io::Sha256 hash_;
};

}  // namespace rowgate::api

#pragma once

#include "base/error.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

namespace rowgate::io {

/// Owns a file descriptor. Calls are repeated when a signal interrupts them.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Writes all of `bytes` at the descriptor's position; the error names `path` (storage_error).
Result<void> write_fully(int fd, std::span<const char> bytes, const std::filesystem::path& path);
/// An unlinked file in `folder`, which is made when missing (0700).
Result<Descriptor> open_unlinked(const std::filesystem::path& folder);
/// Makes what is missing of `folder` (0700), so that it is still there after a power cut.
Result<void> make_folders(const std::filesystem::path& folder);
/// Flushes to disk that `path` was made, renamed or removed, where the file system can.
void flush_folder_of(const std::filesystem::path& path);

}  // namespace rowgate::io

#include "io/descriptor.h"
#include "io/files.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace rowgate::io {

ScratchFile::ScratchFile(int fd, std::filesystem::path folder) : fd_(fd), folder_(std::move(folder)) {}
ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      folder_(std::move(other.folder_)),
      size_(std::exchange(other.size_, 0)) {}
ScratchFile& ScratchFile::operator=(ScratchFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(folder_, other.folder_);
  std::swap(size_, other.size_);
  return *this;
}
ScratchFile::~ScratchFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder) {
  TRY_ASSIGN(Descriptor fd, open_unlinked(folder));
  return ScratchFile(fd.release(), folder);
}

Result<void> ScratchFile::append(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return std::unexpected(storage_error(errno, "cannot write a scratch file in", folder_));
    size_ += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<std::size_t> ScratchFile::read_at(std::uint64_t offset, std::span<char> into) const {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got =
        ::pread(fd_, into.data() + filled, into.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(storage_error(errno, "cannot read a scratch file in", folder_));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

std::uint64_t ScratchFile::size() const {
  return size_;
}

}  // namespace rowgate::io

#include "io/stored_file.h"

#include "base/text.h"
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace rowgate::io {
namespace {

/// A reader from the first byte hashes on the way, so that a load needs no pass of its own for the file's
/// SHA-256.
class StoredSource : public Source {
 public:
  StoredSource(std::shared_ptr<StoredBytes> stored, std::uint64_t offset)
      : stored_(std::move(stored)), at_(offset) {
    const std::scoped_lock lock(stored_->mutex);
    if (offset == 0 && !stored_->sha256) hash_.emplace();
  }

  Result<std::size_t> read(std::span<char> into) override {
    TRY_ASSIGN(const std::size_t got, stored_->read_at(at_, into));
    at_ += got;
    stored_->read_so_far.fetch_add(got, std::memory_order_relaxed);
    if (hash_) hash_->update(into.first(got));
    if (got == 0 && hash_) {
      const std::scoped_lock lock(stored_->mutex);
      stored_->sha256 = hash_->hex();
      hash_.reset();
    }
    return got;
  }

 private:
  std::shared_ptr<StoredBytes> stored_;
  std::uint64_t at_;
  std::optional<Sha256> hash_;
};

class StoredFile : public SourceFile {
 public:
  explicit StoredFile(std::shared_ptr<StoredBytes> stored) : stored_(std::move(stored)) {}

  Result<std::unique_ptr<Source>> open(std::uint64_t offset) const override {
    return std::unique_ptr<Source>(new StoredSource(stored_, offset));
  }
  std::uint64_t stored_size() const override { return stored_->size; }
  std::uint64_t stored_bytes_read() const override {
    return stored_->read_so_far.load(std::memory_order_relaxed);
  }
  const std::string& name() const override { return stored_->name; }
  Result<void> check_unchanged() const override { return stored_->check_unchanged(); }

  Result<std::string> sha256() const override {
    {
      const std::scoped_lock lock(stored_->mutex);
      if (stored_->sha256) return *stored_->sha256;
    }
    Sha256 hash;
    std::array<char, 64 * 1024> piece;
    for (std::uint64_t at = 0;;) {
      TRY_ASSIGN(const std::size_t got, stored_->read_at(at, piece));
      if (got == 0) break;
      hash.update(std::span(piece).first(got));
      at += got;
    }
    const std::scoped_lock lock(stored_->mutex);
    stored_->sha256 = hash.hex();
    return *stored_->sha256;
  }

 private:
  std::shared_ptr<StoredBytes> stored_;
};

/// Of the last change, in nanoseconds.
std::int64_t time_of(const struct stat& about) {
  return static_cast<std::int64_t>(about.st_mtim.tv_sec) * 1'000'000'000 + about.st_mtim.tv_nsec;
}

Error unreadable(int errno_value, std::string_view shown_name) {
  if (errno_value == ENOENT)
    return {Code::FileNotFound, fmt::format("'{}' does not exist", shown(shown_name)), "check the path"};
  return {Code::FileUnreadable,
          fmt::format("cannot read '{}': {}", shown(shown_name), std::strerror(errno_value)),
          "check the path and who may read it"};
}

}  // namespace

Result<std::size_t> StoredBytes::read_at(std::uint64_t offset, std::span<char> into) const {
  if (const auto* memory = std::get_if<std::string>(&bytes)) {
    if (offset >= memory->size()) return std::size_t{0};
    const std::size_t count =
        std::min<std::size_t>(into.size(), memory->size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), memory->data() + offset, count);
    return count;
  }
  const int fd = std::get<Descriptor>(bytes).get();
  for (;;) {
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return std::unexpected(unreadable(errno, name));
  }
}

Result<void> StoredBytes::check_unchanged() const {
  const auto* fd = std::get_if<Descriptor>(&bytes);
  if (fd == nullptr || changed_at_ns == 0) return {};
  struct stat now{};
  if (::fstat(fd->get(), &now) != 0) return std::unexpected(unreadable(errno, name));
  if (static_cast<std::uint64_t>(now.st_size) == size && time_of(now) == changed_at_ns) return {};
  return std::unexpected(file_changed(name));
}

Error file_changed(std::string_view shown_name) {
  return {Code::FileChanged,
          fmt::format("'{}' changed while it was read; nothing was loaded", shown(shown_name)),
          "load a copy of the file, or pipe it in and give - as the file's name"};
}

std::shared_ptr<SourceFile> stored_file(std::shared_ptr<StoredBytes> stored) {
  return std::make_shared<StoredFile>(std::move(stored));
}

std::shared_ptr<SourceFile> memory_file(std::string bytes, std::string shown_name) {
  auto stored = std::make_shared<StoredBytes>();
  stored->size = bytes.size();
  stored->bytes = std::move(bytes);
  stored->name = std::move(shown_name);
  return stored_file(std::move(stored));
}

static Result<std::shared_ptr<SourceFile>> open_plain(const std::filesystem::path& path,
                                                      std::string shown_name,
                                                      std::optional<std::string> sha256, int more_flags) {
  // Non-blocking: a pipe must not hang us here.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | more_flags));
  if (!fd && errno == ELOOP && more_flags == O_NOFOLLOW)
    return fail(Code::FileUnreadable,
                fmt::format("'{}' was exchanged for a symbolic link", shown(shown_name)),
                "look who writes to the spool folder, then send the file again");
  if (!fd) return std::unexpected(unreadable(errno, shown_name));
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return std::unexpected(unreadable(errno, shown_name));
  if (S_ISDIR(about.st_mode))
    return fail(Code::FileUnreadable, fmt::format("'{}' is a folder", shown(shown_name)),
                "name the files in it");
  if (!S_ISREG(about.st_mode))
    return fail(Code::FileUnreadable, fmt::format("'{}' is not a plain file", shown(shown_name)),
                "pipe it in and give - as the file's name");
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  auto stored = std::make_shared<StoredBytes>();
  stored->size = static_cast<std::uint64_t>(about.st_size);
  stored->changed_at_ns = time_of(about);
  stored->bytes = std::move(fd);
  stored->name = std::move(shown_name);
  stored->sha256 = std::move(sha256);
  return stored_file(std::move(stored));
}

Result<std::shared_ptr<SourceFile>> open_file(const std::filesystem::path& path, std::string shown_name,
                                              std::optional<std::string> sha256) {
  return open_plain(path, std::move(shown_name), std::move(sha256), 0);
}

Result<std::shared_ptr<SourceFile>> open_own_file(const std::filesystem::path& path, std::string shown_name,
                                                  std::optional<std::string> sha256) {
  return open_plain(path, std::move(shown_name), std::move(sha256), O_NOFOLLOW);
}

}  // namespace rowgate::io

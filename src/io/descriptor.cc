#include "io/descriptor.h"

#include "base/text.h"
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace rowgate::io {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error storage_error(int errno_value, std::string_view doing, const std::filesystem::path& path) {
  const std::string message =
      fmt::format("{} '{}': {}", doing, shown(path.string(), PATH_MAX), std::strerror(errno_value));
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Code::StorageFull, message, "make room there, or set another folder in `storage`"};
    case EMFILE:
    case ENFILE:
      return {Code::StorageFull, message,
              "too many files are open: raise the limit (ulimit -n, LimitNOFILE)"};
    case EACCES:
    case EPERM:
    case EROFS:
    case EIO:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOENT:
    case ENOTDIR:
      return {Code::StorageDenied, message, "check the path and who may write there"};
    default:
      return {Code::InternalError, message};
  }
}

Result<void> write_fully(int fd, std::span<const char> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return std::unexpected(storage_error(errno, "cannot write", path));
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return {};
  if (folder.has_parent_path() && folder.parent_path() != folder) TRY(make_folders(folder.parent_path()));
  if (::mkdir(folder.c_str(), 0700) == 0)
    flush_folder_of(folder);
  else if (errno != EEXIST)
    return std::unexpected(storage_error(errno, "cannot make the folder", folder));
  return {};
}

void flush_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  // Some file systems cannot flush a folder; there is nothing more to be done then.
  if (const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); opened)
    ::fsync(opened.get());
}

Result<Descriptor> open_unlinked(const std::filesystem::path& folder) {
  TRY(make_folders(folder));
  Descriptor fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  // Some file systems have no O_TMPFILE.
  std::string path = (folder / "scratch-XXXXXX").string();
  fd = Descriptor(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return std::unexpected(storage_error(errno, "cannot make a scratch file in", folder));
  ::unlink(path.c_str());
  return fd;
}

}  // namespace rowgate::io

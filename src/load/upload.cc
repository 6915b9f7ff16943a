#include "load/upload.h"

#include "base/units.h"
#include "io/descriptor.h"
#include "io/digest.h"
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeftOnDisk = 64 * kMiB;
constexpr std::uint64_t kLookEvery = 16 * kMiB;

/// A disk that other things need too is not filled to its last byte.
Result<void> check_room(const fs::path& folder) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0)
    return std::unexpected(io::storage_error(errno, "cannot look at", folder));
  if (static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= kLeftOnDisk) return {};
  return fail(Code::StorageFull,
              fmt::format("less than {} are left on the disk of the spool", bytes_text(kLeftOnDisk)),
              "make room there, or set another folder in `storage.spool`");
}

}  // namespace

SpoolFile& SpoolFile::operator=(SpoolFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(on_drop_, other.on_drop_);
  return *this;
}

fs::path SpoolFile::release() {
  return std::exchange(path_, fs::path());
}

SpoolFile::~SpoolFile() {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  if (on_drop_) on_drop_();
}

struct Upload::State {
  Settings settings;
  SpoolFile file;
  io::Descriptor fd;
  io::Sha256 hash = {};
  std::uint64_t size = 0, looked_at = 0;
};

Upload::Upload(std::unique_ptr<State> state) : state_(std::move(state)) {}
Upload::Upload(Upload&&) noexcept = default;
Upload& Upload::operator=(Upload&&) noexcept = default;
Upload::~Upload() = default;

Result<Upload> Upload::create(Settings settings, const std::string& run_id) {
  const fs::path path = upload_path(settings.spool, run_id);
  TRY(io::make_folders(path.parent_path()));
  TRY(check_room(path.parent_path()));
  io::Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return std::unexpected(io::storage_error(errno, "cannot make", path));
  SpoolFile file(path, std::move(settings.on_drop));
  return Upload(std::unique_ptr<State>(
      new State{.settings = std::move(settings), .file = std::move(file), .fd = std::move(fd)}));
}

Result<void> Upload::write(std::span<const char> bytes) {
  if (bytes.size() > state_->settings.limit_bytes - state_->size)
    return fail(Code::LimitBytes,
                fmt::format("the file is larger than the {} that are allowed",
                            bytes_text(state_->settings.limit_bytes)),
                "split the file, compress it, or raise the limit");
  TRY(io::write_fully(state_->fd.get(), bytes, state_->file.path()));
  state_->hash.update(bytes);
  state_->size += bytes.size();
  if (state_->size - state_->looked_at < kLookEvery) return {};
  state_->looked_at = state_->size;
  return check_room(state_->file.path().parent_path());
}

std::uint64_t Upload::size() const {
  return state_->size;
}

Result<Upload::Received> Upload::finish() {
  state_->fd = io::Descriptor();
  return Received{std::move(state_->file), state_->size, state_->hash.hex()};
}

fs::path upload_path(const fs::path& spool, std::string_view run_id) {
  return spool / "uploads" / fmt::format("{}.part", run_id);
}

}  // namespace rowgate::load

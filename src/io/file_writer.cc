#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

namespace rowgate::io {

namespace fs = std::filesystem;

namespace {

/// What must never be replaced by a file of its name: /dev/null, a named pipe, a link such as /dev/stdout.
bool leads_elsewhere(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_symlink(fs::symlink_status(path, ignored))) return fs::exists(path, ignored);
  const fs::file_status status = fs::status(path, ignored);
  return fs::is_character_file(status) || fs::is_block_file(status) || fs::is_fifo(status) ||
         fs::is_socket(status);
}

}  // namespace

struct FileWriter::State {
  fs::path path, beside;
  Descriptor fd;
  std::uint64_t written = 0;
  bool appeared = false;
  bool in_place = false;

  ~State() {
    if (!appeared && !in_place) ::unlink(beside.c_str());
  }
};

FileWriter::FileWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileWriter::FileWriter(FileWriter&&) noexcept = default;
FileWriter& FileWriter::operator=(FileWriter&&) noexcept = default;
FileWriter::~FileWriter() = default;

Result<FileWriter> FileWriter::create(const fs::path& path) {
  TRY(make_folders(path.parent_path()));
  // Short enough for a folder (255 bytes) even where the name itself just is.
  const std::string name = path.filename().string().substr(0, 200);
  const fs::path beside = path.parent_path() / fmt::format(".{}.tmp-{:08x}", name, std::random_device{}());
  Descriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return std::unexpected(storage_error(errno, "cannot make", path));
  return FileWriter(std::unique_ptr<State>(new State{.path = path, .beside = beside, .fd = std::move(fd)}));
}

Result<FileWriter> FileWriter::create_for_user(const fs::path& path) {
  if (!leads_elsewhere(path)) return create(path);
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd) return std::unexpected(storage_error(errno, "cannot open", path));
  return FileWriter(
      std::unique_ptr<State>(new State{.path = path, .beside = {}, .fd = std::move(fd), .in_place = true}));
}

Result<void> FileWriter::write(std::string_view bytes) {
  TRY(write_fully(state_->fd.get(), bytes, state_->path));
  state_->written += bytes.size();
  return {};
}

Result<void> FileWriter::flush() {
  if (::fsync(state_->fd.get()) != 0)
    return std::unexpected(storage_error(errno, "cannot flush", state_->path));
  state_->fd = Descriptor();
  return {};
}

Result<void> FileWriter::close() {
  if (state_->in_place) return {};
  TRY(flush());
  if (::rename(state_->beside.c_str(), state_->path.c_str()) != 0)
    return std::unexpected(storage_error(errno, "cannot make", state_->path));
  state_->appeared = true;
  flush_folder_of(state_->path);
  return {};
}

Result<void> FileWriter::close_unless_there() {
  TRY(flush());
  // Other than a rename, a new hard link never replaces; the name beside is removed with the state.
  if (::link(state_->beside.c_str(), state_->path.c_str()) != 0 && errno != EEXIST)
    return std::unexpected(storage_error(errno, "cannot make", state_->path));
  flush_folder_of(state_->path);
  return {};
}

std::uint64_t FileWriter::bytes_written() const {
  return state_->written;
}

}  // namespace rowgate::io

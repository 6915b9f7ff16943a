#pragma once

#include "base/error.h"
#include "io/source.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace rowgate::load {

/// A file in the spool that belongs to whoever holds this: dropped, it is removed and `on_drop` is called.
class SpoolFile {
 public:
  SpoolFile() = default;
  explicit SpoolFile(std::filesystem::path path, std::function<void()> on_drop = {})
      : path_(std::move(path)), on_drop_(std::move(on_drop)) {}
  SpoolFile(SpoolFile&& other) noexcept : path_(other.release()), on_drop_(std::move(other.on_drop_)) {}
  SpoolFile& operator=(SpoolFile&& other) noexcept;
  ~SpoolFile();
  const std::filesystem::path& path() const { return path_; }
  /// The file stays and is nobody's any more.
  std::filesystem::path release();

 private:
  std::filesystem::path path_;  ///< empty: nothing is held
  std::function<void()> on_drop_ = {};
};

/// A file that is being received: its bytes go to `<spool>/uploads/<run id>.part` as they come (0600), hashed
/// on the way. They go to a file from the first byte on, since what is received must be there after a crash
/// and is kept as the run's source; they stay in the page cache until somebody flushes them. Dropped without
/// finish(): the file is removed. Blocking; used by one thread at a time.
class Upload {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::uint64_t limit_bytes;           ///< more is limit.bytes
    std::function<void()> on_drop = {};  ///< called when the upload, or what was received, is dropped
  };
  /// Fails with storage.full (also where less than 64 MiB would be left on the disk), storage.denied.
  static Result<Upload> create(Settings settings, const std::string& run_id);
  Upload(Upload&&) noexcept;
  Upload& operator=(Upload&&) noexcept;
  ~Upload();

  /// Fails with limit.bytes, storage.full, storage.denied; the upload is then of no more use.
  Result<void> write(std::span<const char> bytes);
  std::uint64_t size() const;
  /// What was received, whole. Move it into RunQueue::submit(), or drop it to throw it away.
  struct Received {
    SpoolFile file;
    std::uint64_t bytes = 0;
    std::string sha256;  ///< lower-case hex
  };
  /// The bytes are whole. Nothing may be written afterwards.
  Result<Received> finish();

 private:
  struct State;
  explicit Upload(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Where the bytes of a run are while it is in flight.
std::filesystem::path upload_path(const std::filesystem::path& spool, std::string_view run_id);

}  // namespace rowgate::load

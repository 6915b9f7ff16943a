#pragma once

#include "base/error.h"
#include "io/source.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace rowgate::load {

/// A file that is being received: its bytes go to `<spool>/uploads/<run id>.part` as they come (0600), hashed
/// on the way. Dropped without finish(): the file is removed. Blocking; used by one thread at a time.
class Upload {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::uint64_t limit_bytes;  ///< more is limit.bytes
  };
  /// Fails with storage.full (also where less than 64 MiB would be left on the disk), storage.denied.
  static Result<Upload> create(const Settings& settings, const std::string& run_id);
  Upload(Upload&&) noexcept;
  Upload& operator=(Upload&&) noexcept;
  ~Upload();

  /// Fails with limit.bytes, storage.full, storage.denied; the upload is then of no more use.
  Result<void> write(std::span<const char> bytes);
  std::uint64_t size() const;
  /// The bytes are whole. The file stays, and is the caller's, until discard_upload() or keep_upload().
  struct Received {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
    std::string sha256;  ///< lower-case hex
  };
  Result<Received> finish();

 private:
  struct State;
  explicit Upload(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::load

#pragma once

#include "io/descriptor.h"
#include "io/digest.h"
#include "io/source.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

namespace rowgate::io {

/// Stored bytes, in memory or behind a descriptor that can be read at any offset, and their hash once it is
/// known. Shared by a SourceFile and its readers; thread safe.
struct StoredBytes {
  std::variant<std::string, Descriptor> bytes;
  std::uint64_t size = 0;
  std::int64_t changed_at_ns = 0;  ///< st_mtim of a file that has a name
  std::string name;
  std::atomic<std::uint64_t> read_so_far{0};
  std::mutex mutex = {};
  std::optional<std::string> sha256 = {};  ///< guarded by mutex

  /// Up to into.size() bytes from `offset`; 0 = the end.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const;
  Result<void> check_unchanged() const;
};

/// A SourceFile over stored bytes.
std::shared_ptr<SourceFile> stored_file(std::shared_ptr<StoredBytes> stored);

/// As open_file(), for a file that this program made itself: where its name leads elsewhere by now (a
/// symbolic link), that is not followed, and it fails with file.unreadable.
Result<std::shared_ptr<SourceFile>> open_own_file(const std::filesystem::path& path, std::string shown_name,
                                                  std::optional<std::string> sha256 = {});

}  // namespace rowgate::io

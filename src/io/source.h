#pragma once

#include "base/error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rowgate::io {

/// Bytes read once, front to back. Blocking; not thread safe.
class Source {
 public:
  virtual ~Source() = default;
  /// Fills the front of `into` (which is not empty) and says how many bytes; 0 = the end. May give less than
  /// asked.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
};

/// Bytes that can be read again and again, each time by a Source of its own. Thread safe.
class SourceFile {
 public:
  virtual ~SourceFile() = default;
  /// A reader that begins at byte `offset` (of the decoded bytes); at or past the end it is empty. The Source
  /// may outlive nothing of this SourceFile.
  virtual Result<std::unique_ptr<Source>> open(std::uint64_t offset) const = 0;
  /// Bytes as stored (compressed, where it is), for progress and the receipt.
  virtual std::uint64_t stored_size() const = 0;
  /// How many stored bytes all readers together have taken so far; for a progress bar, approximate.
  virtual std::uint64_t stored_bytes_read() const = 0;
  /// Lower-case hex SHA-256 of the stored bytes. Known after a reader from offset 0 has reached the end; else
  /// computed by reading once more. Fails as open and read do.
  virtual Result<std::string> sha256() const = 0;
  /// The name to show: "hired_employees.csv", "-".
  virtual const std::string& name() const = 0;
  /// That the stored bytes are still those that were there when this was opened, as far as their size and the
  /// time of their last change tell. Fails with file.changed.
  virtual Result<void> check_unchanged() const { return {}; }
};

/// Somebody writes to the file while it is read.
Error file_changed(std::string_view shown_name);

/// Reads until `into` is full or the source ends.
Result<std::size_t> read_fully(Source& source, std::span<char> into);
/// Reads `bytes` and drops them; says how many there were, less where the source ends before.
Result<std::uint64_t> skip(Source& source, std::uint64_t bytes);
/// The whole of a small source; Code::InternalError above `limit_bytes`.
Result<std::string> read_all(Source& source, std::size_t limit_bytes);

}  // namespace rowgate::io

#pragma once

#include "io/source.h"

#include <filesystem>
#include <optional>

namespace rowgate::io {

/// A plain file is its own spool: it is read in place and never copied or changed. `shown_name` is what
/// messages say; `sha256` where it is known already, so that nobody computes it again. Fails with
/// file.not_found, or file.unreadable (a folder, no permission).
Result<std::shared_ptr<SourceFile>> open_file(const std::filesystem::path& path, std::string shown_name,
                                              std::optional<std::string> sha256 = {});

/// Takes in all of a stream that can be read only once (standard input, a request body): up to `memory_bytes`
/// stay in memory, more goes to an unlinked file in `folder`. Fails with file.unreadable, storage.full,
/// storage.denied.
Result<std::shared_ptr<SourceFile>> spool(Source& stream, const std::filesystem::path& folder,
                                          std::string shown_name, std::size_t memory_bytes = 1 << 20);

/// The process's standard input.
std::unique_ptr<Source> standard_input();

/// Bytes in memory, for tests and small texts. Owns them.
std::shared_ptr<SourceFile> memory_file(std::string bytes, std::string shown_name = "memory.csv");

/// How much may come out of a compressed file from somebody who is not trusted: bytes, and bytes for each
/// stored one (which counts beyond 1 MiB only). zstd windows are then limited to 8 MiB as well.
struct UnpackLimits {
  std::uint64_t max_bytes = 0;
  std::uint64_t max_ratio = 100;
};

/// `file` with gzip (RFC 1952, all members) or zstd (RFC 8878, all frames) undone; the same file where its
/// first bytes are neither. Readers fail with file.bad_compression (truncated, wrong checksum, trailing
/// garbage) and, where limits are given, with limit.bytes.
Result<std::shared_ptr<SourceFile>> decompressed(std::shared_ptr<SourceFile> file,
                                                 const std::optional<UnpackLimits>& limits = {});

/// A file that appears whole or not at all: written beside its place, flushed to disk, renamed, the folder
/// flushed. Dropped without close(): nothing appears. Mode 0600. Not thread safe.
class FileWriter {
 public:
  /// Makes missing folders (0700). Fails with storage.denied, storage.full.
  static Result<FileWriter> create(const std::filesystem::path& path);
  /// For a path that a person gave: a device, a pipe or a link that is there is written into as it comes,
  /// never replaced.
  static Result<FileWriter> create_for_user(const std::filesystem::path& path);
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;
  ~FileWriter();

  Result<void> write(std::string_view bytes);
  /// Makes the file appear under its name; nothing may be written afterwards.
  Result<void> close();
  /// The same, but a file that has this name meanwhile stays as it is and ours is dropped.
  Result<void> close_unless_there();
  std::uint64_t bytes_written() const;

 private:
  struct State;
  Result<void> flush();
  explicit FileWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// An unlinked file in `folder` for work that does not fit in memory; gone when dropped or when the process
/// dies. Reads and writes at offsets; thread safe for reads. Fails with storage.full, storage.denied.
class ScratchFile {
 public:
  static Result<ScratchFile> create(const std::filesystem::path& folder);
  ScratchFile(ScratchFile&&) noexcept;
  ScratchFile& operator=(ScratchFile&&) noexcept;
  ~ScratchFile();

  Result<void> append(std::span<const char> bytes);
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const;  ///< 0 = the end
  std::uint64_t size() const;

 private:
  ScratchFile(int fd, std::filesystem::path folder);
  int fd_ = -1;
  std::filesystem::path folder_;  ///< for messages
  std::uint64_t size_ = 0;
};

/// The error for a failed system call on `path`: ENOSPC, EDQUOT, EFBIG are storage.full; what is wrong with
/// the path, its rights or its disk is storage.denied; all else internal.error. `doing` reads like "cannot
/// write".
Error storage_error(int errno_value, std::string_view doing, const std::filesystem::path& path);

}  // namespace rowgate::io

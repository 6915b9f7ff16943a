#pragma once

#include "io/files.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db::server {

/// Where a row's record stands in the file.
struct Place {
  std::uint64_t line = 0, record = 0, offset = 0, length = 0;
};

/// Rows in their encoded form, kept until the load is settled, so that they can be sent again: by another
/// way, or after a deadlock. A scratch file in blocks; the last block stays in memory. Not thread safe.
class RowLog {
 public:
  /// Rows of a block: their text, each row ended by a line feed, and their places (as many, or none at all).
  struct Block {
    std::string text;
    std::vector<Place> places;
    std::uint64_t rows = 0;
  };

  RowLog(std::filesystem::path folder, std::size_t block_bytes)
      : folder_(std::move(folder)), block_bytes_(block_bytes) {}
  /// The block that rows are added to; row_added() after each.
  Block& open_block() { return block_; }
  bool is_full() const { return block_.text.size() >= block_bytes_; }
  /// Puts the open block into the file and begins a new one. `closed` gets it; what it held is used again.
  Result<void> close_block(Block& closed);
  std::uint64_t rows() const { return closed_rows_ + block_.rows; }
  /// Every block in order, the open one last; once more for each call.
  Result<void> each(const std::function<Result<void>(const Block&)>& visit) const;

 private:
  struct Header {
    std::uint64_t text_bytes = 0, places = 0, rows = 0;
  };
  Result<void> read(std::uint64_t& at, std::span<char> into) const;

  std::filesystem::path folder_;
  std::size_t block_bytes_;
  Block block_;
  std::uint64_t closed_rows_ = 0;
  std::optional<io::ScratchFile> file_;
};

}  // namespace rowgate::db::server

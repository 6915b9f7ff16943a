#pragma once

#include "io/files.h"
#include "report/report.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::report {

/// Sorts rows by their sort keys, in bounded memory: a full buffer is sorted and written to a scratch file,
/// the parts are merged at the end. Rows with equal keys keep their order.
class RowSorter {
 public:
  RowSorter(std::filesystem::path scratch, std::size_t memory_bytes);

  /// `key` as append_sort_key makes it.
  Result<void> add(std::string_view key, std::span<const OutputCell> cells);
  /// Gives every row, sorted; the cells live until the visitor returns. Once, after the last add().
  Result<void> each(const std::function<Result<void>(std::span<const OutputCell>)>& visit);

 private:
  /// A sorted part in the scratch file, read through a buffer.
  struct Part {
    std::uint64_t at, end;
    std::string buffer = {};
    std::size_t used = 0;
  };
  Result<void> spill();
  void sort_buffer();
  Result<bool> load(Part& part, std::string_view& entry) const;
  Result<void> merge(const std::function<Result<void>(std::span<const OutputCell>)>& visit);

  std::filesystem::path scratch_folder_;
  std::size_t memory_bytes_;
  std::string buffer_;                ///< entries, one after the other
  std::vector<std::size_t> entries_;  ///< where each begins in buffer_
  std::uint64_t count_ = 0;
  std::optional<io::ScratchFile> scratch_;
  std::vector<Part> parts_;
};

}  // namespace rowgate::report

#include "table/checker.h"

#include <algorithm>
#include <cstring>

namespace rowgate::table {
namespace {

constexpr std::size_t kArenaBlockBytes = 64 << 10;

}  // namespace

Totals& Totals::operator+=(const Totals& other) {
  read += other.read;
  accepted += other.accepted;
  rejected += other.rejected;
  skipped += other.skipped;
  return *this;
}

Totals CheckedBatch::totals() const {
  return {records.size(), rows(), rejects.size(), skipped};
}

void CheckedBatch::remove_rows(const std::vector<std::uint32_t>& row_indexes) {
  if (row_indexes.empty()) return;
  auto next = row_indexes.begin();
  std::size_t kept = *next;
  for (std::size_t row = *next; row < rows(); ++row) {
    if (next != row_indexes.end() && *next == row) {
      ++next;
      continue;
    }
    std::copy_n(cells.data() + row * columns, columns, cells.data() + kept * columns);
    row_record[kept++] = row_record[row];
  }
  row_record.resize(kept);
  cells.resize(kept * columns);
}

std::string_view CheckedBatch::keep(std::string_view text) {
  if (text.empty()) return "";
  if (text.size() > kArenaBlockBytes) {
    large_.push_back(std::make_unique_for_overwrite<char[]>(text.size()));
    std::memcpy(large_.back().get(), text.data(), text.size());
    return {large_.back().get(), text.size()};
  }
  if (arena_block_ < arena_.size() && arena_used_ + text.size() > kArenaBlockBytes) {
    ++arena_block_;
    arena_used_ = 0;
  }
  if (arena_block_ == arena_.size())
    arena_.push_back(std::make_unique_for_overwrite<char[]>(kArenaBlockBytes));
  char* at = arena_[arena_block_].get() + arena_used_;
  std::memcpy(at, text.data(), text.size());
  arena_used_ += text.size();
  return {at, text.size()};
}

void CheckedBatch::clear() {
  records.clear();
  columns = 0;  // the cells stay: whoever fills the batch next overwrites them, and need not have them zeroed
                // before
  row_record.clear();
  rejects.clear();
  skipped = first_skipped_line = 0;
  arena_block_ = arena_used_ = 0;
  large_.clear();
}

}  // namespace rowgate::table

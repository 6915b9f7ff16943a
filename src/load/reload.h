#pragma once

#include "csv/record_batch.h"
#include "table/column_map.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::load {

/// Turns records of a reject file back into the records that were refused: the rg_* columns are emptied, the
/// `'` that guards a cell from a spreadsheet is taken off, and where rg_raw holds a record's whole text that
/// text counts instead. Line, length, offset and number stay those of the reject file. `from` and `to` are
/// different batches.
class Reload {
 public:
  /// `raw_dialect`: of what stands in rg_raw; that of the file itself where it is not known.
  Reload(const csv::Opening& opening, const table::ColumnMap& columns,
         const std::optional<csv::Dialect>& raw_dialect = {});
  void rewrite(const csv::RecordBatch& from, csv::RecordBatch& to);
  /// The run id in the rg_run column of the first record that has one; empty before.
  const std::string& parent() const { return parent_; }

 private:
  void rewrite_record(const csv::RecordBatch& from, std::size_t record, csv::RecordBatch& to);
  void write_columns(const csv::RecordBatch& from, std::size_t record);
  void write_raw(std::string_view raw);
  bool is_own(std::size_t column) const { return own_[column]; }

  csv::Dialect dialect_, raw_dialect_;
  table::ColumnMap columns_;
  std::vector<bool> own_;  ///< by column: one of the rg_* columns
  std::string text_;
  std::string parent_;
};

}  // namespace rowgate::load

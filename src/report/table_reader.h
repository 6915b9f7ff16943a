#pragma once

#include "report/cell_format.h"
#include "report/report.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace rowgate::report {

/// Rows of one table, one at a time: in primary-key order where there is one, else in the database's. Not
/// thread safe; must not outlive the database.
class TableReader {
 public:
  /// Where to begin and to end, and how values are written.
  struct Range {
    std::vector<db::Value> after = {};  ///< a primary key: the rows behind it
    std::uint64_t skip = 0;             ///< for tables without primary key: so many rows are passed over
    std::optional<std::uint64_t> limit = {};
    bool as_loaded = false;  ///< values have the form that the schema keeps (`rowgate:form`)
    std::stop_token stop = {};
  };
  /// Columns and their types are those of `schema` where it is known. Fails as Database::query does.
  static Result<TableReader> open(db::Database& database, const db::TableName& table,
                                  const table::TableSchema* schema, const Range& range);

  std::span<const Column> columns() const { return columns_; }
  /// False at the end.
  Result<bool> next();
  /// Of the present row; live until the next call of next().
  std::span<const OutputCell> cells() const { return cells_; }
  /// The primary key of the present row.
  std::vector<db::Value> key() const;

 private:
  TableReader(std::unique_ptr<db::Cursor> cursor, std::vector<Column> columns,
              std::vector<std::size_t> key_columns);

  std::unique_ptr<db::Cursor> cursor_;
  std::vector<Column> columns_;
  std::vector<std::size_t> key_columns_;
  std::vector<CellFormat> formats_;
  std::vector<db::ResultCell> raw_;
  std::vector<OutputCell> cells_;
};

}  // namespace rowgate::report

#include "base/text.h"
#include "report/cell_format.h"
#include "report/parameters.h"
#include "report/report.h"
#include "report/row_sorter.h"
#include "report/sort_key.h"
#include "report/table_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::report {
namespace {

constexpr std::size_t kSortMemoryBytes = 32 << 20;

/// The header: as configured, else as the database names them.
Result<std::vector<Column>> header_of(const Definition& report, const db::Cursor& cursor) {
  std::vector<Column> columns = report.columns;
  if (columns.empty())
    for (const std::string& name : cursor.columns()) columns.push_back({.name = name});
  if (columns.size() != cursor.columns().size())
    return fail(Code::ReportBadSql,
                fmt::format("the report names {} columns, but its sql gives {}", columns.size(),
                            cursor.columns().size()),
                "make the two agree");
  return columns;
}

/// Rows of a cursor, formatted; at most `max_rows`.
class Rows {
 public:
  Rows(db::Cursor& cursor, std::span<const Column> columns, std::uint64_t max_rows)
      : cursor_(cursor), max_rows_(max_rows), cells_(columns.size()) {
    for (const Column& column : columns) formats_.emplace_back(column);
  }

  Result<bool> next() {
    TRY_ASSIGN(const bool more, cursor_.next(raw_));
    if (!more) return false;
    if (count_++ == max_rows_)
      return fail(Code::ReportTooLarge, fmt::format("the report has more than {} rows", grouped(max_rows_)),
                  "narrow it down, or raise its max_rows");
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      TRY_ASSIGN(cells_[i], formats_[i].format(raw_[i]));
    }
    return true;
  }
  std::span<const OutputCell> cells() const { return cells_; }
  std::uint64_t count() const { return count_; }

 private:
  db::Cursor& cursor_;
  std::uint64_t max_rows_;
  std::uint64_t count_ = 0;
  std::vector<CellFormat> formats_;
  std::vector<db::ResultCell> raw_;
  std::vector<OutputCell> cells_;
};

Result<std::vector<std::pair<std::size_t, bool>>> sort_columns(const Definition& report,
                                                               std::span<const Column> columns) {
  std::vector<std::pair<std::size_t, bool>> keys;
  for (const SortKey& key : report.sort) {
    const auto found = std::ranges::find(columns, key.column, &Column::name);
    if (found == columns.end())
      return fail(
          Code::ReportBadSql,
          fmt::format("the report is sorted by `{}`, which is none of its columns", shown(key.column)),
          "correct its sort");
    keys.emplace_back(static_cast<std::size_t>(found - columns.begin()), key.descending);
  }
  return keys;
}

Result<void> write_sorted(Rows& rows, std::span<const std::pair<std::size_t, bool>> keys, RowWriter& out,
                          const std::filesystem::path& scratch) {
  RowSorter sorter(scratch, kSortMemoryBytes);
  std::string key;
  for (;;) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    key.clear();
    for (const auto& [column, descending] : keys) append_sort_key(key, rows.cells()[column], descending);
    TRY(sorter.add(key, rows.cells()));
  }
  return sorter.each([&](std::span<const OutputCell> cells) { return out.row(cells); });
}

Result<Outcome> write(db::Cursor& cursor, const Definition& report, RowWriter& out,
                      const std::filesystem::path& scratch) {
  TRY_ASSIGN(const std::vector<Column> columns, header_of(report, cursor));
  TRY_ASSIGN(const auto keys, sort_columns(report, columns));
  TRY(out.begin(columns));
  Rows rows(cursor, columns, report.max_rows);
  if (!keys.empty()) {
    TRY(write_sorted(rows, keys, out, scratch));
  } else {
    for (;;) {
      TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      TRY(out.row(rows.cells()));
    }
  }
  TRY(out.end());
  return Outcome{.rows = rows.count()};
}

}  // namespace

Result<Outcome> run(db::Database& database, const Definition& report,
                    std::span<const std::pair<std::string, std::string>> given, RowWriter& out,
                    const std::filesystem::path& scratch, const RunOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  TRY_ASSIGN(auto params, bind_parameters(report, given));
  TRY_ASSIGN(const std::unique_ptr<db::Cursor> cursor, database.query({.sql = report.sql,
                                                                       .params = std::move(params),
                                                                       .timeout = report.timeout,
                                                                       .with_versions = options.with_versions,
                                                                       .stop = options.stop}));
  TRY_ASSIGN(Outcome outcome, write(*cursor, report, out, scratch));
  outcome.table_versions = cursor->table_versions();
  outcome.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  return outcome;
}

Result<Outcome> table_rows(db::Database& database, const db::TableName& table,
                           const table::TableSchema* schema, std::optional<std::uint64_t> limit,
                           bool as_loaded, RowWriter& out) {
  TRY_ASSIGN(TableReader rows,
             TableReader::open(database, table, schema, {.limit = limit, .as_loaded = as_loaded}));
  Outcome outcome;
  TRY(out.begin(rows.columns()));
  for (;; ++outcome.rows) {
    TRY_ASSIGN(const bool more, rows.next());
    if (!more) break;
    TRY(out.row(rows.cells()));
  }
  TRY(out.end());
  return outcome;
}

}  // namespace rowgate::report

#pragma once

// What tests of databases share: schemas in few words, batches of rows without a file, and reading tables
// back.

#include "db/database.h"
#include "table/checker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

namespace rowgate::db::testing {

/// A fresh folder, removed with everything in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "rowgate-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using TestCell = std::variant<std::nullptr_t, std::int64_t, double, std::string>;
using TestRow = std::vector<TestCell>;

/// Rows as a checked batch; row i stands in line first_line + i.
class TestBatch {
 public:
  TestBatch(const std::vector<TestRow>& rows, std::uint64_t first_line = 2) : rows_(rows) {
    batch_.columns = rows_.empty() ? 0 : rows_[0].size();
    batch_.records.first_offset = first_line * 100;
    batch_.records.first_record = first_line - 1;
    for (std::uint32_t i = 0; i < rows_.size(); ++i) {
      batch_.records.record_begin.push_back(i * 100);
      batch_.records.record_end.push_back(i * 100 + 99);
      batch_.records.line.push_back(first_line + i);
      batch_.records.length.push_back(99);
      batch_.row_record.push_back(i);
      for (const TestCell& cell : rows_[i]) batch_.cells.push_back(cell_of(cell));
    }
  }
  const table::CheckedBatch& get() const { return batch_; }

 private:
  static table::Cell cell_of(const TestCell& from) {
    table::Cell cell;
    if (const auto* integer = std::get_if<std::int64_t>(&from)) {
      cell.kind = table::CellKind::Integer;
      cell.integer = *integer;
    } else if (const auto* real = std::get_if<double>(&from)) {
      cell.kind = table::CellKind::Real;
      cell.real = *real;
    } else if (const auto* text = std::get_if<std::string>(&from)) {
      cell.kind = table::CellKind::Text;
      cell.text = text->data();
      cell.size = static_cast<std::uint32_t>(text->size());
    }
    return cell;
  }
  std::vector<TestRow> rows_;
  table::CheckedBatch batch_;
};

/// "departments(id, name)": integers by default, "name:string" for another type; the first field is the
/// primary key.
inline table::TableSchema make_schema(std::initializer_list<std::pair<std::string, table::Type>> fields) {
  table::TableSchema schema;
  for (const auto& [name, type] : fields) schema.fields.push_back({.name = name, .type = type});
  schema.primary_key = {0};
  return schema;
}

/// Finding as "line:code:key".
inline std::vector<std::string> read_findings(KeyFindings& findings) {
  std::vector<std::string> out;
  for (;;) {
    Result<std::optional<KeyFinding>> next = findings.next();
    if (!next || !*next) return out;
    out.push_back(std::to_string((*next)->line) + ":" + std::string(text((*next)->code)) + ":" +
                  std::to_string((*next)->key));
  }
}

/// All rows of a query, cells joined by "|", null as "-".
inline std::vector<std::string> read_rows(Database& database, const std::string& sql) {
  Result<std::unique_ptr<Cursor>> cursor = database.query({.sql = sql});
  if (!cursor) return {to_text(cursor.error())};
  std::vector<std::string> out;
  std::vector<ResultCell> row;
  for (;;) {
    const Result<bool> more = (*cursor)->next(row);
    if (!more) return {to_text(more.error())};
    if (!*more) return out;
    std::string line;
    for (const ResultCell& cell : row) {
      if (!line.empty()) line += '|';
      if (cell.kind == ResultCell::Kind::Null) line += '-';
      if (cell.kind == ResultCell::Kind::Integer) line += std::to_string(cell.integer);
      if (cell.kind == ResultCell::Kind::Real) line += std::to_string(cell.real);
      if (cell.kind == ResultCell::Kind::Text || cell.kind == ResultCell::Kind::Decimal) line += cell.text;
      if (cell.kind == ResultCell::Kind::Bytes) line += fmt::format("x'{}'", cell.text);
    }
    out.push_back(std::move(line));
  }
}

}  // namespace rowgate::db::testing

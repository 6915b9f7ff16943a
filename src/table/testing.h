#pragma once

// What tests share that need checked rows: schemas in few words, batches of rows without a file.

#include "table/checker.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace rowgate::table::testing {

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
  const CheckedBatch& get() const { return batch_; }

 private:
  static Cell cell_of(const TestCell& from) {
    Cell cell;
    if (const auto* integer = std::get_if<std::int64_t>(&from)) {
      cell.kind = CellKind::Integer;
      cell.integer = *integer;
    } else if (const auto* real = std::get_if<double>(&from)) {
      cell.kind = CellKind::Real;
      cell.real = *real;
    } else if (const auto* text = std::get_if<std::string>(&from)) {
      cell.kind = CellKind::Text;
      cell.text = text->data();
      cell.size = static_cast<std::uint32_t>(text->size());
    }
    return cell;
  }
  std::vector<TestRow> rows_;
  CheckedBatch batch_;
};

/// "departments(id, name)": integers by default, "name:string" for another type; the first field is the
/// primary key.
inline TableSchema make_schema(std::initializer_list<std::pair<std::string, Type>> fields) {
  TableSchema schema;
  for (const auto& [name, type] : fields) schema.fields.push_back({.name = name, .type = type});
  schema.primary_key = {0};
  return schema;
}

}  // namespace rowgate::table::testing

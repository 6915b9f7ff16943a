#pragma once

#include "db/database.h"
#include "db/sqlite/connection.h"

#include <span>

namespace rowgate::db::sqlite {

/// A checked row on its way, with the place of its record.
struct Row {
  const table::Cell* cells = nullptr;
  std::uint64_t line = 0, record = 0, offset = 0, length = 0;

  KeyFinding finding(Code code, std::size_t key) const {
    return {line, record, offset, length, code, static_cast<std::uint32_t>(key)};
  }
};

/// Binds one cell; its text must live until the statement is reset.
inline void bind_cell(sqlite3_stmt* statement, int index, const table::Cell& cell) {
  switch (cell.kind) {
    case table::CellKind::Null:
      sqlite3_bind_null(statement, index);
      break;
    case table::CellKind::Integer:
      sqlite3_bind_int64(statement, index, cell.integer);
      break;
    case table::CellKind::Real:
      sqlite3_bind_double(statement, index, cell.real);
      break;
    case table::CellKind::Text:
      sqlite3_bind_text64(statement, index, cell.size == 0 ? "" : cell.text, cell.size, SQLITE_STATIC,
                          SQLITE_UTF8);
      break;
    case table::CellKind::Bytes:
      sqlite3_bind_blob64(statement, index, cell.size == 0 ? "" : cell.text, cell.size, SQLITE_STATIC);
      break;
  }
}

/// Binds some fields of a row from parameter `first` on.
inline void bind_fields(sqlite3_stmt* statement, int first, const table::Cell* cells,
                        std::span<const std::size_t> fields) {
  for (const std::size_t field : fields) bind_cell(statement, first++, cells[field]);
}

/// A key with a null takes no part in uniqueness, and references nothing.
inline bool has_null(const table::Cell* cells, std::span<const std::size_t> fields) {
  for (const std::size_t field : fields)
    if (cells[field].kind == table::CellKind::Null) return true;
  return false;
}

/// `a = b AND c = d` over pairs of SQL expressions.
std::string equal_all(std::span<const std::string> left, std::span<const std::string> right);
/// `"a" = ? AND "b" = ?`.
std::string equal_parameters(std::span<const std::string> columns);
/// The quoted names of some fields.
std::vector<std::string> quoted_names(const table::TableSchema& schema, std::span<const std::size_t> fields);

}  // namespace rowgate::db::sqlite

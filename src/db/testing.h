#pragma once

// What tests of databases share: schemas and rows in few words, and reading tables back.

#include "db/database.h"
#include "io/testing.h"
#include "table/testing.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace rowgate::db::testing {

using io::testing::TempFolder;
using table::testing::make_schema;
using table::testing::TestBatch;
using table::testing::TestCell;
using table::testing::TestRow;

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

#pragma once

#include "table/checker.h"

#include <span>
#include <string>
#include <vector>

namespace rowgate::db::server {

/// Writes checked rows in the text form that LOAD DATA (ESCAPED BY '\\') and COPY have in common: values
/// separated by tabs, rows ended by line feeds, \N for NULL, backslash, tab, line feed and carriage return in
/// values escaped. Only canonical forms, since the MySQL family rounds and cuts others without a word
/// (1.5 into an integer becomes 2): datetimes "2021-11-07 02:48:42" in UTC at the column's own precision,
/// booleans 0 and 1, numbers in the shortest form that reads back as the same double; bytes as
/// "\x0aff".
class RowEncoder {
 public:
  explicit RowEncoder(const table::TableSchema& schema);
  /// A whole row with its line feed.
  void append(std::string& out, const table::Cell* cells) const;
  /// Some of its fields, with a line feed.
  void append(std::string& out, const table::Cell* cells, std::span<const std::size_t> fields) const;

 private:
  void append_cell(std::string& out, const table::Cell& cell, std::size_t field) const;

  enum class Form : std::uint8_t { Plain, Escaped, Datetime };
  std::vector<Form> forms_;
};

/// Appends a text with its special characters escaped.
void append_escaped(std::string& out, std::string_view text);

}  // namespace rowgate::db::server

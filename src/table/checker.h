#pragma once

#include "csv/record_batch.h"
#include "table/column_map.h"
#include "table/reject.h"
#include "table/schema.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

enum class CellKind : std::uint8_t { Null, Integer, Real, Text, Bytes };

/// A checked value. Text points into the batch (its bytes or its arena). What each type becomes, the
/// canonical form that every database is fed from: integer -> Integer; boolean -> Integer 0 or 1; number ->
/// Real; number with rowgate:decimal -> Text with exactly `scale` digits after the point ("-12.50"); string
/// -> Text (uuid in lower case), binary -> Bytes (decoded); date -> Text "2021-11-07"; time -> Text
/// "02:48:42" with `precision` digits of fraction; datetime -> Text "2021-11-07T02:48:42Z", UTC, with
/// `precision` digits of fraction; year -> Integer; yearmonth -> Text "2021-11"; geopoint -> Text
/// "longitude,latitude"; duration, object, array, geojson, list, any -> Text as it was written.
struct Cell {
  union {
    std::int64_t integer = 0;
    double real;
    const char* text;
  };
  std::uint32_t size = 0;  ///< of text or bytes
  CellKind kind = CellKind::Null;
  bool is_text() const { return kind == CellKind::Text || kind == CellKind::Bytes; }
  std::string_view view() const { return {text, size}; }
};

struct Totals {
  std::uint64_t read = 0, accepted = 0, rejected = 0, skipped = 0;
  Totals& operator+=(const Totals& other);
  bool balanced() const { return read == accepted + rejected + skipped; }
};

/// The outcome of one RecordBatch: rows to be written, in file order, and rejects, in file order.
class CheckedBatch {
 public:
  csv::RecordBatch records;               ///< keeps the bytes alive that cells point into
  std::size_t columns = 0;                ///< fields of the schema
  std::vector<Cell> cells;                ///< row-major, rows x columns; what lies behind them means nothing
  std::vector<std::uint32_t> row_record;  ///< by row: index of its record in `records`
  std::vector<Reject> rejects;
  std::uint64_t skipped = 0;             ///< blank lines
  std::uint64_t first_skipped_line = 0;  ///< 0 = none

  std::size_t rows() const { return row_record.size(); }
  const Cell* row(std::size_t index) const { return cells.data() + index * columns; }
  std::uint64_t line(std::size_t row_index) const { return records.line[row_record[row_index]]; }
  /// rows + rejects + skipped = records read.
  Totals totals() const;
  /// Takes rows out (ascending row indexes) after `rejects` got an entry for each from the caller. Keeps the
  /// order.
  void remove_rows(const std::vector<std::uint32_t>& row_indexes);
  /// Text made for this batch (unescaped, normalised); stays where it is until the batch dies or is cleared.
  std::string_view keep(std::string_view text);
  /// Keeps the memory for the next use.
  void clear();

 private:
  std::vector<std::unique_ptr<char[]>> arena_;  ///< blocks of one size, kept by clear()
  std::size_t arena_block_ = 0, arena_used_ = 0;
  std::vector<std::unique_ptr<char[]>> large_;  ///< texts that fit no block
};

/// Compiled once from a schema and a file's columns; check() runs a tight loop per column. Thread safe.
///
/// Judges stages 1 and 2: structure (broken records, NUL bytes, UTF-8, number of fields), then types and
/// rules, all problems of a record. Which value is missing is decided before types (Table Schema,
/// "missingValues").
class Checker {
 public:
  Checker(const TableSchema& schema, const ColumnMap& columns);
  ~Checker();
  /// `out` is cleared first and takes over the records (swap: `records` gets a used batch to recycle).
  void check(csv::RecordBatch& records, CheckedBatch& out) const;
  const TableSchema& schema() const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace rowgate::table

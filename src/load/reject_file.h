#pragma once

// The form in which rejects are kept: JSON Lines, described in docs/formats.md ("Reject file, version 1").
// The first line tells the file and its columns, then one line per refused record in file order, then a line
// that counts them. From it both exports are made: the CSV that can be repaired and loaded again, and JSON
// Lines with all problems.

#include "base/error.h"
#include "csv/dialect.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::load {

/// One problem of a refused record, in words and with its place.
struct RejectProblem {
  Code code;
  std::string field = {};              ///< empty when the record as a whole is meant
  std::uint64_t line = 0, column = 0;  ///< where the cell or the trouble begins, from 1 (bytes)
  std::uint64_t column_number = 0;     ///< the file's column, from 1; 0 when none is meant
  std::string found = {};              ///< the offending value, cut at 1,024 bytes
  std::string title = {}, label = {}, expected = {}, help = {};  ///< see table::Description
};

/// A refused record with its own bytes (decoded to UTF-8 where they are that; else as they are).
struct RefusedRecord {
  std::uint64_t line = 0, record = 0, offset = 0;
  std::vector<RejectProblem> problems;
  std::string raw;
};

/// What the first line of a reject file says.
struct RejectFileHead {
  std::string run, table, file;
  csv::Dialect dialect = {};
  std::vector<std::string> columns;  ///< the file's header names, or the field names where it had none
  std::vector<std::pair<std::string, std::string>> map = {};  ///< --map of the run
};

store::FileKey reject_file_key(std::string_view run_id);  ///< "rejects/run_....jsonl"

std::string head_line(const RejectFileHead& head);
std::string record_line(const RefusedRecord& record);
/// A record too large for memory: its bytes follow large_record_begin as base64 in pieces of a multiple of 3
/// bytes.
std::string large_record_begin(const RefusedRecord& record);
std::string large_record_end();
std::string end_line(std::uint64_t count);

/// Reads a reject file front to back. Fails with internal.error naming the byte offset where it is damaged or
/// torn.
class RejectReader {
 public:
  explicit RejectReader(std::unique_ptr<io::Source> source);
  ~RejectReader();
  RejectReader(RejectReader&&) noexcept;
  /// Must be called first.
  Result<RejectFileHead> head();
  /// nullopt after the last record.
  Result<std::optional<RefusedRecord>> next();
  /// Passes over records without looking into them; fewer where there are not so many.
  Result<void> skip(std::uint64_t records);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

using Output = std::function<Result<void>(std::string_view)>;

/// The original columns, then rg_run, rg_line, rg_codes, rg_fields, rg_message, rg_raw (product's reject
/// file). A record that cannot stand in the columns has them empty and its whole text in rg_raw.
Result<void> export_csv(RejectReader& reader, const Output& out);
/// One object per record with all its problems; "raw", or "raw_base64" where the bytes are not UTF-8.
Result<void> export_jsonl(RejectReader& reader, const Output& out);

}  // namespace rowgate::load

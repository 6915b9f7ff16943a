#pragma once

// The form in which rejects are kept (docs/formats.md, "Reject file"). Records are stored with their own
// bytes and with what is needed to say in words what is wrong with them; the words are made when they are
// read, so that the file is never much larger than the records. From it both exports are made: the CSV that
// can be repaired and loaded again, and JSON Lines with all problems.

#include "base/error.h"
#include "csv/dialect.h"
#include "store/store.h"
#include "table/reject.h"

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
  std::string raw;              ///< empty where the record is larger than kWholeRecordBytes
  std::uint64_t more = 0;       ///< problems beyond those kept
  std::uint64_t raw_bytes = 0;  ///< of such a larger record: its size; its bytes come by next_piece()
};
/// What is read into memory of one record; a larger one is read in pieces.
inline constexpr std::uint64_t kWholeRecordBytes = 8 << 20;

/// `reject` in words, as found under `schema`.
RefusedRecord in_words(const table::Reject& reject, std::string raw, const table::TableSchema& schema);

/// What a reject file says of the file whose records it has.
struct RejectFileHead {
  std::string run, table, file;
  csv::Dialect dialect = {};
  std::vector<std::string> columns;  ///< the file's header names, or the field names where it had none
  std::vector<std::pair<std::string, std::string>> map = {};  ///< --map of the run
  std::string schema = {};  ///< as JSON, for the words; empty in version 1, which has the words themselves
};

store::FileKey reject_file_key(std::string_view run_id);      ///< "rejects/run_....jsonl.zst"
store::FileKey old_reject_file_key(std::string_view run_id);  ///< of version 1: "rejects/run_....jsonl"

/// A larger one is written in pieces of this size.
inline constexpr std::size_t kRejectPieceBytes = 768 * 1024;

/// Writes a reject file. What it writes is at most three times the records' bytes and 1 MiB, and never more
/// than about `max_bytes`: then it takes no further records, but can still be closed. Dropped without
/// close(): nothing is stored. Errors are the store's. Not thread safe.
class RejectFileWriter {
 public:
  static Result<RejectFileWriter> create(store::Store& store, const RejectFileHead& head,
                                         std::uint64_t max_bytes);
  RejectFileWriter(RejectFileWriter&&) noexcept;
  ~RejectFileWriter();

  Result<void> add(const table::Reject& reject, std::string_view raw);
  /// The same for a record that is too large for memory: its `bytes` bytes follow by add_piece().
  Result<void> begin_large(const table::Reject& reject, std::uint64_t bytes);
  /// All pieces but the last have kRejectPieceBytes.
  Result<void> add_piece(std::string_view bytes);
  /// It takes no more.
  bool is_full() const;
  Result<void> close();

 private:
  struct State;
  explicit RejectFileWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads a reject file of either version front to back. Fails with internal.error naming the place where it
/// is damaged or torn. Not thread safe.
class RejectReader {
 public:
  /// How one version is read.
  class Format;

  static Result<RejectReader> open(const std::shared_ptr<io::SourceFile>& file);
  RejectReader(RejectReader&&) noexcept;
  ~RejectReader();
  /// Must be called first.
  Result<RejectFileHead> head();
  /// nullopt after the last record.
  Result<std::optional<RefusedRecord>> next();
  /// Some bytes of the record that next() gave, where that has raw_bytes; at most 768 KiB, a multiple of 3
  /// but for the last, so that base64 can be written as they come. Empty at the record's end.
  Result<std::string> next_piece();
  /// Passes over records without looking into them, and without reading most of them; fewer where there are
  /// not so many.
  Result<void> skip(std::uint64_t records);

 private:
  explicit RejectReader(std::unique_ptr<Format> format);
  std::unique_ptr<Format> format_;
};

using Output = std::function<Result<void>(std::string_view)>;

/// A record as one JSON object and a line end: all its problems, and "raw", or "raw_base64" where the bytes
/// are not UTF-8, or "raw_bytes" alone where it is larger than kWholeRecordBytes.
std::string record_line(const RefusedRecord& record);

/// The CSV of a reject file piece by piece, for whoever sends it as it is asked for: the original columns,
/// then rg_run, rg_line, rg_codes, rg_fields, rg_message, rg_raw (product's reject file). A record that
/// cannot stand in the columns has them empty and its whole text in rg_raw. Not thread safe; the reader must
/// outlive it.
class RejectCsv {
 public:
  /// Reads the head of the file. Fails as RejectReader does.
  static Result<RejectCsv> begin(RejectReader& reader);
  RejectCsv(RejectCsv&&) noexcept;
  ~RejectCsv();
  /// Appends what comes next: the header line, a record, or at most 2 MiB of a larger one. False at the end.
  Result<bool> next(std::string& out);

 private:
  struct State;
  explicit RejectCsv(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
/// The whole of it.
Result<void> export_csv(RejectReader& reader, const Output& out);
/// record_line() of each record, larger ones with all their bytes.
Result<void> export_jsonl(RejectReader& reader, const Output& out);

}  // namespace rowgate::load

#pragma once

#include "csv/dialect.h"
#include "csv/record_batch.h"
#include "csv/scanner.h"
#include "io/source.h"

#include <cstdint>
#include <memory>

namespace rowgate::csv {

/// Where parsing begins: at the front of a file, after its header, or in the middle of it.
struct StartState {
  std::uint64_t offset = 0;     ///< offset in the file of the source's first byte
  std::uint64_t line = 1;       ///< the line that byte is in
  std::uint64_t record = 1;     ///< the number that the first record gets
  bool inside_quotes = false;   ///< that byte lies inside a quoted field
  bool at_record_start = true;  ///< false: the rest of a record that began earlier is passed over first
};

/// Splits CSV bytes into fields. Follows RFC 4180; LF alone ends a record too, CR alone only where the
/// dialect says so (elsewhere it is an ordinary byte). A quote may stand only at the beginning of a field,
/// doubled inside a quoted field, and at its end.
///
/// The records do not depend on how the source cuts its reads, nor on the kernel. A batch owns its bytes
/// (about 1 MiB, more only for one record that is larger, less where fields are so short that it would have
/// more than kBatchFields fields or kBatchRecords records) and may be checked on another thread. A record
/// with broken structure is in the batch too, marked with its code, and reading goes on at the line after the
/// one in which its field with the trouble opened. NUL bytes, bad UTF-8 and the number of fields are not
/// looked at here. A blank line is a record of one empty field. Memory: the bytes of the batch and one carry
/// buffer, each at most dialect.max_record_bytes + 2 MiB, and their marks. Not thread safe.
class Parser {
 public:
  static constexpr std::size_t kBatchBytes = 1 << 20;
  /// What a batch costs further on depends on its fields more than on its bytes: a cell takes 16 bytes, and a
  /// refused one some 200. One record with more fields is a batch of its own.
  static constexpr std::size_t kBatchFields = 1 << 16, kBatchRecords = 1 << 14;
  /// `source` must outlive the parser and begin at start.offset. `batch_bytes` is what a batch usually holds:
  /// less for a file that is known to be small; more than kBatchBytes is for tests.
  Parser(io::Source& source, const Dialect& dialect, const StartState& start = {},
         Kernel kernel = best_kernel(), std::size_t batch_bytes = kBatchBytes);
  ~Parser();

  /// Fills `batch` (its old content is dropped, its memory reused) with the next records in file order; empty
  /// at the end of the source. Fails only with the source's own error.
  Result<void> next(RecordBatch& batch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One record from memory: all of `text` (without a line end) is taken as exactly one record, as far as that
/// can be done, and appended to `batch`; broken when its structure is. Positions count from `line`. For
/// records that lie in a reject file's rg_raw column. `batch` gets the record's bytes appended.
void append_record(RecordBatch& batch, std::string_view text, const Dialect& dialect, std::uint64_t line);

}  // namespace rowgate::csv

// The parser gives the plain parser's records, however the bytes arrive, whichever kernel scans and wherever
// it begins; and together they are the whole file: between two records there is one line end, nothing else.

#include "csv/fuzzing.h"
#include "csv/line_ends.h"
#include "csv/parser.h"
#include "csv/testing.h"

#include <algorithm>
#include <string>

namespace {

using namespace rowgate::csv;
using fuzzing::require;

/// What stands between two records at `at`: one line end of 1 or 2 bytes, or none at the end of the file.
std::size_t line_end_size(std::string_view file, std::size_t at, LineEnd mode) {
  const std::string_view rest = file.substr(at);
  if (rest.empty()) return 0;
  if (rest.starts_with("\r\n")) return 2;
  require(is_line_end(rest[0], mode), "between two records stands a line end");
  return 1;
}

/// Every byte of the file is in one record or one line end, and every record knows its place.
void require_tiling(std::string_view file, const Dialect& dialect, std::size_t piece,
                    std::size_t batch_bytes) {
  testing::PieceSource source(file, piece);
  Parser parser(source, dialect, {}, best_kernel(), batch_bytes);
  RecordBatch batch;
  std::uint64_t at = 0, line = 1, number = 1, batches = 0;
  while (parser.next(batch) && !batch.empty()) {
    require(batch.number == batches++, "batches are numbered");
    require(batch.first_record == number, "records are numbered");
    require(batch.bytes.size() >= batch.size_bytes + 64, "padding follows the bytes");
    number += batch.size();
    for (std::size_t record = 0; record < batch.size(); ++record) {
      require(batch.offset(record) == at, "a record begins where the one before ended");
      require(batch.line[record] == line, "a record begins in the line that it says");
      const std::string_view kept = batch.raw(record);
      require(kept == file.substr(at, kept.size()), "a record has the file's own bytes");
      require(kept.size() <= batch.length[record], "no more is kept than there is");
      require(kept.size() == batch.length[record] || kept.size() >= dialect.max_record_bytes,
              "only what is over the limit is cut");
      const std::size_t next = at + batch.length[record];
      const std::size_t end_size = line_end_size(file, next, dialect.line_end);
      line += count_line_ends(file.substr(at, next + end_size - at), dialect.line_end);
      at = next + end_size;
    }
  }
  require(at == file.size(), "the records are the whole file");
}

/// Begun at a later record, the parser gives the same records from there on.
void require_same_from(std::string_view file, const Dialect& dialect, std::size_t piece, std::size_t skipped,
                       const std::vector<std::string>& all) {
  testing::PieceSource source(file, piece);
  Parser parser(source, dialect, {}, best_kernel(), 4096);
  RecordBatch batch;
  if (!parser.next(batch) || skipped >= batch.size()) return;
  const StartState start{.offset = batch.offset(skipped), .line = batch.line[skipped], .record = 1 + skipped};
  const auto rest =
      testing::parse_all(file.substr(start.offset), dialect, best_kernel(), piece, start, piece);
  require(std::equal(rest.begin(), rest.end(), all.begin() + static_cast<std::ptrdiff_t>(skipped), all.end()),
          "begun at a later record, the rest is equal");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzzing::Input input = fuzzing::read_input(data, size);
  const std::vector<std::string> plain = testing::parse_plainly(input.file, input.dialect);
  for (const Kernel kernel : available_kernels())
    for (const std::size_t batch_bytes : {input.piece, std::size_t{256}})
      require(testing::parse_all(input.file, input.dialect, kernel, input.piece, {}, batch_bytes) == plain,
              "fast and plain records are equal");
  require_tiling(input.file, input.dialect, input.piece, 64);
  require_tiling(input.file, input.dialect, input.piece, input.piece);
  if (size > 1) require_same_from(input.file, input.dialect, input.piece, data[1] % 8, plain);
  return 0;
}

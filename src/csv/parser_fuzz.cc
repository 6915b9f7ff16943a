// The parser gives the plain parser's records, however the bytes arrive and whichever kernel scans; and together they are
// the whole file: between two records there is one line end, nothing else.

#include "csv/fuzzing.h"
#include "csv/line_ends.h"
#include "csv/parser.h"
#include "csv/plain_parser.h"
#include "csv/testing.h"

#include <string>

namespace {

using namespace rowgate::csv;
using fuzzing::require;

std::vector<std::string> parse_plainly(std::string_view file, const Dialect& dialect) {
  RecordBatch batch;
  batch.first_field.push_back(0);
  batch.bytes.assign(file.begin(), file.end());
  batch.quote_char = dialect.quote_char;
  batch.line_end = dialect.line_end;
  std::uint64_t line = 1;
  for (std::size_t at = 0; at < file.size();) {
    const PlainRecord found = read_plain(file, at, true, dialect, batch.field_end);
    require(found.next > at, "every record has bytes or a line end");
    require(found.end <= found.next && found.next - found.end <= 2, "between records is one line end");
    const auto index = static_cast<std::uint32_t>(batch.size());
    batch.record_begin.push_back(static_cast<std::uint32_t>(at));
    batch.record_end.push_back(static_cast<std::uint32_t>(found.end));
    batch.length.push_back(found.end - at);
    batch.line.push_back(line);
    batch.first_field.push_back(static_cast<std::uint32_t>(batch.field_end.size()));
    if (found.kind == PlainRecord::Kind::Broken)
      batch.broken.push_back({index, found.code, batch.position(index, static_cast<std::uint32_t>(found.at)),
                              batch.position(index, static_cast<std::uint32_t>(found.trouble)), found.field});
    line += count_line_ends(file.substr(at, found.next - at), dialect.line_end);
    at = found.next;
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < batch.size(); ++i) out.push_back(testing::record_text(batch, i));
  return out;
}

void require_tiling(std::string_view file, const Dialect& dialect, std::size_t piece) {
  testing::PieceSource source(file, piece);
  Parser parser(source, dialect, {}, best_kernel(), 64);
  RecordBatch batch;
  std::uint64_t at = 0;
  while (parser.next(batch) && !batch.empty()) {
    for (std::size_t record = 0; record < batch.size(); ++record) {
      require(batch.offset(record) == at, "a record begins where the one before ended");
      at += batch.length[record];
      if (at == file.size()) continue;
      if (file[at] == '\r') ++at;
      if (at < file.size() && file[at] == '\n' && (at == 0 || batch.length[record] + batch.offset(record) + 1 >= at)) ++at;
    }
  }
  require(at == file.size(), "the records are the whole file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzzing::Input input = fuzzing::read_input(data, size);
  const std::vector<std::string> plain = parse_plainly(input.file, input.dialect);
  for (const Kernel kernel : available_kernels())
    for (const std::size_t batch_bytes : {input.piece, std::size_t{256}})
      require(testing::parse_all(input.file, input.dialect, kernel, input.piece, {}, batch_bytes) == plain,
              "fast and plain records are equal");
  require_tiling(input.file, input.dialect, input.piece);
  return 0;
}

#include "load/count_records.h"

#include "csv/parser.h"
#include "load/pass.h"

namespace rowgate::load {

Result<std::uint64_t> count_records(const io::SourceFile& file, const csv::DialectOptions& dialect,
                                    std::optional<std::uint64_t> enough) {
  TRY_ASSIGN(const csv::Opening opening, csv::inspect(file, dialect));
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, open_after_header(file, opening.data_offset));
  csv::Parser parser(*source, opening.dialect, {.offset = opening.data_offset, .line = opening.data_line});
  csv::RecordBatch batch;
  std::uint64_t count = 0;
  for (;;) {
    TRY(parser.next(batch));
    if (batch.empty()) return count;
    for (std::size_t record = 0; record < batch.size(); ++record)
      if (!batch.is_blank(record)) ++count;
    if (enough && count >= *enough) return count;
  }
}

}  // namespace rowgate::load

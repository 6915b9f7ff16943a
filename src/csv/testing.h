#pragma once

#include "csv/parser.h"

#include <algorithm>
#include <string>
#include <vector>

namespace rowgate::csv::testing {

/// Gives its bytes in pieces of `piece` at most.
class PieceSource : public io::Source {
 public:
  PieceSource(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), bytes_.size(), piece_});
    std::copy_n(bytes_.begin(), count, into.begin());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  std::size_t piece_;
};

/// A record in one line of text: "line@offset+length: [a][b]", or "line@offset+length: !code l:c l:c #field".
inline std::string record_text(const RecordBatch& batch, std::size_t record) {
  std::string out = std::to_string(batch.line[record]) + "@" + std::to_string(batch.offset(record)) + "+" +
                    std::to_string(batch.length[record]) + ": ";
  for (const BrokenRecord& broken : batch.broken) {
    if (broken.record != record) continue;
    return out + "!" + std::string(text(broken.code)) + " " + std::to_string(broken.at.line) + ":" +
           std::to_string(broken.at.column) + " " + std::to_string(broken.trouble.line) + ":" +
           std::to_string(broken.trouble.column) + " #" + std::to_string(broken.field);
  }
  for (std::size_t field = 0; field < batch.field_count(record); ++field)
    out += (batch.is_quoted(record, field) ? "'" : "[") + batch.value(record, field) + "]";
  return out;
}

/// All records of `bytes`, each as record_text.
inline std::vector<std::string> parse_all(std::string_view bytes, const Dialect& dialect, Kernel kernel,
                                          std::size_t piece, const StartState& start = {},
                                          std::size_t batch_bytes = Parser::kBatchBytes) {
  PieceSource source(bytes, piece);
  Parser parser(source, dialect, start, kernel, batch_bytes);
  RecordBatch batch;
  std::vector<std::string> out;
  for (;;) {
    if (!parser.next(batch) || batch.empty()) return out;
    for (std::size_t record = 0; record < batch.size(); ++record) out.push_back(record_text(batch, record));
  }
}

}  // namespace rowgate::csv::testing

#pragma once

#include "csv/line_ends.h"
#include "csv/parser.h"
#include "csv/plain_parser.h"

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

/// All records of `bytes` by the plain parser over the whole text: what the fast way must equal.
inline std::vector<std::string> parse_plainly(std::string_view bytes, const Dialect& dialect) {
  RecordBatch batch;
  batch.quote_char = dialect.quote_char;
  batch.line_end = dialect.line_end;
  batch.bytes.assign(bytes.begin(), bytes.end());
  batch.first_field.push_back(0);
  std::uint64_t line = 1;
  for (std::size_t at = 0; at < bytes.size();) {
    const PlainRecord found = read_plain(bytes, at, true, dialect, batch.field_end);
    const auto index = static_cast<std::uint32_t>(batch.size());
    batch.record_begin.push_back(static_cast<std::uint32_t>(at));
    batch.record_end.push_back(static_cast<std::uint32_t>(found.end));
    batch.length.push_back(found.end - at);
    batch.line.push_back(line);
    batch.first_field.push_back(static_cast<std::uint32_t>(batch.field_end.size()));
    if (found.kind == PlainRecord::Kind::Broken)
      batch.broken.push_back({index, found.code, batch.position(index, static_cast<std::uint32_t>(found.at)),
                              batch.position(index, static_cast<std::uint32_t>(found.trouble)), found.field});
    line += count_line_ends(bytes.substr(at, found.next - at), dialect.line_end);
    at = found.next;
  }
  std::vector<std::string> out;
  for (std::size_t record = 0; record < batch.size(); ++record) out.push_back(record_text(batch, record));
  return out;
}

}  // namespace rowgate::csv::testing

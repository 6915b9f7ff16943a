#include "csv/parser.h"

#include "csv/line_ends.h"
#include "csv/plain_parser.h"

#include <algorithm>
#include <cstring>

namespace rowgate::csv {
namespace {

constexpr std::size_t kPadding = 64;
constexpr std::size_t kLeastBatchBytes =
    Parser::kBatchRecords;  ///< a record has one byte at least: its line feed

/// Room for `size` bytes and the padding, not more: a vector that grows by itself would double.
void make_room(RecordBatch& batch, std::size_t size) {
  batch.bytes.reserve(size + kPadding);
  if (batch.bytes.size() < size + kPadding) batch.bytes.resize(size + kPadding);
}

/// It has as many records or fields as a batch may have.
bool is_full(const RecordBatch& batch) {
  return batch.first_field.back() >= Parser::kBatchFields || batch.size() >= Parser::kBatchRecords;
}

}  // namespace

struct Parser::State {
  State(io::Source& from, const Dialect& with, const StartState& start, Kernel by, std::size_t bytes_of_batch)
      : source(from),
        dialect(with),
        kernel(by),
        most_batch_bytes(bytes_of_batch),
        batch_bytes(bytes_of_batch),
        offset(start.offset),
        line(start.line),
        record(start.record),
        inside_quotes(start.inside_quotes),
        at_record_start(start.at_record_start) {}

  Result<void> next(RecordBatch& batch);
  Result<void> fill(RecordBatch& batch, std::size_t target);
  Result<void> skip_first_record(RecordBatch& batch);
  std::size_t split(RecordBatch& batch);
  bool split_fast(RecordBatch& batch, std::size_t& consumed);
  std::size_t split_plain(RecordBatch& batch, std::size_t from);
  void add_record(RecordBatch& batch, std::size_t begin, std::size_t end, std::size_t next);
  void add_broken(RecordBatch& batch, std::size_t begin, const PlainRecord& found);
  Result<void> skip_long_line(RecordBatch& batch);
  void fit_to_fields(const RecordBatch& batch);
  std::string_view bytes(const RecordBatch& batch) const { return {batch.bytes.data(), filled}; }

  io::Source& source;
  Dialect dialect;
  Kernel kernel;
  const std::size_t most_batch_bytes;
  std::size_t batch_bytes;
  std::uint64_t offset;  ///< in the file, of the batch's first byte
  std::uint64_t line, record;
  bool inside_quotes, at_record_start;
  std::uint64_t batches = 0;
  std::size_t filled = 0;  ///< bytes in the batch
  bool at_end = false;     ///< of the source
  bool in_long_line =
      false;  ///< the batch's last record is broken and its line goes on behind the bytes read
  std::vector<char> carry;
  Marks marks;
};

/// Reads on until `target` bytes are there or the source ends.
Result<void> Parser::State::fill(RecordBatch& batch, std::size_t target) {
  make_room(batch, target);
  if (at_end) return {};
  TRY_ASSIGN(const std::size_t got,
             io::read_fully(source, std::span(batch.bytes).subspan(filled, target - filled)));
  filled += got;
  at_end = filled < target;
  return {};
}

/// The parser was started inside a record: what is left of it belongs to whoever parses the bytes before.
Result<void> Parser::State::skip_first_record(RecordBatch& batch) {
  char before = 0;
  while (!at_record_start) {
    filled = 0;
    TRY(fill(batch, batch_bytes));
    std::size_t at = 0;
    while (at < filled && !at_record_start) {
      const char byte = batch.bytes[at++];
      if (byte == dialect.quote_char) inside_quotes = !inside_quotes;
      if (!is_line_end(byte, dialect.line_end)) {
        before = byte;
        continue;
      }
      if (byte == '\r' || before != '\r' || dialect.line_end == LineEnd::Lf) ++line;
      before = byte;
      if (inside_quotes) continue;
      at_record_start = true;
      if (byte != '\r') break;
      if (at == filled && !at_end) {
        char following = 0;
        TRY_ASSIGN(const std::size_t got, source.read(std::span(&following, 1)));
        if (got == 1) batch.bytes[filled++] = following;
      }
      if (at < filled && batch.bytes[at] == '\n') ++at;
    }
    offset += at;
    carry.assign(batch.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 batch.bytes.begin() + static_cast<std::ptrdiff_t>(filled));
    if (at_end) at_record_start = true;
  }
  return {};
}

void Parser::State::add_record(RecordBatch& batch, std::size_t begin, std::size_t end, std::size_t next) {
  batch.record_begin.push_back(static_cast<std::uint32_t>(begin));
  batch.record_end.push_back(static_cast<std::uint32_t>(end));
  batch.line.push_back(line);
  batch.length.push_back(end - begin);
  batch.first_field.push_back(static_cast<std::uint32_t>(batch.field_end.size()));
  line += count_line_ends(bytes(batch).substr(begin, next - begin), dialect.line_end);
}

/// Turns marks into fields and records. False when a record might be over a limit: the plain parser then
/// looks at all.
bool Parser::State::split_fast(RecordBatch& batch, std::size_t& consumed) {
  const char* const text = batch.bytes.data();
  const bool crlf_counts = dialect.line_end == LineEnd::Lf;
  const std::size_t shortest_limit = std::min(dialect.max_field_bytes, dialect.max_record_bytes);
  batch.field_end.resize(marks.count);
  std::uint32_t* field = batch.field_end.data();
  std::uint32_t* const first = field;
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < marks.count; ++i) {
    const std::uint32_t at = marks.at[i];
    const char byte = text[at];
    *field++ = at;
    if (byte == dialect.delimiter) continue;
    std::uint32_t end = at, next = at + 1;
    if (byte == '\n') {
      if (crlf_counts && at > begin && text[at - 1] == '\r') --end;
    } else {  // CR
      if (next == filled && !at_end) {
        --field;
        break;
      }
      if (next < filled && text[next] == '\n') {
        ++next;
        ++i;
      }
    }
    field[-1] = end;
    if (end - begin > shortest_limit) return false;
    batch.record_begin.push_back(begin);
    batch.record_end.push_back(end);
    batch.first_field.push_back(static_cast<std::uint32_t>(field - first));
    begin = next;
    if (is_full(batch)) break;
  }
  // What follows the last record is parsed again with the bytes to come.
  batch.field_end.resize(batch.first_field.back());
  consumed = begin;
  return true;
}

namespace {

/// Sets the flags of quoted fields; only for a batch that has a quote at all.
void flag_quoted(RecordBatch& batch) {
  const char* const text = batch.bytes.data();
  for (std::size_t record = 0; record < batch.size(); ++record) {
    std::uint32_t begin = batch.record_begin[record];
    for (std::uint32_t f = batch.first_field[record]; f < batch.first_field[record + 1]; ++f) {
      const std::uint32_t end = batch.field_end[f];
      if (end > begin && text[begin] == batch.quote_char) {
        const bool doubled = std::memchr(text + begin + 1, batch.quote_char, end - begin - 2) != nullptr;
        batch.field_end[f] = end | RecordBatch::kQuoted | (doubled ? RecordBatch::kDoubled : 0);
      }
      begin = end + 1;
    }
  }
}

}  // namespace

void Parser::State::add_broken(RecordBatch& batch, std::size_t begin, const PlainRecord& found) {
  const auto index = static_cast<std::uint32_t>(batch.size());
  add_record(batch, begin, found.end, found.next);
  batch.broken.push_back({.record = index,
                          .code = found.code,
                          .at = batch.position(index, static_cast<std::uint32_t>(found.at)),
                          .trouble = batch.position(index, static_cast<std::uint32_t>(found.trouble)),
                          .field = found.field});
}

/// Records from `from` on by the plain parser. Returns where the first record begins that is not whole yet.
std::size_t Parser::State::split_plain(RecordBatch& batch, std::size_t from) {
  while (from < filled && !is_full(batch)) {
    const PlainRecord found = read_plain(bytes(batch), from, at_end, dialect, batch.field_end);
    if (found.kind == PlainRecord::Kind::NeedMore) break;
    if (found.kind == PlainRecord::Kind::Whole) {
      add_record(batch, from, found.end, found.next);
    } else {
      const bool goes_on = !found.has_line_end && !at_end;
      if (goes_on && filled - from <= dialect.max_record_bytes) break;
      add_broken(batch, from, found);
      if (goes_on) {
        in_long_line = true;
        return filled;
      }
    }
    from = found.next;
  }
  return from;
}

std::size_t Parser::State::split(RecordBatch& batch) {
  scan(kernel, bytes(batch), dialect, marks);
  std::size_t consumed = 0;
  batch.first_field.assign(1, 0);
  if (marks.misquoted || !split_fast(batch, consumed)) {
    batch.clear();
    batch.first_field.assign(1, 0);
    return split_plain(batch, 0);
  }
  const std::size_t records = batch.size();
  batch.line.resize(records);
  batch.length.resize(records);
  for (std::size_t i = 0; i < records; ++i) batch.length[i] = batch.record_end[i] - batch.record_begin[i];
  if (marks.quoted) flag_quoted(batch);
  if (!marks.lines_in_quotes) {
    for (std::size_t i = 0; i < records; ++i) batch.line[i] = line + i;
    line += records;
  } else {
    for (std::size_t i = 0; i < records; ++i) {
      batch.line[i] = line;
      line += 1 + count_line_ends(batch.raw(i), dialect.line_end);
    }
  }
  return at_end || batch.empty() ? split_plain(batch, consumed) : consumed;
}

/// The batch's last record is broken and too long to be kept: the rest of its line is read past, only
/// counted.
Result<void> Parser::State::skip_long_line(RecordBatch& batch) {
  std::vector<char> chunk(64 * 1024);
  char before = filled > 0 ? batch.bytes[filled - 1] : '\0';
  // In a file of lone CRs the bytes may have ended with one, and only what follows tells whether an LF
  // belongs to it.
  bool ended = before == '\r' && dialect.line_end == LineEnd::CrOrLf;
  std::uint64_t skipped = 0;
  std::size_t got = 0, at = 0;
  const auto read_more = [&]() -> Result<bool> {
    TRY_ASSIGN(got, source.read(chunk));
    at = 0;
    at_end = got == 0;
    return !at_end;
  };
  while (!ended) {
    if (at == got) {
      TRY_ASSIGN(const bool more, read_more());
      if (!more) break;
    }
    const std::size_t end = find_line_end({chunk.data(), got}, at, dialect.line_end);
    const std::size_t stop = end == std::string_view::npos ? got : end;
    if (stop > at) before = chunk[stop - 1];
    skipped += stop - at;
    at = stop;
    if (end == std::string_view::npos) continue;
    ended = true;
    batch.length.back() += skipped;
    if (chunk[at] == '\n' && before == '\r' && dialect.line_end == LineEnd::Lf) --batch.length.back();
    before = chunk[at++];
    ++skipped;
    ++line;
  }
  if (!ended) batch.length.back() += skipped;
  if (ended && before == '\r') {
    if (at == got) TRY(read_more());
    if (at < got && chunk[at] == '\n') {
      ++at;
      ++skipped;
    }
  }
  in_long_line = false;
  batch.record_end.back() = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(batch.record_begin.back() + batch.length.back(), batch.record_end.back()));
  offset += skipped;
  carry.assign(chunk.begin() + static_cast<std::ptrdiff_t>(at),
               chunk.begin() + static_cast<std::ptrdiff_t>(got));
  return {};
}

Result<void> Parser::State::next(RecordBatch& batch) {
  batch.clear();
  if (!at_record_start) TRY(skip_first_record(batch));
  batch.quote_char = dialect.quote_char;
  batch.delimiter = dialect.delimiter;
  batch.line_end = dialect.line_end;

  filled = carry.size();
  auto target = std::max(batch_bytes, carry.size() + batch_bytes / 4 + 1);
  make_room(batch, target);
  std::ranges::copy(carry, batch.bytes.begin());
  std::size_t consumed = 0;
  for (;;) {
    TRY(fill(batch, target));
    consumed = split(batch);
    if (!batch.empty() || at_end) break;
    // A single record that is larger. With this many bytes the plain parser knows what becomes of it.
    const std::size_t enough = std::size_t{dialect.max_record_bytes} + batch_bytes;
    target = std::max(std::min(2 * target, enough), filled + 1);
  }
  batch.number = batches++;
  batch.first_offset = offset;
  batch.first_record = record;
  batch.size_bytes = consumed;
  offset += consumed;
  record += batch.size();
  carry.assign(batch.bytes.begin() + static_cast<std::ptrdiff_t>(consumed),
               batch.bytes.begin() + static_cast<std::ptrdiff_t>(filled));
  if (in_long_line) TRY(skip_long_line(batch));
  fit_to_fields(batch);
  return {};
}

/// Where fields are short a batch is full long before its bytes are used up, and the rest would be copied and
/// scanned again and again. So the next batch has as many bytes as should just fill it.
void Parser::State::fit_to_fields(const RecordBatch& batch) {
  if (batch.empty()) return;
  const double share = std::max(static_cast<double>(batch.first_field.back()) / kBatchFields,
                                static_cast<double>(batch.size()) / kBatchRecords);
  const double fitting = share > 0 ? static_cast<double>(batch.size_bytes) / share : 0;
  const auto most = static_cast<double>(most_batch_bytes);
  const double least = std::min<double>(kLeastBatchBytes, most);
  batch_bytes = static_cast<std::size_t>(std::clamp(fitting, least, most));
}

Parser::Parser(io::Source& source, const Dialect& dialect, const StartState& start, Kernel kernel,
               std::size_t batch_bytes)
    : state_(std::make_unique<State>(source, dialect, start, kernel, batch_bytes)) {}
Parser::~Parser() = default;

Result<void> Parser::next(RecordBatch& batch) {
  return state_->next(batch);
}

void append_record(RecordBatch& batch, std::string_view text, const Dialect& dialect, std::uint64_t line) {
  if (batch.first_field.empty()) batch.first_field.push_back(0);
  batch.quote_char = dialect.quote_char;
  batch.delimiter = dialect.delimiter;
  batch.line_end = dialect.line_end;
  const std::size_t begin = batch.size_bytes, end = begin + text.size();
  batch.bytes.resize(std::max(batch.bytes.size(), end + kPadding));
  std::ranges::copy(text, batch.bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  batch.size_bytes = end;
  PlainRecord found = read_plain({batch.bytes.data(), end}, begin, true, dialect, batch.field_end);
  if (found.kind == PlainRecord::Kind::Whole &&
      found.end < end) {  // a line end outside quotes: more than one record
    found.kind = PlainRecord::Kind::Broken;
    found.code = Code::CsvUnclosedQuote;
    found.at = found.trouble = found.end;
    batch.field_end.resize(batch.first_field.back());
  }
  const auto index = static_cast<std::uint32_t>(batch.size());
  batch.record_begin.push_back(static_cast<std::uint32_t>(begin));
  batch.record_end.push_back(static_cast<std::uint32_t>(end));
  batch.line.push_back(line);
  batch.length.push_back(text.size());
  batch.first_field.push_back(static_cast<std::uint32_t>(batch.field_end.size()));
  if (found.kind == PlainRecord::Kind::Broken)
    batch.broken.push_back({.record = index,
                            .code = found.code,
                            .at = batch.position(index, static_cast<std::uint32_t>(found.at)),
                            .trouble = batch.position(index, static_cast<std::uint32_t>(found.trouble)),
                            .field = found.field});
}

}  // namespace rowgate::csv

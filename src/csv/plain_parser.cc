#include "csv/plain_parser.h"

#include "csv/line_ends.h"
#include "csv/record_batch.h"

namespace rowgate::csv {
namespace {

class PlainReader {
 public:
  PlainReader(std::string_view bytes, std::size_t begin, bool last, const Dialect& dialect,
              std::vector<std::uint32_t>& field_end)
      : bytes_(bytes), begin_(begin), last_(last), dialect_(dialect), field_end_(field_end) {}

  PlainRecord read() {
    const std::size_t fields_before = field_end_.size();
    std::size_t at = begin_;
    Step step = Step::NextField;
    for (; step == Step::NextField; ++record_.field) {
      step = read_field(at);
    }
    if (step == Step::EndOfRecord) {
      record_.kind = PlainRecord::Kind::Whole;
      return record_;
    }
    field_end_.resize(fields_before);
    record_.kind = step == Step::Broken ? PlainRecord::Kind::Broken : PlainRecord::Kind::NeedMore;
    --record_.field;
    if (step == Step::Broken) end_at_line();
    return record_;
  }

 private:
  enum class Step { NextField, EndOfRecord, Broken, NeedMore };

  Step broken(Code code, std::size_t at, std::size_t trouble) {
    record_.code = code;
    record_.at = at;
    record_.trouble = trouble;
    return Step::Broken;
  }

  void add_field(std::size_t end, std::uint32_t flags = 0) {
    field_end_.push_back(static_cast<std::uint32_t>(end) | flags);
  }

  /// The record ends with the field whose last byte is before `end`; its line end begins there, or the file
  /// ends.
  Step end_record(std::size_t end) {
    record_.end = end;
    record_.next = end;
    if (end == bytes_.size()) return Step::EndOfRecord;
    if (bytes_[end] == '\r' && end + 1 == bytes_.size() && !last_) return Step::NeedMore;  // is an LF next?
    record_.next = end + (bytes_[end] == '\r' && end + 1 < bytes_.size() && bytes_[end + 1] == '\n' ? 2 : 1);
    return Step::EndOfRecord;
  }

  /// Whether a line end begins at `at`; a CR that is none by itself must stand before an LF.
  enum class LineEndHere { Yes, No, Unknown };
  LineEndHere line_end_at(std::size_t at) const {
    if (is_line_end(bytes_[at], dialect_.line_end)) return LineEndHere::Yes;
    if (bytes_[at] != '\r') return LineEndHere::No;
    if (at + 1 < bytes_.size()) return bytes_[at + 1] == '\n' ? LineEndHere::Yes : LineEndHere::No;
    return last_ ? LineEndHere::No : LineEndHere::Unknown;
  }

  Step read_field(std::size_t& at) {
    // Asked before the first byte is looked at, so that it does not matter whether that byte is there yet.
    if (at - begin_ > dialect_.max_record_bytes) return broken(Code::LimitRecord, at, at);
    const bool quoted = at < bytes_.size() && bytes_[at] == dialect_.quote_char;
    return quoted ? read_quoted(at) : read_unquoted(at);
  }

  Step read_unquoted(std::size_t& at) {
    const std::size_t field_begin = at;
    for (;; ++at) {
      if (at - field_begin > dialect_.max_field_bytes)
        return broken(Code::LimitField, field_begin, field_begin);
      if (at - begin_ > dialect_.max_record_bytes) return broken(Code::LimitRecord, field_begin, field_begin);
      if (at == bytes_.size()) {
        if (!last_) return Step::NeedMore;
        add_field(at);
        return end_record(at);
      }
      const char byte = bytes_[at];
      if (byte == dialect_.delimiter) {
        add_field(at++);
        return Step::NextField;
      }
      if (byte == dialect_.quote_char) return broken(Code::CsvStrayQuote, field_begin, at);
      const LineEndHere here = line_end_at(at);
      if (here == LineEndHere::Unknown) return Step::NeedMore;
      if (here == LineEndHere::No) continue;
      add_field(at);
      return end_record(at);
    }
  }

  Step read_quoted(std::size_t& at) {
    const std::size_t open = at++;
    std::uint32_t flags = RecordBatch::kQuoted;
    for (;; ++at) {
      if (at - open - 1 > dialect_.max_field_bytes || at - begin_ > dialect_.max_record_bytes)
        return broken(Code::CsvUnclosedQuote, open, open);
      if (at == bytes_.size()) return last_ ? broken(Code::CsvUnclosedQuote, open, open) : Step::NeedMore;
      if (bytes_[at] != dialect_.quote_char) continue;
      if (at + 1 == bytes_.size() && !last_) return Step::NeedMore;  // is it doubled?
      if (at + 1 == bytes_.size() || bytes_[at + 1] != dialect_.quote_char) break;
      flags |= RecordBatch::kDoubled;
      ++at;
    }
    return close_quoted(open, at, flags);
  }

  /// After the closing quote at `quote`: a delimiter, a line end or the end of the file.
  Step close_quoted(std::size_t open, std::size_t& at, std::uint32_t flags) {
    const std::size_t quote = at++;
    if (at - begin_ > dialect_.max_record_bytes) return broken(Code::LimitRecord, open, open);
    if (at == bytes_.size()) {
      if (!last_) return Step::NeedMore;
      add_field(at, flags);
      return end_record(at);
    }
    if (bytes_[at] == dialect_.delimiter) {
      add_field(at++, flags);
      return Step::NextField;
    }
    const LineEndHere here = line_end_at(at);
    if (here == LineEndHere::Unknown) return Step::NeedMore;
    if (here == LineEndHere::No) return broken(Code::CsvStrayQuote, open, quote);
    add_field(at, flags);
    return end_record(at);
  }

  /// A broken record ends with the line in which its field with the trouble opened, whatever quotes that line
  /// has.
  void end_at_line() {
    const std::size_t line_end = find_line_end(bytes_, record_.at, dialect_.line_end);
    record_.has_line_end = line_end != std::string_view::npos;
    record_.end = record_.next = bytes_.size();
    if (!record_.has_line_end) return;
    const bool crlf_by_lf = bytes_[line_end] == '\n' && line_end > begin_ && bytes_[line_end - 1] == '\r';
    record_.end = crlf_by_lf && dialect_.line_end == LineEnd::Lf ? line_end - 1 : line_end;
    record_.next = line_end + 1;
    if (bytes_[line_end] != '\r') return;
    if (record_.next == bytes_.size() && !last_) record_.has_line_end = false;  // is an LF next?
    if (record_.next < bytes_.size() && bytes_[record_.next] == '\n') ++record_.next;
  }

  std::string_view bytes_;
  std::size_t begin_;
  bool last_;
  const Dialect& dialect_;
  std::vector<std::uint32_t>& field_end_;
  PlainRecord record_;
};

}  // namespace

PlainRecord read_plain(std::string_view bytes, std::size_t begin, bool last, const Dialect& dialect,
                       std::vector<std::uint32_t>& field_end) {
  return PlainReader(bytes, begin, last, dialect, field_end).read();
}

}  // namespace rowgate::csv

#include "base/text.h"
#include "csv/dialect.h"
#include "csv/line_ends.h"
#include "csv/plain_parser.h"
#include "csv/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace rowgate::csv {
namespace {

constexpr std::size_t kFirstLook = 64 * 1024;
constexpr std::size_t kBeyondRecord = 1 << 20;  ///< what is looked at behind the largest header
constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};

/// The beginning of a file, read in growing pieces until its header is whole.
struct Beginning {
  std::string bytes;
  bool whole_file = false;
};

Result<void> read_more(io::Source& source, std::size_t target, Beginning& into) {
  const std::size_t had = into.bytes.size();
  into.bytes.resize(target);
  TRY_ASSIGN(const std::size_t got, io::read_fully(source, std::span(into.bytes).subspan(had)));
  into.bytes.resize(had + got);
  into.whole_file = had + got < target;
  return {};
}

std::unexpected<Error> not_utf8(std::string message, Position at) {
  return fail(Code::RecordNotUtf8, std::move(message),
              "say so with encoding utf-16, or convert it: iconv -f UTF-16 -t UTF-8 in.csv > out.csv", at);
}

/// UTF-16 by its byte order mark, or by a NUL in every second byte of a text that is otherwise ASCII.
Result<void> refuse_utf16(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
    return not_utf8("the file is in UTF-16 (it begins with that byte order mark)", {1, 1});
  const std::string_view front = bytes.substr(0, 64);
  if (front.size() < 8) return {};
  std::array<std::size_t, 2> nuls = {};
  for (std::size_t i = 0; i < front.size(); ++i) nuls[i % 2] += front[i] == '\0' ? 1 : 0;
  const std::size_t half = front.size() / 2;
  if ((nuls[0] >= half - 1 && nuls[1] == 0) || (nuls[1] >= half - 1 && nuls[0] == 0))
    return not_utf8("the file looks like UTF-16 (every second byte is NUL)", {1, 1});
  return {};
}

/// Which bytes of a text stand in quotes, before its delimiter is known: a quote opens a field only where one
/// may begin, so that an apostrophe or an inch sign inside a text opens none.
class Quotes {
 public:
  explicit Quotes(const Dialect& dialect) : quote_(dialect.quote_char) {
    is_ordinary_.fill(true);
    const auto set_apart = [this](char byte) { is_ordinary_[static_cast<unsigned char>(byte)] = false; };
    for (const char byte : {quote_, dialect.delimiter, '\n', '\r'}) set_apart(byte);
    for (const char byte : kDelimiters) set_apart(byte);
  }

  /// Neither quote, line end nor possible delimiter.
  bool is_ordinary(char byte) const { return is_ordinary_[static_cast<unsigned char>(byte)]; }
  /// For every byte in turn.
  bool cover(char byte) {
    if (is_ordinary(byte)) {
      may_open_ = may_open_ && inside_;
      return inside_;
    }
    if (byte == quote_) {
      if (!inside_ && !may_open_) return false;
      inside_ = !inside_;
      may_open_ = true;  // the second one of a doubled quote
      return true;
    }
    if (!inside_) may_open_ = true;
    return inside_;
  }

 private:
  char quote_;
  std::array<bool, 256> is_ordinary_ = {};
  bool inside_ = false, may_open_ = true;
};

/// How the first line outside quotes ends; nullopt when `text` ends before that can be told.
std::optional<LineEnd> first_line_end(std::string_view text, const Dialect& dialect) {
  Quotes quotes(dialect);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quotes.cover(text[i])) continue;
    if (text[i] == '\n') return LineEnd::Lf;
    if (text[i] != '\r') continue;
    if (i + 1 == text.size()) return std::nullopt;
    return text[i + 1] == '\n' ? LineEnd::Lf : LineEnd::CrOrLf;
  }
  return std::nullopt;
}

/// Reads on until the first line end is seen: a header may be longer than the first look, or be cut between
/// CR and LF.
Result<LineEnd> find_line_end_mode(io::Source& source, Beginning& beginning, std::size_t bom_bytes,
                                   const Dialect& dialect) {
  for (;;) {
    const std::string_view text = std::string_view(beginning.bytes).substr(bom_bytes);
    if (const auto found = first_line_end(text, dialect)) return *found;
    if (beginning.whole_file) return text.ends_with('\r') ? LineEnd::CrOrLf : LineEnd::Lf;
    // Reading the header will tell what is wrong with so long a line.
    if (beginning.bytes.size() > dialect.max_record_bytes) return LineEnd::Lf;
    const std::size_t limit = dialect.max_record_bytes + kBeyondRecord;
    TRY(read_more(source, std::min(beginning.bytes.size() * 2, limit), beginning));
  }
}

/// How often each candidate stands outside quotes in each of the first lines.
std::vector<std::array<std::size_t, kDelimiters.size()>> count_by_line(std::string_view text,
                                                                       const Dialect& dialect) {
  std::vector<std::array<std::size_t, kDelimiters.size()>> lines(1);
  Quotes quotes(dialect);
  for (const char byte : text) {
    if (quotes.cover(byte) || quotes.is_ordinary(byte)) continue;
    if (is_line_end(byte, dialect.line_end)) {
      lines.emplace_back();
      continue;
    }
    const auto found = std::ranges::find(kDelimiters, byte);
    if (found != kDelimiters.end()) ++lines.back()[static_cast<std::size_t>(found - kDelimiters.begin())];
  }
  return lines;
}

/// The candidate with which most of the following lines have as many fields as the first; among equals the
/// one that stands most often in the first line. Comma where the first line has none of them.
char find_delimiter(std::string_view text, bool whole_file, const Dialect& dialect) {
  auto lines = count_by_line(text, dialect);
  if (!whole_file && lines.size() > 1) lines.pop_back();  // cut short
  char best = ',';
  std::pair<std::size_t, std::size_t> best_score = {0, 0};
  for (std::size_t i = 0; i < kDelimiters.size(); ++i) {
    const std::size_t in_first = lines[0][i];
    if (in_first == 0) continue;
    std::size_t agreeing = 0;
    for (std::size_t line = 1; line < lines.size(); ++line) agreeing += lines[line][i] == in_first ? 1 : 0;
    const std::pair score = {agreeing, in_first};
    if (score > best_score) {
      best_score = score;
      best = kDelimiters[i];
    }
  }
  return best;
}

Position position_in(std::string_view text, std::size_t at, const Dialect& dialect,
                     std::uint64_t first_line) {
  const std::string_view before = text.substr(0, at);
  const std::size_t last = last_line_end(before, dialect.line_end);
  return {first_line + count_line_ends(before, dialect.line_end),
          before.size() - (last == std::string_view::npos ? 0 : last + 1) + 1};
}

/// Reading the first record that is not blank: the header, or what tells the number of columns.
class HeaderReader {
 public:
  HeaderReader(io::Source& source, Beginning& beginning, Opening& opening)
      : source_(source), beginning_(beginning), opening_(opening) {}

  Result<void> read() {
    TRY(skip_blank_lines());
    TRY(read_record());
    if (batch_.field_end.size() > opening_.dialect.max_columns)
      return fail(Code::LimitColumns,
                  fmt::format("the file has {} columns, more than the {} that are allowed",
                              grouped(batch_.field_end.size()), grouped(opening_.dialect.max_columns)),
                  "check the delimiter, or raise limits.max_columns", Position{line_, 1});
    opening_.columns = batch_.field_end.size();
    if (!opening_.dialect.header) return {};
    TRY(take_names());
    opening_.data_offset = next_;
    opening_.data_line =
        line_ + count_line_ends(text().substr(begin_, next_ - begin_), opening_.dialect.line_end);
    return {};
  }

 private:
  std::string_view text() const { return beginning_.bytes; }

  /// Room for the largest record behind the blank lines, so that reading one always comes to an end.
  Result<void> grow() {
    const std::size_t limit = begin_ + opening_.dialect.max_record_bytes + kBeyondRecord;
    return read_more(source_, std::min(beginning_.bytes.size() * 2, limit), beginning_);
  }

  /// Blank lines before the first record do not count as a header.
  Result<void> skip_blank_lines() {
    begin_ = opening_.bom_bytes;
    for (;;) {
      while (begin_ < text().size() && (text()[begin_] == '\n' || text()[begin_] == '\r')) ++begin_;
      if (begin_ < text().size() || beginning_.whole_file) break;
      if (text().size() > opening_.dialect.max_record_bytes) break;
      TRY(grow());
    }
    if (begin_ == text().size())
      return fail(Code::FileEmpty, "the file is empty",
                  "export the data again; a header line alone would be fine");
    line_ = 1 + count_line_ends(text().substr(opening_.bom_bytes, begin_ - opening_.bom_bytes),
                                opening_.dialect.line_end);
    if (!opening_.dialect.header) {  // blank lines are the pipeline's to count
      opening_.data_offset = opening_.bom_bytes;
      opening_.data_line = 1;
    }
    return {};
  }

  Result<void> read_record() {
    PlainRecord found;
    for (;;) {
      batch_.field_end.clear();
      found = read_plain(text(), begin_, beginning_.whole_file, opening_.dialect, batch_.field_end);
      if (found.kind != PlainRecord::Kind::NeedMore) break;
      TRY(grow());
    }
    if (found.kind == PlainRecord::Kind::Whole) {
      end_ = found.end;
      next_ = found.next;
      return {};
    }
    // Without header a broken first record is a reject like any other; its columns cannot be counted.
    if (!opening_.dialect.header) {
      batch_.field_end.assign(1, 0);
      return {};
    }
    const Position at = position_in(text().substr(begin_), found.trouble - begin_, opening_.dialect, line_);
    return fail(found.code, fmt::format("the header cannot be read: {}", info(found.code).title),
                std::string(info(found.code).fix), at);
  }

  Result<void> take_names() {
    opening_.header_raw = text().substr(begin_, end_ - begin_);
    if (const std::size_t nul = opening_.header_raw.find('\0'); nul != std::string::npos)
      return fail(Code::CsvNulByte, "the header has a NUL byte", std::string(info(Code::CsvNulByte).fix),
                  place(nul));
    if (const std::size_t valid = valid_utf8_prefix(opening_.header_raw); valid != opening_.header_raw.size())
      return fail(Code::RecordNotUtf8, "the header is not UTF-8", std::string(info(Code::RecordNotUtf8).fix),
                  place(valid));
    batch_.bytes.assign(text().begin() + static_cast<std::ptrdiff_t>(begin_),
                        text().begin() + static_cast<std::ptrdiff_t>(end_));
    batch_.quote_char = opening_.dialect.quote_char;
    batch_.first_field = {0, static_cast<std::uint32_t>(batch_.field_end.size())};
    batch_.record_begin = {0};
    batch_.record_end = {static_cast<std::uint32_t>(end_ - begin_)};
    for (std::uint32_t& field_end : batch_.field_end) field_end -= static_cast<std::uint32_t>(begin_);
    for (std::size_t i = 0; i < batch_.field_end.size(); ++i) {
      opening_.header.push_back(batch_.value(0, i));
      opening_.header_columns.push_back(batch_.field_begin(0, i) + 1);
    }
    return check_names();
  }

  Result<void> check_names() const {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < opening_.header.size(); ++i) {
      const std::string_view name = trim_spaces(opening_.header[i]);
      if (name.empty())
        return fail(Code::HeaderBlank, fmt::format("column {} has no name in the header", i + 1),
                    "name it, or set `header: false` for a file without header",
                    place(opening_.header_columns[i] - 1));
      const auto [first, is_new] = seen.emplace(name, i);
      if (!is_new)
        return fail(Code::HeaderDuplicate,
                    fmt::format("the header has '{}' twice, as columns {} and {}", shown(name),
                                first->second + 1, i + 1),
                    "rename or remove one of them", place(opening_.header_columns[i] - 1));
    }
    return {};
  }

  Position place(std::size_t at) const {
    return position_in(opening_.header_raw, at, opening_.dialect, line_);
  }

  io::Source& source_;
  Beginning& beginning_;
  Opening& opening_;
  std::size_t begin_ = 0, end_ = 0, next_ = 0;
  std::uint64_t line_ = 1;
  RecordBatch batch_;
};

}  // namespace

Result<Opening> inspect(const io::SourceFile& file, const DialectOptions& options) {
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, file.open(0));
  Beginning beginning;
  TRY(read_more(*source, kFirstLook, beginning));
  TRY(refuse_utf16(beginning.bytes));
  Opening opening;
  opening.bom_bytes = beginning.bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  Dialect& dialect = opening.dialect;
  dialect.quote_char = options.quote_char.value_or('"');
  dialect.header = options.header.value_or(true);
  dialect.max_field_bytes = options.max_field_bytes;
  dialect.max_record_bytes = options.max_record_bytes;
  dialect.max_columns = options.max_columns;
  dialect.delimiter = options.delimiter.value_or(',');
  TRY_ASSIGN(dialect.line_end, find_line_end_mode(*source, beginning, opening.bom_bytes, dialect));
  std::string_view text = std::string_view(beginning.bytes).substr(opening.bom_bytes);
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  if (!options.delimiter) dialect.delimiter = find_delimiter(text, beginning.whole_file, dialect);
  TRY(HeaderReader(*source, beginning, opening).read());
  return opening;
}

}  // namespace rowgate::csv

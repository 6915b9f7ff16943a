// Most batches are sound throughout, so the whole batch is asked first: three passes over its memory (NUL,
// UTF-8, number of fields), each far faster than looking at single records. Only a batch that fails one is
// looked at record by record.
#include "table/structure.h"

#include "base/text.h"
#include "csv/line_ends.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace rowgate::table {
namespace {

using csv::RecordBatch;

class StructureJudge {
 public:
  StructureJudge(const RecordBatch& records, std::size_t columns, std::span<const int> field_of_column,
                 Structure& out)
      : records_(records), columns_(columns), field_of_column_(field_of_column), out_(out) {}

  void judge();

 private:
  bool has_bad_bytes() const;
  bool is_rectangular() const;
  void judge_broken(const csv::BrokenRecord& broken);
  bool judge_bytes(std::uint32_t record);
  bool judge_field_count(std::uint32_t record);
  void add(std::uint32_t record, Problem problem);
  void add_bad_byte(std::uint32_t record, Code code, std::uint32_t at);
  std::string_view rest_of_broken(const csv::BrokenRecord& broken) const;
  std::string_view first_line(std::string_view text, std::size_t from) const;

  const RecordBatch& records_;
  std::size_t columns_;
  std::span<const int> field_of_column_;
  Structure& out_;
};

bool StructureJudge::has_bad_bytes() const {
  const char* bytes = records_.bytes.data();
  if (records_.size_bytes == 0) return false;
  return std::memchr(bytes, 0, records_.size_bytes) != nullptr ||
         !simdjson::validate_utf8(bytes, records_.size_bytes);
}

/// Every record has as many fields as columns, none is broken or blank.
bool StructureJudge::is_rectangular() const {
  if (!records_.broken.empty() || columns_ < 2) return false;
  std::uint32_t different = 0;
  const auto columns = static_cast<std::uint32_t>(columns_);
  bool has_blank = false;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    different |= (records_.first_field[r + 1] - records_.first_field[r]) ^ columns;
    has_blank |= records_.record_end[r] - records_.record_begin[r] + 1 == columns;
  }
  return different == 0 && !has_blank;
}

void StructureJudge::add(std::uint32_t record, Problem problem) {
  if (problem.column < field_of_column_.size() && field_of_column_[problem.column] >= 0)
    problem.field = static_cast<std::uint32_t>(field_of_column_[problem.column]);
  out_.findings.push_back({record, std::move(problem)});
}

/// The record's bytes from the place where its trouble began; that may be some lines into it.
std::string_view StructureJudge::rest_of_broken(const csv::BrokenRecord& broken) const {
  std::string_view rest = records_.raw(broken.record);
  for (std::uint64_t line = records_.line[broken.record]; line < broken.at.line; ++line) {
    const std::size_t end = csv::find_line_end(rest, 0, records_.line_end);
    if (end == rest.npos) return {};
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return broken.at.column - 1 < rest.size() ? rest.substr(broken.at.column - 1) : std::string_view();
}

/// `text` up to the first line end behind `from`.
std::string_view StructureJudge::first_line(std::string_view text, std::size_t from) const {
  text = text.substr(0, csv::find_line_end(text, from, records_.line_end));
  if (text.ends_with('\r')) text.remove_suffix(1);  // of CRLF
  return text;
}

std::string delimiter_name(char delimiter) {
  switch (delimiter) {
    case ',':
      return "a comma";
    case ';':
      return "a semicolon";
    case '\t':
      return "a tab";
    case '|':
      return "a bar";
    default:
      return fmt::format("`{}`", shown({&delimiter, 1}));
  }
}

void StructureJudge::judge_broken(const csv::BrokenRecord& broken) {
  Problem problem{.code = broken.code, .column = broken.field, .at = broken.at};
  std::string_view rest = rest_of_broken(broken);
  if (broken.code == Code::CsvStrayQuote) {
    // What the field may have been meant to be: up to the first delimiter behind the quote that was stray.
    std::size_t from = 0;
    if (broken.trouble.line == broken.at.line && broken.trouble.column > broken.at.column)
      from = broken.trouble.column - broken.at.column;
    rest = first_line(rest, from);
    rest = rest.substr(0, rest.find(records_.delimiter, from));
    if (rest.starts_with(records_.quote_char)) {
      problem.detail =
          broken.trouble.line == broken.at.line
              ? fmt::format("the quote opened here; the next `{}` is not followed by {}", records_.quote_char,
                            delimiter_name(records_.delimiter))
              : fmt::format("the quote opened here; the `{}` in line {} is not followed by {}",
                            records_.quote_char, broken.trouble.line, delimiter_name(records_.delimiter));
    }
  } else {
    rest = first_line(rest, 0);
  }
  problem.found = std::string(rest);
  add(broken.record, std::move(problem));
}

void StructureJudge::add_bad_byte(std::uint32_t record, Code code, std::uint32_t at) {
  Problem problem{.code = code, .at = records_.position(record, at)};
  std::uint32_t field = 0;
  while (field + 1 < records_.field_count(record) && records_.field_begin(record, field + 1) <= at) ++field;
  problem.column = field;
  problem.found = std::string(records_.inner(record, field));
  problem.detail = fmt::format("byte 0x{:02X}", static_cast<unsigned char>(records_.bytes[at]));
  add(record, std::move(problem));
}

bool StructureJudge::judge_bytes(std::uint32_t record) {
  const std::string_view raw = records_.raw(record);
  const auto tell = [&](Code code, std::size_t at) {
    if (at < raw.size())
      add_bad_byte(record, code, records_.record_begin[record] + static_cast<std::uint32_t>(at));
  };
  const std::size_t nul = std::min(raw.find('\0'), raw.size());
  const std::size_t valid =
      simdjson::validate_utf8(raw.data(), raw.size()) ? raw.size() : valid_utf8_prefix(raw);
  if (nul < valid) tell(Code::CsvNulByte, nul);
  tell(Code::RecordNotUtf8, valid);
  if (nul > valid) tell(Code::CsvNulByte, nul);
  return nul == raw.size() && valid == raw.size();
}

bool StructureJudge::judge_field_count(std::uint32_t record) {
  const std::size_t found = records_.field_count(record);
  if (found == columns_) return true;
  Problem problem{.code = Code::RecordTooFewFields};
  problem.detail = fmt::format("{} expected, {} found", columns_, found);
  if (found > columns_) {
    problem.code = Code::RecordTooManyFields;
    problem.column = static_cast<std::uint32_t>(columns_);
    problem.at = records_.position(record, records_.field_begin(record, columns_));
    problem.found = std::string(records_.inner(record, columns_));
  } else {
    problem.at = records_.position(record, records_.record_end[record]);
  }
  add(record, std::move(problem));
  return false;
}

void StructureJudge::judge() {
  const auto count = static_cast<std::uint32_t>(records_.size());
  const bool bad_bytes = has_bad_bytes();
  if (!bad_bytes && is_rectangular()) {
    out_.sound.resize(count);
    std::iota(out_.sound.begin(), out_.sound.end(), 0u);
    return;
  }
  auto broken = records_.broken.begin();
  for (std::uint32_t record = 0; record < count; ++record) {
    if (broken != records_.broken.end() && broken->record == record) {
      judge_broken(*broken++);
    } else if (records_.is_blank(record)) {
      if (out_.blank++ == 0) out_.first_blank_line = records_.line[record];
    } else {
      const bool sound_bytes = !bad_bytes || judge_bytes(record);
      if (judge_field_count(record) && sound_bytes) out_.sound.push_back(record);
    }
  }
}

}  // namespace

void judge_structure(const RecordBatch& records, std::size_t columns, std::span<const int> field_of_column,
                     Structure& out) {
  out.sound.clear();
  out.findings.clear();
  out.blank = out.first_blank_line = 0;
  StructureJudge(records, columns, field_of_column, out).judge();
}

}  // namespace rowgate::table

#include "base/text.h"
#include "csv/parser.h"
#include "csv/writer.h"
#include "load/rejects/reject_file.h"
#include "table/column_map.h"

#include <algorithm>

namespace rowgate::load {
namespace {

/// Which columns of the file hold data: all, but for those of ours where the file was a reject file itself.
std::vector<std::size_t> data_columns(const RejectFileHead& head, bool was_reject_file) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < head.columns.size(); ++i)
    if (!was_reject_file || !table::is_reject_column(head.columns[i])) columns.push_back(i);
  return columns;
}

bool can_stand_in_columns(const RefusedRecord& record, const csv::RecordBatch& parsed, std::size_t columns) {
  return parsed.broken.empty() && parsed.field_count(0) == columns &&
         record.raw.find('\0') == std::string::npos && valid_utf8_prefix(record.raw) == record.raw.size();
}

template <class Part>
std::string joined(const RefusedRecord& record, std::string_view separator, Part part) {
  std::string out;
  for (const RejectProblem& problem : record.problems) {
    if (!out.empty()) out += separator;
    out += part(problem);
  }
  return out;
}

void write_own_columns(csv::Writer& out, const RejectFileHead& head, const RefusedRecord& record,
                       bool in_columns) {
  out.field(head.run);
  out.field(std::to_string(record.line));
  out.field(
      joined(record, " ", [](const RejectProblem& problem) { return std::string(text(problem.code)); }));
  out.field(joined(record, " ", [](const RejectProblem& problem) { return problem.field; }));
  out.field(joined(record, "; ", [](const RejectProblem& problem) { return problem.title; }));
  if (in_columns)
    out.null_field();
  else
    out.field(record.raw);
  out.end_record();
}

void write_data(csv::Writer& out, const csv::RecordBatch& parsed, const std::vector<std::size_t>& columns,
                bool was_reject_file) {
  for (const std::size_t column : columns) {
    if (parsed.raw_field(0, column).empty()) {
      out.null_field();
      continue;
    }
    const std::string value = parsed.value(0, column);
    // In a reject file most cells are guarded already, and one that was repaired may not be.
    out.field(was_reject_file ? csv::without_formula_escape(value) : std::string_view(value));
  }
}

}  // namespace

struct RejectCsv::State {
  /// What next() appends.
  enum class Place : std::uint8_t { Header, Record, Piece };

  Result<bool> next(std::string& out);
  Result<bool> next_record(std::string& out);
  void begin_large(std::string& out, const RefusedRecord& record);
  Result<bool> next_piece(std::string& out);

  RejectReader& reader;
  RejectFileHead head;
  bool was_reject_file = false;
  std::vector<std::size_t> columns = {};  ///< those with data
  std::size_t raw_column = 0;             ///< of a file that was a reject file
  csv::Dialect dialect = {};
  csv::RecordBatch parsed = {};
  Place place = Place::Header;
  bool is_first_piece = false;
};

namespace {

csv::Writer writer_of(std::string& out, const RejectFileHead& head) {
  return csv::Writer(
      out,
      {.delimiter = head.dialect.delimiter, .quote_char = head.dialect.quote_char, .escape_formulas = true});
}

}  // namespace

/// A record larger than memory has its bytes in rg_raw, the last field; they go there in pieces.
void RejectCsv::State::begin_large(std::string& out, const RefusedRecord& record) {
  std::string text;
  csv::Writer writer = writer_of(text, head);
  for (std::size_t i = 0; i < columns.size(); ++i) writer.null_field();
  write_own_columns(writer, head, record, true);
  text.resize(text.rfind("\r\n"));
  out += text;
  out += head.dialect.quote_char;
  place = Place::Piece;
  is_first_piece = true;
}

Result<bool> RejectCsv::State::next_piece(std::string& out) {
  const char quote = head.dialect.quote_char;
  TRY_ASSIGN(const std::string bytes, reader.next_piece());
  if (bytes.empty()) {
    out += quote;
    out += "\r\n";
    place = Place::Record;
    return true;
  }
  if (is_first_piece && csv::needs_formula_escape(bytes)) out += '\'';
  is_first_piece = false;
  for (const char byte : bytes) {
    out += byte;
    if (byte == quote) out += byte;
  }
  return true;
}

Result<bool> RejectCsv::State::next_record(std::string& out) {
  TRY_ASSIGN(std::optional<RefusedRecord> record, reader.next());
  if (!record) return false;
  if (record->raw_bytes > 0) {
    begin_large(out, *record);
    return true;
  }

  parsed.clear();
  csv::append_record(parsed, record->raw, dialect, record->line);
  bool in_columns = can_stand_in_columns(*record, parsed, head.columns.size());
  if (in_columns && was_reject_file) {
    const std::string raw = parsed.value(0, raw_column);
    if (!raw.empty()) {  // refused once more: the text is still that of the first file
      record->raw = csv::without_formula_escape(raw);
      in_columns = false;
    }
  }
  csv::Writer writer = writer_of(out, head);
  if (in_columns)
    write_data(writer, parsed, columns, was_reject_file);
  else
    for (std::size_t i = 0; i < columns.size(); ++i) writer.null_field();
  write_own_columns(writer, head, *record, in_columns);
  return true;
}

Result<bool> RejectCsv::State::next(std::string& out) {
  if (place == Place::Piece) return next_piece(out);
  if (place == Place::Record) return next_record(out);

  csv::Writer writer = writer_of(out, head);
  for (const std::size_t column : columns) writer.field(head.columns[column]);
  for (const std::string_view name : table::kRejectColumns) writer.field(name);
  writer.end_record();
  place = Place::Record;
  return true;
}

RejectCsv::RejectCsv(std::unique_ptr<State> state) : state_(std::move(state)) {}
RejectCsv::RejectCsv(RejectCsv&&) noexcept = default;
RejectCsv::~RejectCsv() = default;

Result<RejectCsv> RejectCsv::begin(RejectReader& reader) {
  TRY_ASSIGN(RejectFileHead head, reader.head());
  std::unique_ptr<State> state(new State{.reader = reader, .head = std::move(head)});
  state->was_reject_file = table::is_reject_header(state->head.columns);
  state->columns = data_columns(state->head, state->was_reject_file);
  state->raw_column = static_cast<std::size_t>(std::ranges::find(state->head.columns, "rg_raw") -
                                               state->head.columns.begin());
  state->dialect = state->head.dialect;
  state->dialect.max_field_bytes = state->dialect.max_record_bytes =
      256u << 20;  // what was within its own limits then is so now
  return RejectCsv(std::move(state));
}

Result<bool> RejectCsv::next(std::string& out) {
  return state_->next(out);
}

Result<void> export_csv(RejectReader& reader, const Output& out) {
  TRY_ASSIGN(RejectCsv csv, RejectCsv::begin(reader));
  std::string text;
  for (;;) {
    text.clear();
    TRY_ASSIGN(const bool more, csv.next(text));
    if (!more) return {};
    TRY(out(text));
  }
}

}  // namespace rowgate::load

#include "base/text.h"
#include "csv/parser.h"
#include "csv/writer.h"
#include "load/reject_file.h"
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

/// A record larger than memory has its bytes in rg_raw; they go there in pieces.
Result<void> write_large(RejectReader& reader, const RejectFileHead& head, const RefusedRecord& record,
                         std::size_t columns, const Output& out) {
  std::string text;
  csv::Writer writer(
      text,
      {.delimiter = head.dialect.delimiter, .quote_char = head.dialect.quote_char, .escape_formulas = true});
  for (std::size_t i = 0; i < columns; ++i) writer.null_field();
  write_own_columns(writer, head, record, true);
  text.resize(text.rfind("\r\n"));  // rg_raw is the last field, and empty so far
  TRY(out(text));

  const char quote = head.dialect.quote_char;
  std::string piece(1, quote);
  for (bool is_first = true;; is_first = false) {
    TRY_ASSIGN(const std::string bytes, reader.next_piece());
    if (bytes.empty()) break;
    if (is_first && csv::needs_formula_escape(bytes)) piece += '\'';
    for (const char byte : bytes) {
      piece += byte;
      if (byte == quote) piece += byte;
    }
    TRY(out(piece));
    piece.clear();
  }
  return out(std::string(1, quote) + "\r\n");
}

}  // namespace

Result<void> export_csv(RejectReader& reader, const Output& out) {
  TRY_ASSIGN(const RejectFileHead head, reader.head());
  const bool was_reject_file = table::is_reject_header(head.columns);
  const std::vector<std::size_t> columns = data_columns(head, was_reject_file);
  const auto raw_column = std::ranges::find(head.columns, "rg_raw");
  csv::Dialect dialect = head.dialect;
  dialect.max_field_bytes = dialect.max_record_bytes =
      256u << 20;  // what was within its own limits then is so now
  std::string text;
  csv::Writer writer(
      text,
      {.delimiter = head.dialect.delimiter, .quote_char = head.dialect.quote_char, .escape_formulas = true});
  for (const std::size_t column : columns) writer.field(head.columns[column]);
  for (const std::string_view name : table::kRejectColumns) writer.field(name);
  writer.end_record();
  csv::RecordBatch parsed;
  for (;;) {
    TRY(out(text));
    text.clear();
    TRY_ASSIGN(std::optional<RefusedRecord> record, reader.next());
    if (!record) return {};
    if (record->raw_bytes > 0) {
      TRY(write_large(reader, head, *record, columns.size(), out));
      continue;
    }
    parsed.clear();
    csv::append_record(parsed, record->raw, dialect, record->line);
    bool in_columns = can_stand_in_columns(*record, parsed, head.columns.size());
    if (in_columns && was_reject_file) {
      const std::string raw = parsed.value(0, static_cast<std::size_t>(raw_column - head.columns.begin()));
      if (!raw.empty()) {  // refused once more: the text is still that of the first file
        record->raw = csv::without_formula_escape(raw);
        in_columns = false;
      }
    }
    if (in_columns)
      write_data(writer, parsed, columns, was_reject_file);
    else
      for (std::size_t i = 0; i < columns.size(); ++i) writer.null_field();
    write_own_columns(writer, head, *record, in_columns);
  }
}

}  // namespace rowgate::load

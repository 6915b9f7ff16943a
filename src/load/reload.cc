#include "load/reload.h"

#include "csv/parser.h"
#include "csv/writer.h"

namespace rowgate::load {
namespace {

void append_record_fields(csv::Writer& out, const csv::RecordBatch& batch, std::size_t record,
                          std::size_t field) {
  if (batch.raw_field(record, field).empty())
    out.null_field();
  else
    out.field(batch.value(record, field));
}

}  // namespace

Reload::Reload(const csv::Opening& opening, const table::ColumnMap& columns)
    : dialect_(opening.dialect), columns_(columns), own_(opening.columns) {
  for (std::size_t column = 0; column < opening.header.size(); ++column)
    own_[column] = opening.header[column].starts_with("rg_");
}

void Reload::rewrite(const csv::RecordBatch& from, csv::RecordBatch& to) {
  to.clear();
  to.number = from.number;
  to.first_offset = from.first_offset;
  to.first_record = from.first_record;
  to.quote_char = from.quote_char;
  to.delimiter = from.delimiter;
  for (std::size_t record = 0; record < from.size(); ++record) {
    rewrite_record(from, record, to);
    to.own_offset.push_back(from.offset(record));
    to.length.back() = from.length[record];
  }
}

void Reload::rewrite_record(const csv::RecordBatch& from, std::size_t record, csv::RecordBatch& to) {
  if (from.field_count(record) != columns_.file_columns || from.is_blank(record)) {
    csv::append_record(to, from.raw(record), dialect_,
                       from.line[record]);  // the checker says what is wrong with it
    return;
  }
  if (parent_.empty()) parent_ = from.value(record, static_cast<std::size_t>(columns_.rg_run));
  const std::string raw = from.value(record, static_cast<std::size_t>(columns_.rg_raw));
  text_.clear();
  if (raw.empty())
    write_columns(from, record);
  else if (!write_raw(raw))
    text_ = raw;  // still broken: it stands as it is and is refused again
  csv::append_record(to, text_, dialect_, from.line[record]);
}

void Reload::write_columns(const csv::RecordBatch& from, std::size_t record) {
  csv::Writer out(text_, {.delimiter = dialect_.delimiter});
  for (std::size_t column = 0; column < columns_.file_columns; ++column) {
    const std::string_view bytes = from.raw_field(record, column);
    if (is_own(column) || bytes.empty()) {
      out.null_field();
      continue;
    }
    const std::string value = from.value(record, column);
    // What the export escaped begins with ', and what stands behind it would have needed the escape.
    const bool guarded =
        value.starts_with('\'') && csv::needs_formula_escape(std::string_view(value).substr(1));
    out.field(guarded ? std::string_view(value).substr(1) : std::string_view(value));
  }
}

bool Reload::write_raw(const std::string& raw) {
  csv::RecordBatch parsed;
  csv::append_record(parsed, raw, dialect_, 1);
  const std::size_t own = static_cast<std::size_t>(std::ranges::count(own_, true));
  if (parsed.field_count(0) + own != columns_.file_columns) return false;
  csv::Writer out(text_, {.delimiter = dialect_.delimiter});
  for (std::size_t column = 0, data = 0; column < columns_.file_columns; ++column) {
    if (is_own(column))
      out.null_field();
    else
      append_record_fields(out, parsed, 0, data++);
  }
  return true;
}

}  // namespace rowgate::load

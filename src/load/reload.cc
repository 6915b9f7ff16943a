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

/// A record over a limit is here only in part: read again, that part could pass for a whole record.
void keep_broken(const csv::BrokenRecord& broken, csv::RecordBatch& to) {
  if (!to.broken.empty() && to.broken.back().record == broken.record) to.broken.pop_back();
  to.field_end.resize(to.first_field[broken.record]);
  to.first_field.back() = static_cast<std::uint32_t>(to.field_end.size());
  to.broken.push_back(broken);
}

}  // namespace

Reload::Reload(const csv::Opening& opening, const table::ColumnMap& columns,
               const std::optional<csv::Dialect>& raw_dialect)
    : dialect_(opening.dialect),
      raw_dialect_(raw_dialect.value_or(opening.dialect)),
      columns_(columns),
      own_(opening.columns) {
  for (std::size_t column = 0; column < opening.header.size(); ++column)
    own_[column] = table::is_reject_column(opening.header[column]);
}

void Reload::rewrite(const csv::RecordBatch& from, csv::RecordBatch& to) {
  to.clear();
  to.number = from.number;
  to.first_offset = from.first_offset;
  to.first_record = from.first_record;
  to.quote_char = from.quote_char;
  to.delimiter = from.delimiter;
  auto broken = from.broken.begin();
  for (std::size_t record = 0; record < from.size(); ++record) {
    rewrite_record(from, record, to);
    if (broken != from.broken.end() && broken->record == record) keep_broken(*broken++, to);
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
  const std::string cell = from.value(record, static_cast<std::size_t>(columns_.rg_raw));
  const std::string_view raw = csv::without_formula_escape(cell);
  text_.clear();
  if (raw.empty())
    write_columns(from, record);
  else
    write_raw(raw);
  csv::append_record(to, text_, dialect_, from.line[record]);
}

void Reload::write_columns(const csv::RecordBatch& from, std::size_t record) {
  csv::Writer out(text_, {.delimiter = dialect_.delimiter, .quote_char = dialect_.quote_char});
  for (std::size_t column = 0; column < columns_.file_columns; ++column) {
    const std::string_view bytes = from.raw_field(record, column);
    if (is_own(column) || bytes.empty()) {
      out.null_field();
      continue;
    }
    out.field(csv::without_formula_escape(from.value(record, column)));
  }
}

/// The text of a whole record takes the places of the data columns. Where it is broken or has another number
/// of fields it is written so that the same is wrong with it here.
void Reload::write_raw(std::string_view raw) {
  csv::RecordBatch parsed;
  csv::append_record(parsed, raw, raw_dialect_, 1);
  if (!parsed.broken.empty()) {
    text_ = raw;
    return;
  }
  const std::size_t found = parsed.field_count(0);
  csv::Writer out(text_, {.delimiter = dialect_.delimiter, .quote_char = dialect_.quote_char});
  std::size_t data = 0;
  for (std::size_t column = 0; column < columns_.file_columns; ++column) {
    if (!is_own(column) && data == found) break;  // too few, the rg_* columns left out with the rest
    if (is_own(column))
      out.null_field();
    else
      append_record_fields(out, parsed, 0, data++);
  }
  while (data < found) append_record_fields(out, parsed, 0, data++);
}

}  // namespace rowgate::load

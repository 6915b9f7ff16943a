#include "db/server/row_encoder.h"

#include "table/value_format.h"

#include <array>
#include <charconv>

namespace rowgate::db::server {
namespace {

/// What stands behind the backslash; 0 for bytes that stand for themselves.
constexpr auto kEscapes = [] {
  std::array<char, 256> escapes{};
  escapes['\\'] = '\\';
  escapes['\t'] = 't';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  return escapes;
}();

bool may_need_escapes(const table::Field& field) {
  switch (field.type) {
    case table::Type::String:
      return field.format != "uuid";
    case table::Type::Object:
    case table::Type::Array:
    case table::Type::List:
    case table::Type::GeoJson:
    case table::Type::Any:
    case table::Type::Duration:
      return true;
    default:
      return false;
  }
}

/// "\\x0aff": PostgreSQL's own form of bytes, its backslash escaped.
void append_bytes(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\\\x";
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char escape = kEscapes[static_cast<unsigned char>(text[i])];
    if (escape == 0) continue;
    out.append(text, begin, i - begin);
    out += '\\';
    out += escape;
    begin = i + 1;
  }
  out.append(text, begin);
}

RowEncoder::RowEncoder(const table::TableSchema& schema) {
  for (const table::Field& field : schema.fields) {
    Form form = Form::Plain;
    if (may_need_escapes(field)) form = Form::Escaped;
    if (field.type == table::Type::Datetime) form = Form::Datetime;
    forms_.push_back(form);
  }
}

void RowEncoder::append_cell(std::string& out, const table::Cell& cell, std::size_t field) const {
  switch (cell.kind) {
    case table::CellKind::Null:
      out += "\\N";
      return;
    case table::CellKind::Integer:
      return append_integer(out, cell.integer);
    case table::CellKind::Real:
      return table::append_number(out, cell.real);
    case table::CellKind::Bytes:
      return append_bytes(out, cell.view());
    case table::CellKind::Text:
      break;
  }
  const std::string_view text = cell.view();
  if (forms_[field] == Form::Escaped) return append_escaped(out, text);
  if (forms_[field] == Form::Plain || text.size() < 20) {
    out += text;
    return;
  }
  out.append(text, 0, 10);  // 2021-11-07T02:48:42Z
  out += ' ';
  out.append(text, 11, text.size() - 12);
}

void RowEncoder::append(std::string& out, const table::Cell* cells) const {
  for (std::size_t field = 0; field < forms_.size(); ++field) {
    if (field > 0) out += '\t';
    append_cell(out, cells[field], field);
  }
  out += '\n';
}

void RowEncoder::append(std::string& out, const table::Cell* cells,
                        std::span<const std::size_t> fields) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += '\t';
    append_cell(out, cells[fields[i]], fields[i]);
  }
  out += '\n';
}

}  // namespace rowgate::db::server

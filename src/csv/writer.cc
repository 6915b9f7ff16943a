#include "csv/writer.h"

namespace rowgate::csv {
namespace {

/// A plain number, such as -12.5 or +1e9: no spreadsheet makes a formula of it.
bool is_number(std::string_view cell) {
  std::size_t i = cell[0] == '+' || cell[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < cell.size() && cell[i] >= '0' && cell[i] <= '9') ++i;
    return i - from;
  };
  std::size_t count = digits();
  if (i < cell.size() && cell[i] == '.') {
    ++i;
    count += digits();
  }
  if (count == 0) return false;
  if (i < cell.size() && (cell[i] == 'e' || cell[i] == 'E')) {
    ++i;
    if (i < cell.size() && (cell[i] == '+' || cell[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == cell.size();
}

}  // namespace

bool needs_formula_escape(std::string_view cell) {
  if (cell.empty()) return false;
  switch (cell[0]) {
    case '=':
    case '@':
    case '\t':
    case '\r':
    case '\'':
      return true;
    case '+':
    case '-':
      return !is_number(cell);
    default:
      return false;
  }
}

std::string_view without_formula_escape(std::string_view cell) {
  // What was escaped begins with ', and what stands behind it would have needed the escape.
  return cell.starts_with('\'') && needs_formula_escape(cell.substr(1)) ? cell.substr(1) : cell;
}

void Writer::begin_field() {
  if (first_) {
    begin_ = out_.size();
    all_null_ = true;
  } else {
    out_ += options_.delimiter;
  }
  first_ = false;
}

void Writer::field(std::string_view value) {
  begin_field();
  all_null_ = false;
  if (options_.escape_formulas && needs_formula_escape(value))
    append("'" + std::string(value));
  else
    append(value);
}

void Writer::append(std::string_view value) {
  const char special[] = {options_.delimiter, options_.quote_char, '\r', '\n'};
  if (!value.empty() && value.find_first_of({special, sizeof special}) == std::string_view::npos) {
    out_ += value;
    return;
  }
  out_ += options_.quote_char;
  for (;;) {
    const std::size_t quote = value.find(options_.quote_char);
    if (quote == std::string_view::npos) break;
    out_.append(value.substr(0, quote + 1)).append(1, options_.quote_char);
    value.remove_prefix(quote + 1);
  }
  out_.append(value).append(1, options_.quote_char);
}

void Writer::null_field() {
  begin_field();
}

void Writer::end_record() {
  if (all_null_ && !first_) out_.insert(begin_, 2, options_.quote_char);
  out_ += "\r\n";
  first_ = true;
}

}  // namespace rowgate::csv

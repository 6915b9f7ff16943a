#pragma once

#include <string>
#include <string_view>

namespace rowgate::csv {

/// Appends fields and line ends of RFC 4180 (CRLF) to a string; a field is quoted only where it must be
/// (delimiter, quote, CR, LF), and where it is an empty text that must differ from a null. The first field of
/// a record of nulls alone is quoted too: without any quote it would be a blank line to whoever reads it.
class Writer {
 public:
  struct Options {
    char delimiter = ',';
    char quote_char = '"';
    bool escape_formulas = false;  ///< see needs_formula_escape
  };
  Writer(std::string& out, Options options) : out_(out), options_(options) {}
  explicit Writer(std::string& out) : Writer(out, Options{}) {}

  void field(std::string_view value);
  /// A null: nothing between the delimiters.
  void null_field();
  void end_record();

 private:
  void begin_field();
  void append(std::string_view value);

  std::string& out_;
  Options options_;
  bool first_ = true;
  bool all_null_ = true;   ///< of the record so far
  std::size_t begin_ = 0;  ///< where the record begins in out_
};

/// A cell that a spreadsheet would execute: it begins with = + - @ TAB CR (OWASP, "CSV Injection"), or with '
/// itself, so that the escape can be taken off again. A plain number such as -12.5 is none.
bool needs_formula_escape(std::string_view cell);
/// The cell without the ' of such an escape; a cell that has none, as it is.
std::string_view without_formula_escape(std::string_view cell);

}  // namespace rowgate::csv

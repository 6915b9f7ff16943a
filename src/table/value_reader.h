#pragma once

#include "table/checker.h"
#include "table/numbers.h"
#include "table/schema.h"
#include "table/temporal.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

/// Why a text is not a value of its field's type.
struct Refusal {
  Code code = Code::InternalError;
  std::string detail = {};
};

/// Reads the texts of one field: the plain, complete way. The Checker's fast loops must agree with it.
/// Missing values and rowgate:trim are the caller's. Thread safe.
class ValueReader {
 public:
  /// The field's format and properties must be valid (schema_from_node sees to that).
  explicit ValueReader(const Field& field);

  /// The canonical cell of `text`, valid UTF-8 without NUL. Text of the cell lies in `text` or in `scratch`,
  /// which is overwritten.
  bool read(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;

  const Field& field() const { return field_; }

 private:
  bool read_integer_cell(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;
  bool read_number_cell(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;
  bool read_string_cell(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;
  bool read_boolean_cell(std::string_view text, Cell& cell, Refusal& refusal) const;
  bool read_temporal_cell(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;
  bool read_year_cell(std::string_view text, Cell& cell, Refusal& refusal) const;
  bool read_short_text_cell(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const;
  bool read_list_cell(std::string_view text, Cell& cell, Refusal& refusal) const;

  Field field_;
  NumberForm form_;
  std::optional<TemporalFormat> temporal_;
  std::shared_ptr<const ValueReader> item_;  ///< of a list
};

/// The items of a list's text; an empty text has none.
std::vector<std::string_view> list_items(std::string_view text, std::string_view delimiter);

/// The code of a text that is not of the field's type and format: value.not_integer, ...
Code not_of_type(const Field& field);

Cell integer_cell(std::int64_t value);
Cell real_cell(double value);
Cell text_cell(std::string_view text);

/// Order of two cells of one field (both not null): negative, 0, positive. NaN is unequal to all and not
/// ordered, nor are some durations: 2.
int compare(const Cell& left, const Cell& right, const Field& field);

/// Reads a bound or enum value: by the field's own rules, else as the type is written in JSON and by default
/// (a decimal point, ISO 8601, true and false).
bool read_constraint(const Field& field, std::string_view text, std::string& scratch, Cell& cell,
                     Refusal& refusal);

}  // namespace rowgate::table

#pragma once

#include "table/checker.h"
#include "table/schema.h"
#include "table/value_reader.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace rowgate::table {

/// A minimum or maximum, read.
struct Bound {
  Cell cell;
  std::string detail;                    ///< "minimum is 1"
  std::shared_ptr<std::string> storage;  ///< of the cell's text
};

/// All rules of one field, compiled: the complete way from a field's text to its cell. Thread safe.
class ColumnRules {
 public:
  ColumnRules(const Field& field, bool required);

  /// Judges one value (unescaped, valid UTF-8, no NUL). True and `cell` set, whose text lies in `text` or in
  /// `scratch`; false with one refusal per broken rule. `refusals` is overwritten.
  bool judge(std::string_view text, bool quoted, std::string& scratch, Cell& cell,
             std::vector<Refusal>& refusals) const;

  const Field& field() const { return reader_.field(); }
  bool is_required() const { return required_; }
  bool is_missing(std::string_view text) const;
  const std::vector<std::string>& missing_values() const { return missing_; }
  const ValueReader& reader() const { return reader_; }
  const std::optional<Bound>& minimum() const { return minimum_; }
  const std::optional<Bound>& exclusive_minimum() const { return exclusive_minimum_; }
  const std::optional<Bound>& maximum() const { return maximum_; }
  const std::optional<Bound>& exclusive_maximum() const { return exclusive_maximum_; }
  /// The schema's missing values count where the field has none of its own.
  void use_missing_values(const std::vector<std::string>& of_schema);

 private:
  std::optional<Bound> compile(const std::optional<std::string>& text, std::string_view words) const;
  void compile_enum();
  void judge_bounds(const Cell& cell, std::vector<Refusal>& refusals) const;
  void judge_text(std::string_view text, const Cell& cell, std::vector<Refusal>& refusals) const;
  std::string length_of(std::string_view text, const Cell& cell, std::size_t& length) const;
  void judge_enum(const Cell& cell, std::vector<Refusal>& refusals) const;

  ValueReader reader_;
  bool required_;
  std::vector<std::string> missing_;
  std::optional<Bound> minimum_, exclusive_minimum_, maximum_, exclusive_maximum_;
  std::shared_ptr<const re2::RE2> pattern_;
  std::vector<Bound> enum_;
  std::string enum_detail_;
};

}  // namespace rowgate::table

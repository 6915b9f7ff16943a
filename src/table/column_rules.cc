#include "table/column_rules.h"

#include "base/text.h"
#include "table/json_values.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

namespace rowgate::table {
namespace {

constexpr std::size_t kEnumValuesShown = 10;

std::string_view trim_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return text.substr(text.size());
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The same value: NaN is one, for an enum.
bool same(const Cell& left, const Cell& right, const Field& field) {
  return left.kind == right.kind && compare(left, right, field) == 0;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

ColumnRules::ColumnRules(const Field& field, bool required)
    : reader_(field),
      required_(required),
      missing_(field.missing_values.value_or(std::vector<std::string>{""})) {
  const Constraints& rules = field.constraints;
  minimum_ = compile(rules.minimum, "minimum is");
  exclusive_minimum_ = compile(rules.exclusive_minimum, "must be more than");
  maximum_ = compile(rules.maximum, "maximum is");
  exclusive_maximum_ = compile(rules.exclusive_maximum, "must be less than");
  if (rules.pattern) {
    RE2::Options options;
    options.set_log_errors(false);
    pattern_ = std::make_shared<RE2>(*rules.pattern, options);
  }
  compile_enum();
}

void ColumnRules::use_missing_values(const std::vector<std::string>& of_schema) {
  if (!field().missing_values) missing_ = of_schema;
}

std::optional<Bound> ColumnRules::compile(const std::optional<std::string>& text,
                                          std::string_view words) const {
  if (!text) return std::nullopt;
  Bound bound{{}, fmt::format("{} {}", words, shown(*text)), std::make_shared<std::string>()};
  auto source = std::make_shared<std::string>(*text);
  Refusal ignored;
  if (!read_constraint(field(), *source, *bound.storage, bound.cell, ignored)) return std::nullopt;
  if (bound.cell.is_text()) {
    auto own = std::make_shared<std::string>(bound.cell.view());
    bound.cell.text = own->data();
    bound.storage = std::move(own);
  }
  return bound;
}

void ColumnRules::compile_enum() {
  const std::vector<std::string>& values = field().constraints.enum_values;
  for (const std::string& value : values)
    if (std::optional<Bound> bound = compile(value, "")) enum_.push_back(*std::move(bound));
  if (values.empty()) return;
  enum_detail_ = "one of ";
  for (std::size_t i = 0; i < values.size() && i < kEnumValuesShown; ++i)
    enum_detail_ += fmt::format("{}`{}`", i == 0 ? "" : ", ", shown(values[i], 40));
  if (values.size() > kEnumValuesShown)
    enum_detail_ += fmt::format(", and {} more", values.size() - kEnumValuesShown);
}

bool ColumnRules::is_missing(std::string_view text) const {
  return std::find(missing_.begin(), missing_.end(), text) != missing_.end();
}

bool ColumnRules::judge(std::string_view text, bool quoted, std::string& scratch, Cell& cell,
                        std::vector<Refusal>& refusals) const {
  refusals.clear();
  cell = Cell{};
  if (field().trim) text = trim_blanks(text);
  const bool kept_empty = text.empty() && quoted && field().keep_quoted_empty;
  if (!kept_empty && is_missing(text)) {
    if (required_) refusals.push_back({Code::RuleRequired, {}});
    return !required_;
  }
  Refusal refusal;
  if (!reader_.read(text, scratch, cell, refusal)) {
    refusals.push_back(std::move(refusal));
    return false;
  }
  judge_bounds(cell, refusals);
  judge_text(text, cell, refusals);
  judge_enum(cell, refusals);
  return refusals.empty();
}

void ColumnRules::judge_bounds(const Cell& cell, std::vector<Refusal>& refusals) const {
  const auto order = [&](const Bound& bound) { return compare(cell, bound.cell, field()); };
  const auto is_more = [](int outcome) { return outcome == 1; };
  const auto is_less = [](int outcome) { return outcome < 0; };
  if (minimum_ && !is_more(order(*minimum_)) && order(*minimum_) != 0)
    refusals.push_back({Code::RuleMinimum, minimum_->detail});
  if (exclusive_minimum_ && !is_more(order(*exclusive_minimum_)))
    refusals.push_back({Code::RuleMinimum, exclusive_minimum_->detail});
  if (maximum_ && !is_less(order(*maximum_)) && order(*maximum_) != 0)
    refusals.push_back({Code::RuleMaximum, maximum_->detail});
  if (exclusive_maximum_ && !is_less(order(*exclusive_maximum_)))
    refusals.push_back({Code::RuleMaximum, exclusive_maximum_->detail});
}

/// The length that minLength and maxLength mean, in words too.
std::string ColumnRules::length_of(std::string_view text, const Cell& cell, std::size_t& length) const {
  switch (field().type) {
    case Type::List:
      length = list_items(text, field().delimiter).size();
      return counted(length, "item");
    case Type::Array:
      length = json_length(text);
      return counted(length, "item");
    case Type::Object:
      length = json_length(text);
      return counted(length, "member");
    default:
      break;
  }
  const bool is_binary = cell.kind == CellKind::Bytes;
  length = is_binary ? cell.size : count_code_points(text);
  return counted(length, is_binary ? "byte" : "character");
}

void ColumnRules::judge_text(std::string_view text, const Cell& cell, std::vector<Refusal>& refusals) const {
  const Constraints& rules = field().constraints;
  if (rules.min_length || rules.max_length) {
    std::size_t length = 0;
    const std::string words = length_of(text, cell, length);
    if (rules.min_length && length < *rules.min_length)
      refusals.push_back({Code::RuleMinLength, fmt::format("{}, at least {}", words, *rules.min_length)});
    if (rules.max_length && length > *rules.max_length)
      refusals.push_back({Code::RuleMaxLength, fmt::format("{}, at most {}", words, *rules.max_length)});
  }
  if (pattern_ && !RE2::FullMatch({text.data(), text.size()}, *pattern_))
    refusals.push_back({Code::RulePattern, fmt::format("must match `{}`", shown(*rules.pattern))});
}

void ColumnRules::judge_enum(const Cell& cell, std::vector<Refusal>& refusals) const {
  if (enum_detail_.empty()) return;
  for (const Bound& value : enum_)
    if (same(cell, value.cell, field())) return;
  refusals.push_back({Code::RuleEnum, enum_detail_});
}

}  // namespace rowgate::table

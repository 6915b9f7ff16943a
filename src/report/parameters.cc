#include "report/parameters.h"

#include "base/stored_text.h"
#include "base/text.h"
#include "table/value_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::report {
namespace {

Result<void> check_names(const Definition& report,
                         std::span<const std::pair<std::string, std::string>> given) {
  std::vector<std::string> names;
  for (const Parameter& parameter : report.params) names.push_back(parameter.name);
  for (const auto& [name, text] : given) {
    if (std::ranges::count(given, name, &std::pair<std::string, std::string>::first) > 1)
      return fail(Code::ReportBadParameter, fmt::format("the parameter `{}` is given twice", shown(name)),
                  "give it once");
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string near = nearest(name, names);
    std::string hint = names.empty() ? std::string("the report has none")
                                     : fmt::format("its parameters are {}", fmt::join(names, ", "));
    if (!near.empty()) hint = fmt::format("did you mean `{}`?", near);
    return fail(Code::ReportBadParameter,
                fmt::format("the report `{}` has no parameter `{}`", report.name, shown(name)),
                std::move(hint));
  }
  return {};
}

Result<db::Value> value_of(const Parameter& parameter, const std::string& text) {
  table::Field field{.name = parameter.name, .type = parameter.type};
  const table::ValueReader reader(field);
  std::string scratch;
  table::Cell cell;
  table::Refusal refusal;
  if (!reader.read(text, scratch, cell, refusal))
    return fail(
        Code::ReportBadParameter,
        fmt::format("the parameter `{}` is of type {}, '{}' is not{}{}", parameter.name, name(parameter.type),
                    shown(text), refusal.detail.empty() ? "" : ": ", refusal.detail),
        "correct the value");
  if (parameter.type == table::Type::Boolean) return db::Value(cell.integer != 0);
  if (cell.kind == table::CellKind::Integer) return db::Value(cell.integer);
  if (cell.kind == table::CellKind::Real) return db::Value(cell.real);
  return db::Value(std::string(cell.view()));
}

}  // namespace

Result<std::vector<std::pair<std::string, db::Value>>> bind_parameters(
    const Definition& report, std::span<const std::pair<std::string, std::string>> given) {
  TRY(check_names(report, given));
  for (const auto& [name, text] : given)
    if (const std::string why = why_not_storable(text, kLongestParameter); !why.empty())
      return fail(Code::ReportBadParameter,
                  fmt::format("the value of the parameter `{}` {}", shown(name), why), "correct the value");
  std::vector<std::pair<std::string, db::Value>> bound;
  for (const Parameter& parameter : report.params) {
    const auto found = std::ranges::find(given, parameter.name, &std::pair<std::string, std::string>::first);
    if (found == given.end() && !parameter.default_text)
      return fail(Code::ReportBadParameter, fmt::format("the parameter `{}` is missing", parameter.name),
                  fmt::format("give it a value of type {}", name(parameter.type)));
    TRY_ASSIGN(db::Value value,
               value_of(parameter, found == given.end() ? *parameter.default_text : found->second));
    bound.emplace_back(parameter.name, std::move(value));
  }
  return bound;
}

}  // namespace rowgate::report

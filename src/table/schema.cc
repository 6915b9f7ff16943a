#include "table/schema.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::table {

namespace {

constexpr std::string_view kTypeNames[kTypeCount] = {
    "integer",   "number",   "string", "boolean", "date", "time",     "datetime", "year",
    "yearmonth", "duration", "object", "array",   "list", "geopoint", "geojson",  "any"};

}  // namespace

std::string_view name(Type type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::optional<Type> type_of(std::string_view name) {
  const auto* found = std::find(std::begin(kTypeNames), std::end(kTypeNames), name);
  if (found == std::end(kTypeNames)) return std::nullopt;
  return static_cast<Type>(found - std::begin(kTypeNames));
}

std::optional<std::size_t> TableSchema::index_of(std::string_view field_name) const {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == field_name) return i;
  return std::nullopt;
}

bool TableSchema::is_required(std::size_t field) const {
  return fields[field].constraints.required ||
         std::find(primary_key.begin(), primary_key.end(), field) != primary_key.end();
}

std::vector<std::vector<std::size_t>> TableSchema::keys() const {
  std::vector<std::vector<std::size_t>> all;
  if (!primary_key.empty()) all.push_back(primary_key);
  all.insert(all.end(), unique_keys.begin(), unique_keys.end());
  return all;
}

std::string why_not_a_name(std::string_view name, bool is_field) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty()) return "a name must not be empty";
  if (name.size() > 63) return fmt::format("`{}` is longer than 63 characters", shown(name));
  if (!letter(name[0])) return fmt::format("`{}` does not begin with a letter or _", shown(name));
  for (const char c : name)
    if (!letter(c) && !(c >= '0' && c <= '9'))
      return fmt::format("`{}` has other characters than letters (a-z, A-Z), digits and _", shown(name));
  const std::string lower = lower_ascii(name);
  for (const std::string_view prefix : {"rowgate_", "__rg_", "rg_"})
    if ((is_field || prefix != "rg_") && lower.starts_with(prefix))
      return fmt::format("`{}` begins with {}, which is kept for rowgate's own names", name, prefix);
  if (!is_field && lower.starts_with("sqlite_"))
    return fmt::format("`{}` begins with sqlite_, which is kept for SQLite's own tables", name);
  return {};
}

}  // namespace rowgate::table

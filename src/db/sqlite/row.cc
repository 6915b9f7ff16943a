#include "db/sqlite/row.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {

std::string equal_all(std::span<const std::string> left, std::span<const std::string> right) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < left.size(); ++i) parts.push_back(fmt::format("{} = {}", left[i], right[i]));
  return fmt::format("{}", fmt::join(parts, " AND "));
}

std::string equal_parameters(std::span<const std::string> columns) {
  const std::vector<std::string> places(columns.size(), "?");
  return equal_all(columns, places);
}

std::vector<std::string> quoted_names(const table::TableSchema& schema, std::span<const std::size_t> fields) {
  std::vector<std::string> names;
  for (const std::size_t field : fields) names.push_back(quote_name(schema.fields[field].name));
  return names;
}

}  // namespace rowgate::db::sqlite

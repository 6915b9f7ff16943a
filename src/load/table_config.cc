#include "load/table_config.h"

#include <algorithm>

namespace rowgate::load {

const TableConfig* Catalog::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(tables, [&](const TableConfig& table) { return table.name.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace rowgate::load

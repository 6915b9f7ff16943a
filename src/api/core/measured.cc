#include "api/core/measured.h"

namespace rowgate::api {

std::vector<Metrics::Now::Table> measure_tables(const Service& service) {
  std::vector<Metrics::Now::Table> found;
  const Result<std::vector<db::TableState>> tables = service.database.tables(db::Rows::Counted);
  if (!tables) return found;
  for (const db::TableState& state : *tables)
    if (service.catalog.find(state.table.name) != nullptr)
      found.push_back({.name = state.table.name, .rows = state.rows, .version = state.version});
  return found;
}

Measured::Measured(const Service& service)
    : checks(std::chrono::seconds(1), [&service] { return check_far(service); },
             {{.name = "database", .why_not = "it has not answered yet"}}),
      tables(std::chrono::seconds(15), [&service] { return measure_tables(service); }, {}),
      database_answers(
          std::chrono::seconds(1), [&service] { return service.database.server_version().has_value(); },
          false) {}

}  // namespace rowgate::api

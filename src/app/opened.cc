#include "app/opened.h"

#include "runs/known_runs.h"

namespace rowgate::app {

Opened open_loaded(config::LoadedConfig loaded) {
  Opened at{std::move(loaded), nullptr, nullptr};
  at.database = make_database(at.config());
  at.store = make_store(at.config());
  return at;
}

db::LoadTarget target_of(const load::TableConfig& table) {
  return {.table = table.name,
          .schema = &table.schema,
          .enforce_keys = table.enforce_keys,
          .database_checks = table.database_checks};
}

std::vector<db::RunRecord> unsettled_runs(const Opened& at) {
  std::vector<load::InFlight> in_flight = load::in_flight(at.config().spool_path);
  if (in_flight.empty()) return {};  // and the database need not be asked who it is
  return runs::unsettled_runs(std::move(in_flight), load::home_of(*at.database));
}

}  // namespace rowgate::app

#pragma once

#include "app/wire.h"
#include "config/config.h"
#include "db/database.h"
#include "store/store.h"

#include <memory>
#include <vector>

namespace rowgate::app {

/// What most work is done on: the configuration and what it names.
struct Opened {
  config::LoadedConfig loaded;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<store::Store> store;
  const config::Config& config() const { return loaded.config; }
};

/// Opens what the configuration names. Nothing is connected to before it is used.
Opened open_loaded(config::LoadedConfig loaded);

/// The configured table as the database compares it with what it has.
db::LoadTarget target_of(const load::TableConfig& table);

/// Runs in flight in the spool, and left over there, that load into this database.
std::vector<db::RunRecord> unsettled_runs(const Opened& at);

}  // namespace rowgate::app

#pragma once

#include "api/core/lane.h"
#include "api/core/settings.h"
#include "base/clock.h"
#include "db/database.h"
#include "load/table_config.h"
#include "report/links.h"
#include "report/report.h"
#include "runs/run_queue.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rowgate::api {

class Log;
class Metrics;
struct Measured;

/// What is configured and can be exchanged while the server runs. It is never changed, only replaced.
struct Configured {
  Settings settings = {};
  load::Catalog catalog = {};
  std::vector<report::Definition> reports = {};
};

/// What came of reading the configuration again.
struct Reloaded {
  std::vector<std::string> taken = {};          ///< settings that differ from those before, and now count
  std::vector<std::string> needs_restart = {};  ///< settings that differ from those that the server runs with
  std::size_t tables = 0, reports = 0, keys = 0;
};

/// What the handlers work on. Each request keeps the one that it began with; what is `configured` lives as
/// long as that, everything else outlives the server. Everything is thread safe.
struct Service {
  const Settings& settings;
  const load::Catalog& catalog;
  const std::vector<report::Definition>& reports;
  db::Database& database;
  store::Store& store;
  runs::RunQueue& queue;
  report::Links& links;
  const store::LinkSigner& signer;
  const Clock& clock;
  Metrics& metrics;
  Log& log;
  std::filesystem::path spool;  ///< scratch space for answers that are made whole before they are sent
  /// Of reports and exports; as many as limits.reports_at_once.
  std::shared_ptr<Lane> long_work = std::make_shared<Lane>(8);
  /// Of a server; empty: health and metrics are found out for each request.
  std::shared_ptr<Measured> measured = {};
  std::function<bool()> is_turning = {};   ///< the server's loop; empty: it does
  std::function<bool()> is_draining = {};  ///< told to stop; empty: never
  /// Why no load could be written into the database now, in words that name no paths; empty text: one could.
  /// Empty: that the database answers is enough.
  std::function<std::string()> why_no_loads = {};
  /// Reads the configuration again and takes it over as a whole, or gives all that is wrong with it and
  /// changes nothing; empty: there is no such thing here.
  std::function<std::expected<Reloaded, std::vector<Error>>()> reload = {};
  /// Keeps settings, catalog and reports alive; null: they outlive the server.
  std::shared_ptr<const Configured> configured = {};
};

}  // namespace rowgate::api

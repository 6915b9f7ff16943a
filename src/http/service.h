#pragma once

#include "base/clock.h"
#include "db/database.h"
#include "http/lane.h"
#include "http/settings.h"
#include "load/run_queue.h"
#include "load/table_config.h"
#include "report/links.h"
#include "report/report.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace rowgate::http {

class Log;
class Metrics;
struct Measured;

/// What the handlers work on. Everything outlives the server; everything is thread safe.
struct Service {
  const Settings& settings;
  const load::Catalog& catalog;
  const std::vector<report::Definition>& reports;
  db::Database& database;
  store::Store& store;
  load::RunQueue& queue;
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
};

}  // namespace rowgate::http

#pragma once

#include "api/core/settings.h"
#include "db/run_record.h"
#include "http/message.h"
#include "load/table_config.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// The numbers of the service, for Prometheus. Labels come from the configuration or from fixed sets; a table
/// that is not configured counts as `_other`. Thread safe.
class Metrics {
 public:
  /// `catalog` outlives this.
  Metrics(const Settings& settings, const load::Catalog& catalog);
  ~Metrics();
  /// From now on these are the configured tables.
  void use(std::shared_ptr<const load::Catalog> catalog);

  void request_began();
  /// `route`: a pattern; empty where the path led nowhere.
  void request_ended(std::string_view route, std::string_view method, const http::Exchange& exchange);
  /// Any change of a run; counts those that have ended.
  void run(const db::RunRecord& run);
  void report_ran(std::string_view report, std::chrono::microseconds took,
                  std::optional<std::uint64_t> rows);  ///< no rows: it failed
  void link_created(std::string_view report);
  enum class Download : std::uint8_t { Ok, Expired, BadSignature, Gone };
  void link_downloaded(Download result);
  void auth_failed(std::string_view reason);  ///< "missing", "unknown", "scope", "blocked"
  void idempotent_replay();
  void storage_failed(std::string_view operation);    ///< "keep_source", "sweep"
  void bytes_received(std::uint64_t bytes);           ///< of an uploaded file
  void config_reloaded(bool is_good, Timestamp now);  ///< at the start too

  /// What is measured only when it is asked for.
  struct Now {
    struct Table {
      std::string name;
      std::uint64_t rows = 0, version = 0;
    };
    std::size_t waiting = 0, running = 0;
    std::size_t undecided = 0;   ///< runs whose commit lost its answer
    std::size_t unrecorded = 0;  ///< runs that ended and are not in the ledger yet
    bool database_up = true;
    std::optional<std::uint64_t> storage_free_bytes = {};
    std::vector<Table> tables = {};
  };
  /// The text format, version 0.0.4.
  std::string text(const Now& now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::api

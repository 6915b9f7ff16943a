#pragma once

// Loads that somebody else waits for: received files become runs, wait for their turn, are loaded by worker
// threads and can be looked at meanwhile. What is promised (an answered 202) survives the process: a run's
// record and options stand in its state file, its bytes in the upload beside it, and start() takes both up
// again.

#include "base/clock.h"
#include "db/database.h"
#include "load/load_options.h"
#include "load/progress.h"
#include "load/table_config.h"
#include "load/upload.h"
#include "store/store.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::load {

/// One run as others see it.
struct RunView {
  db::RunRecord run;
  Progress::Phase phase = Progress::Phase::Inspect;  ///< while running
  std::vector<RefusedRecord> first_rejects = {};     ///< up to 20; of runs that this process has done lately
};

/// A load that is to be queued. run: id, table, file_name, principal and the idempotency members are set by
/// the caller; everything else is filled in.
struct NewLoad {
  db::RunRecord run;
  LoadOptions options;
  Upload::Received file;
};

/// Thread safe.
class RunQueue {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::size_t queue_limit = 64;
    unsigned loads_at_once = 4;
    unsigned check_threads = 0;
    bool keep_sources = true;  ///< the file as received goes to the store as sources/<run id>
  };
  /// What happened to a run, for metrics and the log; called on worker threads.
  using Observer = std::function<void(const db::RunRecord&)>;

  /// `catalog` and everything else given by reference outlive the queue.
  RunQueue(db::Database& database, store::Store& store, const Catalog& catalog, const Clock& clock,
           Settings settings, Observer observer);
  ~RunQueue();  ///< stop()

  /// Settles what dead owners left, takes up again what is whole, then begins to work.
  Result<void> start();
  /// Stops: running loads roll back at the next batch and become interrupted (they go on at the next start
  /// where their bytes are whole); what waits stays. Blocks until the workers are done.
  void stop();

  /// Puts a run into the queue. Fails with run.queue_full, run.draining, run.idempotency_in_progress,
  /// run.idempotency_reused, storage.*. On failure the upload is discarded.
  Result<std::string> submit(NewLoad load);
  /// The run's present state is on disk: after this it survives the process. Called before a 202 is answered.
  Result<void> make_durable(const std::string& run_id);

  /// Calls `done` once, when the run has ended (at once where it has); from any thread.
  void when_done(const std::string& run_id, std::function<void()> done);
  /// A run of this process, waiting, running or lately ended; or one of the ledger or of another process.
  Result<RunView> find(std::string_view run_id) const;
  /// Newest first, those in flight included; of runs older than `before` (an id) where given.
  Result<std::vector<RunView>> list(const std::optional<db::TableName>& table,
                                    const std::optional<std::string>& before, std::size_t limit) const;
  /// The earlier run under the same idempotency key: of this process, or of the ledger. nullopt: none.
  Result<std::optional<RunView>> find_by_key(const db::Idempotency& key) const;

  std::size_t waiting() const;
  std::size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::load

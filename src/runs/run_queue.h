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

namespace rowgate::runs {

/// One run as others see it.
struct RunView {
  db::RunRecord run;
  load::Progress::Phase phase = load::Progress::Phase::Inspect;  ///< while running
  std::vector<load::RefusedRecord> first_rejects =
      {};  ///< of a failed run: up to 20, without their raw bytes
  /// The run of another server that did the same request, and whose answer is the answer; empty: this one's.
  std::string answered_by = {};
};

/// What is waited for: a run that has ended, or also one of which it is known that it is undecided.
enum class Wait : std::uint8_t { ForEnd, ForNews };

/// A load that is to be queued. run: id, table, file_name, principal and the idempotency members are set by
/// the caller; everything else is filled in.
struct NewLoad {
  db::RunRecord run;
  load::LoadOptions options;
  load::Upload::Received file;
  bool was_configured = false;  ///< its table, when the request was judged
};

/// Thread safe.
class RunQueue {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::size_t queue_limit = 64;
    unsigned loads_at_once = 4;  ///< or fewer, where the database bears fewer writers
    unsigned check_threads = 0;
    bool keep_sources = true;  ///< the file as received goes to the store as sources/<run id>; see stop()
    /// A run that was stopped goes on at the next start. False where nothing on this machine lasts: it has
    /// then ended, as interrupted.
    bool resumes = true;
    /// Who waits for the end of a run waits so long once it is undecided.
    std::chrono::milliseconds decide_wait = std::chrono::seconds(60);
    /// How often what the ledger lacks is tried again, and how often runs of dead owners are looked for.
    std::chrono::milliseconds settle_again = std::chrono::seconds(1);
    std::chrono::milliseconds look_again = std::chrono::seconds(15);
  };
  /// What became of a run, for metrics and the log: called on any thread whenever its status has changed.
  using Observer = std::function<void(const db::RunRecord&)>;
  /// The received file of a run could not be kept as its source; called on any thread.
  using NotKept = std::function<void(const db::RunRecord&, const Error&)>;

  /// Everything given by reference outlives the queue.
  RunQueue(db::Database& database, store::Store& store, const load::Catalog& catalog, const Clock& clock,
           Settings settings, Observer observer, NotKept not_kept = {});
  ~RunQueue();  ///< stop()

  /// From now on the tables and limits are these, and so many runs may wait. A run that works keeps what it
  /// began with; one that still waits begins with what is configured then, and fails with table.unknown where
  /// its table was configured when it came and is no more.
  void use(std::shared_ptr<const load::Catalog> catalog, std::size_t queue_limit);

  /// Settles what dead owners left, takes up again what is whole, then begins to work. What cannot be settled
  /// now (the database is away) is tried again and again while the queue works, and runs whose owner dies
  /// later are looked for.
  void start();
  /// Stops: running loads roll back at the next batch and become interrupted (they go on at the next start
  /// where their bytes are whole); what waits stays queued. Blocks until the workers are done. Files that are
  /// yet to be sent to a store far away stay in the spool for the next start.
  void stop();

  /// Running loads roll back at the next batch, as stop() does; the queue goes on. Does not wait for them.
  void interrupt();
  bool resumes() const;

  /// A file for `run` (id, table, principal set) begins to be received: the run is listed as `receiving`, and
  /// is told as interrupted should the process die before submit(). An upload that is dropped is forgotten.
  /// Fails with run.draining, run.queue_full (so that nobody sends what will not be taken), storage.*.
  Result<load::Upload> receive(db::RunRecord run, std::uint64_t limit_bytes);
  /// Puts a run into the queue and gives its id; the upload may come from receive() or from Upload::create().
  /// Where a run of the same idempotency key and fingerprint has ended already, its id is given instead, and
  /// nothing is loaded again. Fails with request.invalid (an option), run.queue_full, run.draining,
  /// run.idempotency_in_progress, run.idempotency_reused, storage.*. On failure the upload is discarded.
  Result<std::string> submit(NewLoad load);
  /// The run's present state is on disk: after this it survives the machine, not only the process. Called
  /// before a 202 is answered.
  Result<void> make_durable(const std::string& run_id);

  /// Calls `done` once, from any thread: when there is what was waited for (at once where it has), when a run
  /// has been undecided for Settings::decide_wait, or when the queue stops before that; look at its status
  /// then.
  void when_done(const std::string& run_id, Wait wait, std::function<void()> done);
  /// A run of this process (receiving, waiting, running or lately ended), or one of the ledger or of another
  /// process. `run_id` is whole. Fails with run.unknown, database.*.
  Result<RunView> find(std::string_view run_id) const;
  /// Newest first, those in flight included; of runs older than `before` (an id) where given.
  Result<std::vector<RunView>> list(const std::optional<db::TableName>& table,
                                    const std::optional<std::string>& before, std::size_t limit) const;
  /// The earlier run under the same idempotency key (whatever its fingerprint): of this process, in flight or
  /// ended, or of the ledger. nullopt: none, or one whose key is free again.
  Result<std::optional<RunView>> find_by_key(const db::Idempotency& key) const;

  std::size_t waiting() const;
  std::size_t running() const;
  std::size_t receiving() const;
  std::size_t undecided() const;   ///< runs whose commit lost its answer
  std::size_t unrecorded() const;  ///< runs that ended and are not in the ledger yet

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< uploads that are dropped late refer to it
};

}  // namespace rowgate::runs

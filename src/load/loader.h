#pragma once

#include "base/clock.h"
#include "base/units.h"
#include "csv/dialect.h"
#include "db/database.h"
#include "io/source.h"
#include "load/progress.h"
#include "load/rejects/reject_file.h"
#include "store/store.h"
#include "table/column_map.h"
#include "table/inference/inference.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace rowgate::load {

/// One file to be loaded into one table.
struct LoadRequest {
  db::TableName table;
  const table::TableSchema* schema =
      nullptr;  ///< absent: the schema kept in the database (append, upsert), else inferred (see Inference)
  csv::DialectOptions dialect = {};
  std::shared_ptr<io::SourceFile> file;  ///< decompressed
  table::NameMap map = {};
  db::Mode mode = db::Mode::Append;
  bool enforce_keys = false, database_checks = false;
  bool abort_on_reject = false;  ///< on_reject=abort
  RejectLimit max_rejects = {};
  std::uint64_t max_reject_bytes = kGiB;  ///< of the stored rejects; a run that has more fails
  std::string parent = {};                ///< a run whose rejects this file repairs; else taken from rg_run
};

struct LoadOutcome {
  db::RunRecord run;  ///< run.error tells why nothing was loaded, where that is so
  std::optional<csv::Opening> opening = {};
  table::TableSchema schema = {};  ///< that was used
  bool inferred = false;
  std::vector<std::string> notes = {};                      ///< of the inference
  std::optional<table::HeaderTrouble> header_trouble = {};  ///< with header.mismatch
  /// Another process has done the same request (its idempotency key) already; then nothing was loaded.
  std::optional<db::RunRecord> earlier = {};
};

/// Called for every refused record in file order, after all stages are judged and before the commit.
using RejectObserver = std::function<void(std::size_t request_index, const RefusedRecord&)>;

struct Home;
class RunState;
class RunStates;

/// Loads files: receive -> parse -> check -> write -> receipt. Blocks; uses worker threads of its own while
/// it runs. One load at a time per Loader.
class Loader {
 public:
  struct Settings {
    std::filesystem::path spool;  ///< scratch files and the state of runs in flight
    unsigned check_threads = 0;   ///< 0 = one per processor, at most 4; none for a small file
    /// How long load() waits for the database to decide a commit whose answer was lost.
    std::chrono::milliseconds decide_wait = std::chrono::seconds(60);
  };
  Loader(db::Database& database, store::Store& store, const Clock& clock, Settings settings);
  ~Loader();

  /// One load as one run: rows, ledger row and table version commit together, or nothing is loaded and the
  /// ledger gets a failed row. A run whose commit lost its answer is waited for; where the database does not
  /// come back it ends `undecided`, and its state file stays for whoever settles it. Whatever happens is told
  /// in the outcome's run; the only way to fail is not to be able to begin it (storage.* of the state file).
  Result<LoadOutcome> load(const LoadRequest& request, Progress& progress, const RejectObserver& observer,
                           std::stop_token stop);

  /// The same for a run that is known already: id, created_at, principal, file_name, idempotency, parent and
  /// dry_run are as `begun` has them. Nothing is written about it but the ledger's row that commits with the
  /// rows; any other end, which the outcome tells, is the caller's to note. A dry run is judged as a load
  /// would be, its rejects are stored, and nothing is committed.
  LoadOutcome run(db::RunRecord begun, const LoadRequest& request, Progress& progress,
                  const RejectObserver& observer, std::stop_token stop);

  /// Judges all requests together, in order, as loads would, then rolls back: no ledger row, no stored
  /// rejects. A file that is refused as a whole leaves nothing to those behind it.
  Result<std::vector<LoadOutcome>> dry_run(std::span<const LoadRequest> requests, Progress& progress,
                                           const RejectObserver& observer, std::stop_token stop);

 private:
  void end(db::RunRecord& run, RunState state, const std::stop_token& stop);

  db::Database& database_;
  store::Store& store_;
  const Clock& clock_;
  Settings settings_;
  std::unique_ptr<RunStates> states_;
  std::unique_ptr<Home> home_;  ///< of its runs, once the database's identity is known
};

/// Reads the whole of `file` for its types. `before` is as Inference::finish() has it. Fails as csv::inspect
/// and the source do.
Result<table::Inference::Outcome> infer_schema(const io::SourceFile& file, const csv::Opening& opening,
                                               const table::TableSchema* before, unsigned threads,
                                               Progress& progress, std::stop_token stop);

}  // namespace rowgate::load

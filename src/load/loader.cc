#include "load/loader.h"

#include "base/ids.h"
#include "load/load_file.h"
#include "load/run_end.h"
#include "load/run_state.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

namespace rowgate::load {
namespace {

constexpr std::chrono::seconds kAskAgain{1};

db::RunRecord begin_run(const LoadRequest& request, const Clock& clock, bool dry_run) {
  db::RunRecord run{.dry_run = dry_run, .file_name = request.file->name(), .parent = request.parent};
  run.created_at = clock.now();
  run.id = new_id("run_", run.created_at);
  return run;
}

LoadOutcome begin_outcome(db::RunRecord begun, const LoadRequest& request, const Clock& clock) {
  begun.status = db::RunStatus::Running;
  begun.started_at = clock.now();
  begun.space = request.table.space;
  begun.table = request.table.name;
  begun.mode = db::name(request.mode);
  begun.file_bytes = request.file->stored_size();
  return {.run = std::move(begun)};
}

void succeed(db::RunRecord& run, const Clock& clock) {
  run.finished_at = clock.now();
  run.status = run.rows_rejected == 0 ? db::RunStatus::Succeeded : db::RunStatus::SucceededWithRejects;
}

/// Takes what prevented a load into its run's record.
void break_off(LoadOutcome& outcome, const Result<void>& attempt, const Clock& clock) {
  db::RunRecord& run = outcome.run;
  run.finished_at = clock.now();
  const Code code = attempt.error().code;
  run.status = code == Code::RunInterrupted ? db::RunStatus::Interrupted
               : code == Code::RunUndecided ? db::RunStatus::Undecided
                                            : db::RunStatus::Failed;
  run.version_after = run.version_before;
  run.rows_inserted = run.rows_updated = std::nullopt;
  run.error = attempt.error();
  if (run.error->file.empty()) run.error->file = run.file_name;
}

Result<void> commit(const LoadRequest& request, db::Database& database, db::Transaction& transaction,
                    LoadOutcome& outcome, const Clock& clock) {
  db::RunRecord& run = outcome.run;
  TRY_ASSIGN(run.file_sha256, request.file->sha256());
  if (Result<std::optional<std::string>> same =
          database.ledger().find_same_file(request.table, run.file_sha256);
      same && *same)
    run.duplicate_of = **same;
  run.version_after = run.version_before + 1;
  succeed(run, clock);  // before the commit, which writes this very record
  return transaction.commit(std::span(&run, 1));
}

/// Two servers may have taken the same request at once. Now that the table's lock is held, the ledger says
/// for good whether the other one was quicker.
Result<void> check_key(db::Transaction& transaction, LoadOutcome& outcome, const Clock& clock) {
  const db::Idempotency& key = outcome.run.idempotency;
  if (!key) return {};
  const std::chrono::microseconds kept = db::kIdempotencyKept;
  const Timestamp since{clock.now().micros - kept.count()};
  TRY_ASSIGN(std::optional<db::RunRecord> earlier, transaction.find_by_key(key, since));
  if (!earlier || earlier->id == outcome.run.id) return {};

  if (earlier->idempotency.fingerprint != key.fingerprint)
    return fail(Code::RunIdempotencyReused, "this Idempotency-Key was used for another request",
                "use a new key for each file");
  outcome.earlier = std::move(earlier);
  return fail(
      Code::RunIdempotencyInProgress,
      fmt::format("the same request has been done as {}; nothing was loaded again", outcome.earlier->id),
      "look at that run");
}

Result<void> attempt(const LoadRequest& request, const LoadContext& context, const Clock& clock,
                     LoadOutcome& outcome) {
  const bool dry_run = outcome.run.dry_run;
  Prepared prepared;
  TRY(prepare(request, context, prepared, outcome));
  const std::span tables(&request.table, 1);
  TRY_ASSIGN(const std::unique_ptr<db::Transaction> transaction,
             dry_run ? context.database.begin_dry_run(tables) : context.database.begin(tables));
  if (!dry_run) TRY(check_key(*transaction, outcome, clock));
  TRY(load_file(request, context, prepared, *transaction, outcome));
  context.progress.phase = Progress::Phase::Commit;
  if (!dry_run) return commit(request, context.database, *transaction, outcome, clock);
  succeed(outcome.run, clock);
  return {};
}

}  // namespace

Loader::Loader(db::Database& database, store::Store& store, const Clock& clock, Settings settings)
    : database_(database),
      store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      states_(std::make_unique<RunStates>(settings_.spool)),
      home_(std::make_unique<Home>()) {}
Loader::~Loader() = default;

Result<LoadOutcome> Loader::load(const LoadRequest& request, Progress& progress,
                                 const RejectObserver& observer, std::stop_token stop) {
  db::RunRecord begun = begin_outcome(begin_run(request, clock_, false), request, clock_).run;
  if (home_->database.empty()) *home_ = home_of(database_);
  TRY_ASSIGN(RunState state, states_->create({.run = begun, .home = *home_}));
  LoadOutcome outcome = run(std::move(begun), request, progress, observer, stop);
  if (outcome.run.error)
    end(outcome.run, std::move(state), stop);
  else
    states_->put_away(std::move(state));
  return outcome;
}

/// Brings the end of a run that has not committed, or may have, into the ledger.
void Loader::end(db::RunRecord& run, RunState state, const std::stop_token& stop) {
  if (run.status != db::RunStatus::Undecided) {
    if (!database_is_away(*run.error) && record_end(database_.ledger(), run))
      return states_->put_away(std::move(state));
    if (state.update(run))  // without it the run is told as interrupted
      (void)state.flush();
    return;
  }

  // From here on a later process can settle it, should this one die.
  if (state.update(run)) (void)state.flush();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  const auto until = std::chrono::steady_clock::now() + settings_.decide_wait;
  for (;;) {
    if (record_end(database_.ledger(), run)) return states_->put_away(std::move(state));
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= until) return;
    never.wait_for(lock, stop, kAskAgain, [] { return false; });
  }
}

LoadOutcome Loader::run(db::RunRecord begun, const LoadRequest& request, Progress& progress,
                        const RejectObserver& observer, std::stop_token stop) {
  LoadOutcome outcome = begin_outcome(std::move(begun), request, clock_);
  const LoadContext context{database_, &store_, store_, settings_, progress, &observer, 0, std::move(stop)};
  if (const Result<void> attempted = attempt(request, context, clock_, outcome); !attempted)
    break_off(outcome, attempted, clock_);
  progress.phase = Progress::Phase::Done;
  return outcome;
}

Result<std::vector<LoadOutcome>> Loader::dry_run(std::span<const LoadRequest> requests, Progress& progress,
                                                 const RejectObserver& observer, std::stop_token stop) {
  std::vector<db::TableName> tables;
  for (const LoadRequest& request : requests) tables.push_back(request.table);
  std::unique_ptr<db::Transaction> transaction;
  std::vector<std::unique_ptr<Prepared>> prepared;  // the transaction's sinks refer to their schemas
  std::vector<LoadOutcome> outcomes;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const LoadRequest& request = requests[i];
    LoadOutcome& outcome =
        outcomes.emplace_back(begin_outcome(begin_run(request, clock_, true), request, clock_));
    const LoadContext context{database_, nullptr, store_, settings_, progress, &observer, i, stop};
    Result<void> judged = prepare(request, context, *prepared.emplace_back(new Prepared), outcome);
    if (judged && !transaction) {
      TRY_ASSIGN(transaction, database_.begin_dry_run(tables));
    }
    if (judged) {
      TRY(transaction->begin_part());
      judged = load_file(request, context, *prepared.back(), *transaction, outcome);
      if (!judged)
        TRY(transaction->undo_part());  // files after it meet the tables as a load would leave them
    }
    if (judged)
      succeed(outcome.run, clock_);
    else
      break_off(outcome, judged, clock_);
    if (stop.stop_requested()) break;
  }
  progress.phase = Progress::Phase::Done;
  return outcomes;
}

}  // namespace rowgate::load

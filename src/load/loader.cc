#include "load/loader.h"

#include "base/ids.h"
#include "load/load_file.h"
#include "load/run_state.h"

namespace rowgate::load {
namespace {

LoadOutcome begin_outcome(const LoadRequest& request, const Clock& clock, bool dry_run) {
  LoadOutcome outcome;
  db::RunRecord& run = outcome.run;
  run.created_at = run.started_at = clock.now();
  run.id = new_id("run_", run.created_at);
  run.space = request.table.space;
  run.table = request.table.name;
  run.mode = db::name(request.mode);
  run.dry_run = dry_run;
  run.file_name = request.file->name();
  run.file_bytes = request.file->stored_size();
  run.parent = request.parent;
  return outcome;
}

/// Takes the outcome of an attempt into the run's record.
void end_run(LoadOutcome& outcome, const Result<void>& attempt, const Clock& clock) {
  db::RunRecord& run = outcome.run;
  run.finished_at = clock.now();
  if (attempt) {
    run.status = run.rows_rejected == 0 ? db::RunStatus::Succeeded : db::RunStatus::SucceededWithRejects;
    return;
  }
  const bool was_stopped = attempt.error().code == Code::RunInterrupted;
  run.status = was_stopped ? db::RunStatus::Interrupted : db::RunStatus::Failed;
  run.version_after = run.version_before;
  run.rows_inserted = run.rows_updated = std::nullopt;
  run.error = attempt.error();
  if (run.error->file.empty()) run.error->file = run.file_name;
}

/// An error that says that the ledger cannot be written now either; its run is told from its state file until
/// it can.
bool database_is_away(const Error& error) {
  return error.code == Code::TableBusy || error.code == Code::DatabaseUnreachable ||
         error.code == Code::DatabaseReadOnly;
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
  db::RunRecord done = run;
  done.finished_at = clock.now();
  done.status = run.rows_rejected == 0 ? db::RunStatus::Succeeded : db::RunStatus::SucceededWithRejects;
  return transaction.commit(std::span(&done, 1));
}

Result<void> attempt(const LoadRequest& request, const LoadContext& context, const Clock& clock,
                     LoadOutcome& outcome) {
  Prepared prepared;
  TRY(prepare(request, context, prepared, outcome));
  TRY_ASSIGN(const std::unique_ptr<db::Transaction> transaction,
             context.database.begin(std::span(&request.table, 1)));
  TRY(load_file(request, context, prepared, *transaction, outcome));
  context.progress.phase = Progress::Phase::Commit;
  return commit(request, context.database, *transaction, outcome, clock);
}

}  // namespace

Loader::Loader(db::Database& database, store::Store& store, const Clock& clock, Settings settings)
    : database_(database), store_(store), clock_(clock), settings_(std::move(settings)) {}

Result<LoadOutcome> Loader::load(const LoadRequest& request, Progress& progress,
                                 const RejectObserver& observer, std::stop_token stop) {
  LoadOutcome outcome = begin_outcome(request, clock_, false);
  TRY_ASSIGN(RunState state, RunState::create(settings_.spool, outcome.run));
  const LoadContext context{database_, &store_, store_, settings_, progress, &observer, 0, std::move(stop)};
  const Result<void> attempted = attempt(request, context, clock_, outcome);
  end_run(outcome, attempted, clock_);
  progress.phase = Progress::Phase::Done;
  if (attempted || (!database_is_away(attempted.error()) && database_.ledger().record(outcome.run)))
    state.remove();
  else
    (void)state.update(outcome.run);  // without it the run is told as interrupted
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
    LoadOutcome& outcome = outcomes.emplace_back(begin_outcome(request, clock_, true));
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
    end_run(outcome, judged, clock_);
    if (stop.stop_requested()) break;
  }
  progress.phase = Progress::Phase::Done;
  return outcomes;
}

}  // namespace rowgate::load

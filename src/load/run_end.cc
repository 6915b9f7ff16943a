#include "load/run_end.h"

namespace rowgate::load {
namespace {

Error lost_commit() {
  return {
      Code::DatabaseUnreachable,
      "the connection broke while the load was committed; the database has settled that nothing was loaded",
      "load the file again"};
}

/// The run with its numbers and codes, and none of the texts that came from outside.
db::RunRecord without_texts(db::RunRecord run) {
  run.file_name.clear();
  run.parent.clear();
  run.warnings.clear();
  run.rejects.clear();
  if (run.error) {
    const CodeInfo& about = info(run.error->code);
    run.error = Error{about.code, std::string(about.title), std::string(about.fix)};
  }
  return run;
}

}  // namespace

Result<void> record_end(db::Ledger& ledger, db::RunRecord& run) {
  db::RunRecord end = run.status == db::RunStatus::Undecided ? db::as_failed(run, lost_commit()) : run;
  Result<db::RunRecord> kept = ledger.record(end);

  if (!kept && kept.error().code == Code::RunIdempotencyInProgress) {
    end.idempotency.key.clear();  // another server's run has it
    kept = ledger.record(end);
  }

  // A refusal is final. The run must not stay behind for a name that the database cannot store.
  if (!kept && kept.error().code == Code::DatabaseRefused) kept = ledger.record(without_texts(end));

  if (!kept) return std::unexpected(std::move(kept).error());
  run = *std::move(kept);
  return {};
}

void end_interrupted(db::RunRecord& run, const Clock& clock) {
  run.status = db::RunStatus::Interrupted;
  run.finished_at = clock.now();
  run.idempotency.key.clear();  // nothing was loaded, so the request may be sent again
  run.error =
      Error{Code::RunInterrupted, "the process ended before the load was committed", "load the file again"};
}

bool database_is_away(const Error& error) {
  return error.code == Code::TableBusy || error.code == Code::DatabaseUnreachable ||
         error.code == Code::DatabaseReadOnly || error.code == Code::DatabaseInsecure ||
         error.code == Code::DatabaseDeadlock || error.code == Code::DatabaseSecret;
}

}  // namespace rowgate::load

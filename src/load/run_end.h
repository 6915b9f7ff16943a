#pragma once

// How the end of a run comes into the ledger, or out of it.

#include "base/clock.h"
#include "db/database.h"
#include "db/run_record.h"

namespace rowgate::load {

/// Brings the end of a run into the ledger; `run` is then the row that the ledger has, which outranks what
/// the caller believed: a run thought to be lost may have been committed. An undecided run is offered as
/// failed, and that settles it (see db::Ledger::record). A run with text that the database refuses is
/// recorded without it. Fails with database.*, table.busy, storage.full: try again later.
Result<void> record_end(db::Ledger& ledger, db::RunRecord& run);

/// The end of a run whose process died, or whose file did not come whole.
void end_interrupted(db::RunRecord& run, const Clock& clock);

/// Whether an error says that the ledger cannot be written now either; the run is told from its state file
/// until it can.
bool database_is_away(const Error& error);

}  // namespace rowgate::load

#pragma once

#include "db/database.h"
#include "db/sqlite/connection.h"

#include <initializer_list>

namespace rowgate::db::sqlite {

/// How long one row for the ledger waits for another writer: enough for one like itself, far too short for a
/// load.
inline constexpr std::chrono::milliseconds kRecordWait{100};

/// Inserts a run's row; false where the ledger has one of that id, which stays as it is. The ledger must
/// exist. Fails with run.idempotency_in_progress where another run of the last seven days has the same
/// idempotency key.
Result<bool> insert_run(const Connection& connection, const RunRecord& run);
/// Replaces the warnings of the run's row.
Result<void> set_warnings(const Connection& connection, const RunRecord& run);
/// Runs of `condition` (SQL over rowgate_runs with parameters ?1 ...), newest first; none without a ledger.
Result<std::vector<RunRecord>> read_runs(const Connection& connection, const std::string& condition,
                                         std::initializer_list<std::string_view> parameters,
                                         std::size_t limit);

}  // namespace rowgate::db::sqlite

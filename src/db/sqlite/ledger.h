#pragma once

#include "db/database.h"
#include "db/sqlite/connection.h"

namespace rowgate::db::sqlite {

/// Writes a run's row, or replaces the one of the same id. The ledger must exist.
Result<void> write_run(const Connection& connection, const RunRecord& run);
/// Runs of `condition` (SQL over rowgate_runs with one parameter ?1), newest first; none without a ledger.
Result<std::vector<RunRecord>> read_runs(const Connection& connection, const std::string& condition,
                                         std::string_view parameter, std::size_t limit);

}  // namespace rowgate::db::sqlite

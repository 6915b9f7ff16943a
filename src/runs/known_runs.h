#pragma once

// All runs that there are: those that the ledger has, and those in flight, whoever works on them.

#include "db/database.h"
#include "db/run_record.h"
#include "load/run_state.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::runs {

/// Of what is in flight in a spool folder, what was begun at `here` and is not in its ledger yet. A run whose
/// owner died counts as interrupted: whoever loads next writes that into the ledger, or a queue takes it up
/// again.
std::vector<db::RunRecord> unsettled_runs(std::vector<load::InFlight> in_flight, const load::Home& here);

/// Which runs are wanted.
struct RunFilter {
  std::optional<db::TableName> table = {};
  std::optional<std::string> before = {};  ///< older than this id
  std::size_t limit = 100;
  bool matches(const db::RunRecord& run) const;
};
/// Newest first: the ledger's runs, and of `unsettled` those that it does not have.
Result<std::vector<db::RunRecord>> list_runs(db::Ledger& ledger, std::vector<db::RunRecord> unsettled,
                                             const RunFilter& filter);

/// Every run whose id begins with `prefix` (with or without "run_", any case): of the ledger (at most 20) and
/// of `unsettled`, each once.
Result<std::vector<db::RunRecord>> find_runs(db::Ledger& ledger, std::vector<db::RunRecord> unsettled,
                                             std::string_view prefix);

/// The id without "run_", in lower case, so that it may be typed as one likes.
std::string bare_id(std::string_view id);

}  // namespace rowgate::runs

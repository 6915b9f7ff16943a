#include "runs/known_runs.h"

#include "base/text.h"
#include "load/run_moves.h"

#include <algorithm>

namespace rowgate::runs {
namespace {

bool has_run(const std::vector<db::RunRecord>& runs, const std::string& id) {
  return std::ranges::find(runs, id, &db::RunRecord::id) != runs.end();
}

}  // namespace

std::vector<db::RunRecord> unsettled_runs(std::vector<load::InFlight> in_flight, const load::Home& here) {
  std::vector<db::RunRecord> runs;
  for (load::InFlight& flying : in_flight) {
    if (!load::belongs(flying.home, here)) continue;
    const bool is_open = !load::has_ended(flying.run.status) && flying.run.status != db::RunStatus::Undecided;
    if (!flying.owner_alive && is_open) flying.run.status = db::RunStatus::Interrupted;
    runs.push_back(std::move(flying.run));
  }
  return runs;
}

bool RunFilter::matches(const db::RunRecord& run) const {
  return (!before || run.id < *before) &&
         (!table || (run.table == table->name && (table->space.empty() || run.space == table->space)));
}

Result<std::vector<db::RunRecord>> list_runs(db::Ledger& ledger, std::vector<db::RunRecord> unsettled,
                                             const RunFilter& filter) {
  TRY_ASSIGN(std::vector<db::RunRecord> runs, ledger.runs(filter.table, filter.limit, filter.before));
  for (db::RunRecord& run : unsettled)
    if (filter.matches(run) && !has_run(runs, run.id)) runs.push_back(std::move(run));
  std::ranges::sort(runs, std::ranges::greater{}, &db::RunRecord::id);
  if (runs.size() > filter.limit) runs.resize(filter.limit);
  return runs;
}

Result<std::vector<db::RunRecord>> find_runs(db::Ledger& ledger, std::vector<db::RunRecord> unsettled,
                                             std::string_view prefix) {
  TRY_ASSIGN(std::vector<db::RunRecord> found, ledger.find(prefix));
  const std::string wanted = bare_id(prefix);
  for (db::RunRecord& run : unsettled)
    if (bare_id(run.id).starts_with(wanted) && !has_run(found, run.id)) found.push_back(std::move(run));
  return found;
}

std::string bare_id(std::string_view id) {
  constexpr std::string_view kPrefix = "run_";
  std::string lower = lower_ascii(id);
  return lower.starts_with(kPrefix) ? lower.substr(kPrefix.size()) : lower;
}

}  // namespace rowgate::runs

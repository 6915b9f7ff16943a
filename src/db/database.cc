#include "db/database.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db {

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::Append:
      return "append";
    case Mode::Replace:
      return "replace";
    case Mode::Upsert:
      break;
  }
  return "upsert";
}

Error missing_parent(const LoadTarget& target, const table::ForeignKey& key) {
  return {
      Code::TableUnknown,
      fmt::format("the table `{}`, which `{}` refers to, does not exist yet", key.table, target.table.name),
      fmt::format("load {} first (a file of its header line alone makes it, empty), or set keys: check",
                  key.table)};
}

bool is_set_by_upsert(const LoadTarget& target, std::size_t field) {
  return std::ranges::find(target.absent, field) == target.absent.end() &&
         std::ranges::find(target.schema->primary_key, field) == target.schema->primary_key.end();
}

Error rows_missing(std::string_view table, std::string words, const std::vector<std::string>& triggers) {
  if (triggers.empty())
    words += fmt::format("; the table `{}` has no trigger", table);
  else
    words += fmt::format("; the table `{}` has the {} {}", table,
                         triggers.size() == 1 ? "trigger" : "triggers", fmt::join(triggers, ", "));
  return {Code::DatabaseRowsMissing, std::move(words),
          "nothing was loaded; let the triggers, rules and policies of the table keep every row"};
}

Error run_is_there(const RunRecord& run) {
  return {Code::RunUndecided, fmt::format("the ledger has the run {} already", run.id),
          fmt::format("look at it: rowgate runs show {}", run.id)};
}

Error undecided(const RunRecord& run, const Error& lost) {
  return {Code::RunUndecided,
          fmt::format("whether the load {} was committed is not known yet: {}", run.id, lost.message),
          fmt::format("do not load the file again; `rowgate runs show {}` tells when it is decided", run.id)};
}

}  // namespace rowgate::db

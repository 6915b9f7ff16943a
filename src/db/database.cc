#include "db/database.h"

#include <fmt/format.h>

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

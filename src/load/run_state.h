#pragma once

// What is in flight. While a run has not ended in the ledger, a small file `runs/<id>.json` in the spool
// folder holds its record, and the process that works on it holds a lock on that file. So a reader can list
// what is running, and a later process can tell a run whose owner died (the lock is free) from a live one. A
// committed load needs no file: its ledger row was committed with its rows. Any other end is written to the
// ledger as soon as the database can be written; until then the file is kept.

#include "base/error.h"
#include "db/database.h"
#include "db/run_record.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace rowgate::load {

/// The state file of one run of this process. Dropped: the lock is released, the file stays.
class RunState {
 public:
  static Result<RunState> create(const std::filesystem::path& spool, const db::RunRecord& run);
  RunState(RunState&&) noexcept;
  RunState& operator=(RunState&&) noexcept;
  ~RunState();
  Result<void> update(const db::RunRecord& run);
  void remove();

 private:
  RunState(std::filesystem::path path, int fd);
  std::filesystem::path path_;
  int fd_ = -1;
};

struct InFlight {
  db::RunRecord run;
  bool owner_alive = false;
};
/// All state files of the spool folder, newest first; none when there is no folder.
std::vector<InFlight> in_flight(const std::filesystem::path& spool);

/// Settles what dead owners left: a run that the ledger has is done; any other gets its end into the ledger
/// (`interrupted` where it had none) and its file is removed. What cannot be written now is left for later.
/// Called before a load begins.
void recover(const std::filesystem::path& spool, db::Database& database, const Clock& clock);

}  // namespace rowgate::load

#pragma once

// What is in flight. While a run has not ended in the ledger, a small file `runs/<id>.json` in the spool
// folder holds its record, and the process that works on it holds a lock on that file. So a reader can list
// what is running, and a later process can tell a run whose owner died (the lock is free) from a live one. A
// committed load needs no file: its ledger row was committed with its rows. Any other end is written to the
// ledger as soon as the database can be written; until then the file is kept.
//
// The file is a log: each change is one more line with the whole record, and the last whole line counts. A
// process that dies while it writes leaves the line before. Nothing is flushed to the disk but what somebody
// was promised (flush()): a process that dies takes nothing of it along, and after a power cut the ledger
// alone says what was loaded.

#include "base/error.h"
#include "db/database.h"
#include "db/run_record.h"
#include "io/descriptor.h"
#include "load/load_options.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::load {

/// What a state file says.
struct KeptRun {
  db::RunRecord run;
  std::optional<LoadOptions> options = {};  ///< of a run of the queue whose file was received whole
};

/// The state file of one run of this process. Dropped: the lock is released, the file stays.
class RunState {
 public:
  static Result<RunState> create(const std::filesystem::path& spool, const KeptRun& kept);
  /// The run in its new state; options, once known, stay.
  Result<void> update(const db::RunRecord& run, const LoadOptions* options = nullptr);
  /// What was written so far survives the machine.
  Result<void> flush() const;
  void remove();

 private:
  friend struct Orphan;
  friend std::vector<struct Orphan> take_orphans(const std::filesystem::path& spool);
  friend class RunStates;
  RunState(std::filesystem::path path, io::Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<void> begin(const KeptRun& kept);
  std::filesystem::path path_;
  io::Descriptor fd_;
  std::string options_ = {};  ///< as JSON
};

/// Makes the state files of a process that has many runs, and uses those of settled runs again: where files
/// are made and removed all the time, ext4 passes over every inode that was freed in the last seconds before
/// it finds one for a new file (recently_deleted() in Linux's fs/ext4/ialloc.c). Thread safe.
class RunStates {
 public:
  explicit RunStates(std::filesystem::path spool) : spool_(std::move(spool)) {}
  RunStates(const RunStates&) = delete;
  RunStates& operator=(const RunStates&) = delete;
  ~RunStates();
  /// As RunState::create().
  Result<RunState> create(const KeptRun& kept);
  /// Instead of RunState::remove().
  void put_away(RunState state);

 private:
  std::filesystem::path spool_;
  std::mutex mutex_;
  std::vector<RunState> spare_;  ///< empty, under the name of a file that is being made
};

struct InFlight {
  db::RunRecord run;
  bool owner_alive = false;
};
/// All state files of the spool folder, newest first; none when there is no folder.
std::vector<InFlight> in_flight(const std::filesystem::path& spool);

/// A run whose owner died; its state file is ours now.
struct Orphan {
  KeptRun kept;
  RunState state;
};
/// All of them, oldest first. Files in which not one line is whole are removed: their owner died while it
/// made them, before anything was loaded. So are received files without a state file, after a minute.
std::vector<Orphan> take_orphans(const std::filesystem::path& spool);

/// Settles what dead owners left: a run that the ledger has is done; any other gets its end into the ledger
/// (`interrupted` where it had none) and its files in the spool are removed. What cannot be written now is
/// left for later, and what waits in a queue is left to the next queue of this spool. Called before a load
/// begins.
void recover(const std::filesystem::path& spool, db::Database& database, const Clock& clock);

/// The end of a run whose process died, or whose file did not come whole.
void end_interrupted(db::RunRecord& run, const Clock& clock);

}  // namespace rowgate::load

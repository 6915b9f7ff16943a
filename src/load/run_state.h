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
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::load {

/// Where a run belongs: the database that it loads into, and the storage of its files. Two processes may use
/// one spool for different databases, and a run is settled only where it belongs.
struct Home {
  std::string place = {};     ///< digest of the database's address
  std::string database = {};  ///< Database::identity(), where it was known
  std::string storage = {};   ///< store::identity_of(), of a server's runs: it costs requests
};
/// What is known of this process without asking anybody: where the database is.
Home known_home(const db::Database& database);
/// Of this process, but for its storage. A database that does not answer, or is not made yet, has no
/// identity.
Home home_of(db::Database& database);
/// Whether a run that was begun at `begun` is to be settled at `here`. Identities decide; where the
/// database's is missing its address does. A run of an older version says nothing and belongs everywhere.
bool belongs(const Home& begun, const Home& here);

/// What a state file says.
struct KeptRun {
  db::RunRecord run;
  std::optional<LoadOptions> options = {};  ///< of a run of the queue whose file was received whole
  Home home = {};
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
  friend void visit_orphans(const std::filesystem::path& spool,
                            const std::function<bool(const KeptRun&)>& wanted,
                            const std::function<void(struct Orphan)>& visit);
  friend class RunStates;
  RunState(std::filesystem::path path, io::Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<void> begin(const KeptRun& kept);
  std::filesystem::path path_;
  io::Descriptor fd_;
  std::string options_ = {};  ///< as JSON
  Home home_ = {};
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
  Home home = {};
};
/// All state files of the spool folder, newest first; none when there is no folder.
std::vector<InFlight> in_flight(const std::filesystem::path& spool);

/// A run whose owner died; its state file is ours now.
struct Orphan {
  KeptRun kept;
  RunState state;
};
/// Hands over each one that is `wanted`, oldest first. None is held while another is worked on, and one that
/// is not wanted is not even locked, so that another process may take it meanwhile. Files in which not one
/// line is whole are removed: their owner died while it made them, before anything was loaded. So are
/// received files without a state file, after a minute.
void visit_orphans(const std::filesystem::path& spool, const std::function<bool(const KeptRun&)>& wanted,
                   const std::function<void(Orphan)>& visit);

/// Settles what dead owners left: a run that the ledger has is done; any other gets its end into the ledger
/// (`interrupted` where it had none) and its files in the spool are removed. What cannot be written now is
/// left for later, what belongs to another database to whoever uses that, and what waits in a queue to the
/// next queue of this spool. Called before a load begins.
void recover(const std::filesystem::path& spool, db::Database& database, const Clock& clock);

/// How a person settles a run that has no owner: by the ledger, where the database answers. Where it does not
/// and is gone for good, `give_up` ends the run as failed and removes its files; without it that is
/// run.undecided. A load that a server has received goes on when a server starts: only `give_up` ends it.
/// Fails with run.unknown (no such state file, or such a load), table.busy (its owner lives).
Result<db::RunRecord> settle_by_hand(const std::filesystem::path& spool, const std::string& run_id,
                                     db::Database& database, const Clock& clock, bool give_up);

}  // namespace rowgate::load

#include "runs/run_queue.h"

#include "base/ids.h"
#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "io/stored_file.h"
#include "load/kept_files.h"
#include "load/loader.h"
#include "load/run_end.h"
#include "load/run_moves.h"
#include "runs/known_runs.h"
#include "runs/run_board.h"
#include "runs/waiting_line.h"
#include "store/identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace rowgate::runs {
namespace {

namespace fs = std::filesystem;
using Entry = RunBoard::Entry;

constexpr std::size_t kFirstRejects = 20;
void move(db::RunRecord& run, load::RunEvent event) {
  const std::optional<db::RunStatus> to = load::next(run.status, event);
  if (to) run.status = *to;
}

/// Whether a repeated request gets this run again: a committed load, and a verdict on the file's content.
/// What failed for another reason may be tried again under the same key.
bool keeps_key(const db::RunRecord& run) {
  if (db::has_loaded(run)) return true;
  if (run.status != db::RunStatus::Failed || !run.error) return false;
  if (run.error->code == Code::RunIdempotencyReused) return false;  // it is another run's
  const int status = info(run.error->code).http_status;
  return status == 400 || status == 422;
}

Error draining() {
  return {Code::RunDraining, "the server is stopping and takes no new files",
          "send the file again in a while"};
}
Error queue_full(std::size_t limit) {
  return {Code::RunQueueFull, fmt::format("{} loads are waiting already", limit),
          "send the file again in a while, or raise limits.queue"};
}
Error key_in_progress(const std::string& run_id) {
  return {Code::RunIdempotencyInProgress,
          fmt::format("the request with this Idempotency-Key is still being done, as {}", run_id),
          "wait for that run"};
}
Error key_reused() {
  return {Code::RunIdempotencyReused, "this Idempotency-Key was used for another request",
          "use a new key for each file"};
}

Error still_undecided(const db::RunRecord& run) {
  return {Code::RunUndecided,
          fmt::format("whether the load of this request, {}, was committed is not known yet", run.id),
          "look at that run until it is decided; do not send the file under another key"};
}
Error done_elsewhere(const db::RunRecord& earlier) {
  return {Code::RunIdempotencyInProgress, fmt::format("the same request has been done as {}", earlier.id),
          "look at that run"};
}

/// The run of an earlier request with the same key, seen from a new one: its id where it has ended and was
/// the same request.
Result<std::string> answer_to_repeat(const db::RunRecord& earlier, const db::Idempotency& key) {
  if (earlier.idempotency.fingerprint != key.fingerprint) return std::unexpected(key_reused());
  if (earlier.status == db::RunStatus::Undecided) return std::unexpected(still_undecided(earlier));
  if (!load::has_ended(earlier.status) || earlier.status == db::RunStatus::Interrupted)
    return std::unexpected(key_in_progress(earlier.id));
  return earlier.id;
}

/// Everybody who waits for the run, under the queue's mutex.
std::vector<std::function<void()>> take_waiting(RunEntry& entry) {
  std::vector<std::function<void()>> waiting = std::exchange(entry.on_end, {});
  for (std::function<void()>& call : std::exchange(entry.on_known, {})) waiting.push_back(std::move(call));
  return waiting;
}

bool is_whole(const fs::path& spool, const db::RunRecord& run) {
  if (run.file_sha256.empty()) return false;
  std::error_code error;
  return fs::file_size(load::upload_path(spool, run.id), error) == run.file_bytes && !error;
}

}  // namespace

struct RunQueue::State {
  db::Database& database;
  store::Store& store;
  const Clock& clock;
  Settings settings;
  Observer observer;
  NotKept not_kept;
  load::RunStates states{settings.spool};

  mutable std::mutex mutex = {};                      ///< guards what follows, and settings.queue_limit
  std::shared_ptr<const load::Catalog> catalog = {};  ///< never null
  std::condition_variable changed = {}, more_to_keep = {}, more_to_settle = {};
  RunBoard board = {};
  WaitingLine line = {};
  std::set<db::TableName> busy = {};  ///< tables that are being loaded
  std::vector<Entry> unsettled = {};  ///< what became of them is not in the ledger yet, or only there
  load::Home home =
      load::known_home(database);  ///< where the runs of this queue belong, as far as it is known
  std::deque<Entry> to_keep = {};  ///< ended; their files are yet to be sent to the store
  std::size_t submitting = 0;      ///< about to be put into the line
  std::size_t running = 0, receiving = 0;
  bool stopping = false, stopped = false;

  std::vector<std::jthread> workers = {};
  std::jthread keeper = {}, settler = {};

  // What workers do.
  void work();
  void work_on(const Entry& entry);
  load::LoadOutcome load(const Entry& entry, std::vector<load::RefusedRecord>& rejects);
  void end(const Entry& entry, db::RunRecord run, std::vector<load::RefusedRecord> rejects);
  void leave_undecided(const Entry& entry, db::RunRecord run);
  bool record(db::RunRecord& run);
  void put_away(const Entry& entry, db::RunRecord& run);
  void put_away_later(const Entry& entry);
  void settle_files(RunEntry& entry);
  void keep_files();
  void tell(const db::RunRecord& run) const {
    if (observer) observer(run);
  }

  // What could not be settled at once, or was left by another process.
  void settle_again();
  void settle_all();
  void give_up_waiting();
  Result<void> settle(const Entry& entry);
  Result<void> settle_left(const Entry& entry, db::RunRecord run);
  void finish(const Entry& entry, db::RunRecord run);
  void look_for_orphans();
  void take_up(load::Orphan orphan);
  void queue_again(const Entry& entry);
  void learn_home();

  Result<void> may_take() const;
  Result<std::optional<std::string>> earlier_run(const db::Idempotency& key) const;
  struct Entered {
    Entry entry;
    std::string earlier = {};  ///< the run that this request asks for again; then there is no entry
  };
  Result<Entered> enter(NewLoad& load);
  Result<void> keep(const Entry& entry, NewLoad& load);
  void forget(const std::string& run_id);
  void drop_state(RunEntry& entry);
  RunView view_of(const RunEntry& entry) const;
  RunView view_of(db::RunRecord run) const;
  load::Home own_home() const {
    const std::scoped_lock lock(mutex);
    return home;
  }
  /// Idempotency keys of older runs mean nothing any more.
  Timestamp keys_since() const {
    const std::chrono::microseconds kept = db::kIdempotencyKept;
    return {clock.now().micros - kept.count()};
  }
};

// ---- receiving and queueing

Result<void> RunQueue::State::may_take() const {
  if (stopping) return std::unexpected(draining());
  if (line.size() + submitting >= settings.queue_limit)
    return std::unexpected(queue_full(settings.queue_limit));
  return {};
}

Result<load::Upload> RunQueue::receive(db::RunRecord run, std::uint64_t limit_bytes) {
  run.status = db::RunStatus::Receiving;
  if (run.created_at.micros == 0) run.created_at = state_->clock.now();
  const auto entry = std::make_shared<RunEntry>();
  entry->run = run;
  {
    const std::scoped_lock lock(state_->mutex);
    TRY(state_->may_take());
    state_->board.add(entry);
    ++state_->receiving;
  }
  const auto on_drop = [queue = std::weak_ptr(state_), id = run.id] {
    if (const std::shared_ptr<State> alive = queue.lock()) alive->forget(id);
  };
  Result<load::RunState> state = state_->states.create({.run = run, .home = state_->own_home()});
  if (!state) {
    on_drop();
    return std::unexpected(std::move(state).error());
  }
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->state = *std::move(state);
  }
  Result<load::Upload> upload = load::Upload::create(
      {.spool = state_->settings.spool, .limit_bytes = limit_bytes, .on_drop = on_drop}, run.id);
  if (!upload)
    on_drop();
  else
    state_->tell(run);
  return upload;
}

/// A file that was not sent to its end, or was thrown away: nobody was told of its run.
void RunQueue::State::forget(const std::string& run_id) {
  Entry entry;
  {
    const std::scoped_lock lock(mutex);
    entry = board.find(run_id);
    if (!entry || entry->run.status != db::RunStatus::Receiving) return;
    board.erase(entry);
    --receiving;
  }
  const std::scoped_lock files(entry->files_mutex);
  drop_state(*entry);
}

/// With the files' lock held: the run needs its state file no more.
void RunQueue::State::drop_state(RunEntry& entry) {
  if (entry.state) states.put_away(*std::move(entry.state));
  entry.state.reset();
}

/// The ended run of the same request, where there is one.
Result<std::optional<std::string>> RunQueue::State::earlier_run(const db::Idempotency& key) const {
  if (!key) return std::optional<std::string>{};
  std::optional<db::RunRecord> earlier;
  {
    const std::scoped_lock lock(mutex);
    if (const Entry entry = board.find_by_key(key)) earlier = entry->run;
  }
  if (!earlier) {
    TRY_ASSIGN(earlier, database.ledger().find_by_key(key, keys_since()));
  }
  if (!earlier) return std::optional<std::string>{};
  TRY_ASSIGN(std::string id, answer_to_repeat(*earlier, key));
  return std::optional(std::move(id));
}

/// The run's entry, made or found among those being received; it has its key from now on.
Result<RunQueue::State::Entered> RunQueue::State::enter(NewLoad& load) {
  const std::scoped_lock lock(mutex);
  TRY(may_take());
  // Another request may have been quicker since earlier_run() looked.
  if (const Entry earlier = board.find_by_key(load.run.idempotency)) {
    TRY_ASSIGN(std::string id, answer_to_repeat(earlier->run, load.run.idempotency));
    return Entered{nullptr, std::move(id)};
  }
  Entry entry = board.find(load.run.id);
  if (entry) {
    load.run.created_at = entry->run.created_at;
    --receiving;
  } else {
    entry = std::make_shared<RunEntry>();
  }
  load.run.status = db::RunStatus::Receiving;
  move(load.run, load::RunEvent::BodyComplete);
  entry->run = load.run;
  entry->options = load.options;
  entry->was_configured = load.was_configured;
  board.add(entry);
  board.claim_key(entry);
  ++submitting;
  return Entered{std::move(entry)};
}

/// From here on the run survives this process.
Result<void> RunQueue::State::keep(const Entry& entry, NewLoad& load) {
  const std::scoped_lock files(entry->files_mutex);
  entry->upload = load.file.file.release();
  if (entry->state) return entry->state->update(load.run, &load.options);
  TRY_ASSIGN(entry->state, states.create({load.run, load.options, own_home()}));
  return {};
}

Result<std::string> RunQueue::submit(NewLoad load) {
  TRY(load::check(load.options));
  db::RunRecord& run = load.run;
  if (run.created_at.micros == 0) run.created_at = state_->clock.now();
  if (run.id.empty()) run.id = new_id("run_", run.created_at);
  run.mode = load.options.mode;
  run.dry_run = load.options.dry_run;
  run.parent = load.options.parent;
  run.file_bytes = load.file.bytes;
  run.file_sha256 = load.file.sha256;
  TRY_ASSIGN(const std::optional<std::string> earlier, state_->earlier_run(run.idempotency));
  if (earlier) return *earlier;
  TRY_ASSIGN(const State::Entered entered, state_->enter(load));
  if (!entered.entry) return entered.earlier;
  const Entry& entry = entered.entry;
  const Result<void> kept = state_->keep(entry, load);
  if (!kept) {
    const std::scoped_lock files(entry->files_mutex);
    ::unlink(entry->upload.c_str());  // first: without a state file nobody would find it
    state_->drop_state(*entry);
  } else {
    state_->tell(run);
  }
  {
    const std::scoped_lock lock(state_->mutex);
    --state_->submitting;
    if (kept)
      state_->line.push({run.id, run.principal, {run.space, run.table}});
    else
      state_->board.erase(entry);
  }
  TRY(kept);
  state_->changed.notify_one();
  return run.id;
}

Result<void> RunQueue::make_durable(const std::string& run_id) {
  Entry entry;
  {
    const std::scoped_lock lock(state_->mutex);
    entry = state_->board.find(run_id);
  }
  if (!entry) return {};
  const std::scoped_lock files(entry->files_mutex);
  const fs::path& path = entry->upload;
  if (!entry->state || path.empty()) return {};  // it has ended, or is just ending: its end is in the ledger
  for (const fs::path& flushed : {path, path.parent_path()}) {
    const int no_link = flushed == path ? O_NOFOLLOW : 0;
    const io::Descriptor fd(::open(flushed.c_str(), O_RDONLY | O_CLOEXEC | no_link));
    if (!fd || ::fsync(fd.get()) != 0)
      return std::unexpected(io::storage_error(errno, "cannot flush", flushed));
  }
  return entry->state->flush();
}

// ---- loading

void RunQueue::State::work() {
  const auto is_busy = [this](const db::TableName& table) { return busy.contains(table); };
  std::unique_lock lock(mutex);
  while (!stopping) {
    const std::optional<WaitingLine::Waiting> turn = line.take(is_busy);
    if (!turn) {
      changed.wait(lock);
      continue;
    }
    const Entry entry = board.find(turn->run_id);
    busy.insert(turn->table);
    ++running;
    move(entry->run, load::RunEvent::WorkerFree);
    entry->catalog = catalog;
    entry->run.started_at = clock.now();
    lock.unlock();
    work_on(entry);
    lock.lock();
    busy.erase(turn->table);
    --running;
    changed.notify_all();
  }
}

void RunQueue::State::work_on(const Entry& entry) {
  db::RunRecord begun;
  {
    const std::scoped_lock lock(mutex);
    begun = entry->run;
  }
  {
    const std::scoped_lock files(entry->files_mutex);
    (void)entry->state->update(begun);  // else it is told as queued: no harm
  }
  tell(begun);
  std::vector<load::RefusedRecord> rejects;
  load::LoadOutcome outcome = load(entry, rejects);

  // Whoever waits for this run gets the answer of the one that did the same request.
  if (outcome.earlier) {
    outcome.run.status = db::RunStatus::Cancelled;
    outcome.run.error = done_elsewhere(*outcome.earlier);
    const std::scoped_lock lock(mutex);
    entry->answered_by = outcome.earlier->id;
  }
  end(entry, std::move(outcome.run), std::move(rejects));
}

/// The run as it ended.
load::LoadOutcome RunQueue::State::load(const Entry& entry, std::vector<load::RefusedRecord>& rejects) {
  db::RunRecord run;
  std::shared_ptr<const load::Catalog> configured;  // as long as this run works
  {
    const std::scoped_lock lock(mutex);
    run = entry->run;
    configured = std::exchange(entry->catalog, nullptr);
  }
  const auto failed = [&](Error error) {
    move(run, load::RunEvent::Broke);
    run.finished_at = clock.now();
    run.error = std::move(error);
    if (run.error->file.empty()) run.error->file = run.file_name;
    return load::LoadOutcome{.run = run};
  };
  // What another process received is believed when its hash says so.
  const std::optional<std::string> known = entry->taken_up ? std::nullopt : std::optional(run.file_sha256);
  Result<std::shared_ptr<io::SourceFile>> file =
      io::open_own_file(load::upload_path(settings.spool, run.id), run.file_name, known);
  if (!file) return failed(std::move(file).error());
  if (entry->taken_up && (*file)->sha256().value_or("") != run.file_sha256)
    return failed({Code::RunInterrupted, "the received file was damaged when the server stopped",
                   "send the file again"});
  if (entry->was_configured && configured->find(run.table) == nullptr)
    return failed({Code::TableUnknown,
                   fmt::format("the table \"{}\" was taken out of the configuration while the load waited",
                               shown(run.table)),
                   "configure the table again, then send the file again"});
  const io::UnpackLimits unpack{.max_bytes = configured->limits.max_unpacked_bytes,
                                .max_ratio = configured->limits.max_ratio};
  const Result<load::LoadRequest> request =
      load::make_request(*configured, {run.space, run.table}, entry->options, *std::move(file), unpack);
  if (!request) return failed(request.error());
  std::size_t problems = 0;
  const load::RejectObserver observe = [&](std::size_t, const load::RefusedRecord& record) {
    if (problems >= kFirstRejects) return;
    load::RefusedRecord& kept = rejects.emplace_back(record);
    kept.raw.clear();
    if (kept.problems.size() > kFirstRejects - problems) kept.problems.resize(kFirstRejects - problems);
    problems += kept.problems.size();
  };
  load::Loader loader(database, store, clock,
                      {.spool = settings.spool, .check_threads = settings.check_threads});
  return loader.run(std::move(run), *request, entry->progress, observe, entry->stop.get_token());
}

/// False when the ledger does not have the run's end yet.
bool RunQueue::State::record(db::RunRecord& run) {
  const bool committed = !run.error && !run.dry_run;
  if (committed) return true;
  if (run.error && load::database_is_away(*run.error)) return false;
  return load::record_end(database.ledger(), run).has_value();
}

/// The received file becomes the run's source, or goes. Whoever waits for the run does not wait for a store
/// that is far away.
void RunQueue::State::put_away(const Entry& entry, db::RunRecord& run) {
  fs::path file;
  {
    const std::scoped_lock files(entry->files_mutex);
    file = entry->upload;
  }
  if (file.empty()) return;
  const Result<void> kept =
      settings.keep_sources ? store.adopt(load::source_key(run.id), file) : Result<void>{};
  if (!settings.keep_sources || !kept) ::unlink(file.c_str());
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->upload.clear();
  }
  if (kept) return;
  // Everybody who may see the run sees its warnings; the storage's own words, which name paths, are for the
  // log.
  run.warnings.push_back({kept.error().code, fmt::format("the file as it was received is not kept: {}",
                                                         info(kept.error().code).title)});
  if (not_kept) not_kept(run, kept.error());
}

void RunQueue::State::put_away_later(const Entry& entry) {
  const std::scoped_lock lock(mutex);
  to_keep.push_back(entry);
  more_to_keep.notify_one();
}

/// With the files' lock held: nothing is left to do for the run.
void RunQueue::State::settle_files(RunEntry& entry) {
  if (entry.is_recorded && entry.upload.empty()) drop_state(entry);
}

/// Sends files to the store, one after the other, until the queue stops.
void RunQueue::State::keep_files() {
  std::unique_lock lock(mutex);
  for (;;) {
    more_to_keep.wait(lock, [this] { return stopping || !to_keep.empty(); });
    if (stopping) return;
    const Entry entry = std::move(to_keep.front());
    to_keep.pop_front();
    db::RunRecord run = entry->run;
    lock.unlock();
    const std::size_t warnings = run.warnings.size();
    put_away(entry, run);
    if (run.warnings.size() > warnings) {
      (void)database.ledger().set_warnings(run);
      const std::scoped_lock again(mutex);
      entry->run = run;
    }
    {
      const std::scoped_lock files(entry->files_mutex);
      settle_files(*entry);
    }
    lock.lock();
  }
}

void RunQueue::State::end(const Entry& entry, db::RunRecord run, std::vector<load::RefusedRecord> rejects) {
  const bool is_stopped = run.status == db::RunStatus::Interrupted;
  const bool goes_on = is_stopped && settings.resumes;
  const db::Idempotency key = run.idempotency;
  bool recorded = false;
  if (goes_on) {
    run.error->message = "the server stopped; this load goes on when it starts again";
    run.error->hint = "look at the run later";
  } else {
    if (is_stopped) {
      run.error->message = "the time for the load was over before it was done; nothing was loaded";
      run.error->hint = "load it where there is more time, or in smaller files";
    }
    // An undecided run that the ledger can settle at once is one that has ended.
    const bool was_undecided = run.status == db::RunStatus::Undecided;
    if (was_undecided && !record(run)) return leave_undecided(entry, std::move(run));
    if (!keeps_key(run)) run.idempotency.key.clear();
    recorded = was_undecided || record(run);
  }
  const bool later = !goes_on && settings.keep_sources && settings.resumes && store.is_remote();
  if (!goes_on && !later) {
    const std::size_t warnings = run.warnings.size();
    put_away(entry, run);
    if (run.warnings.size() > warnings && recorded) (void)database.ledger().set_warnings(run);
  }
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->is_recorded = recorded;
    if (!recorded && entry->state->update(run)) (void)entry->state->flush();
    settle_files(*entry);
  }
  std::vector<std::function<void()>> on_end;
  {
    const std::scoped_lock lock(mutex);
    if (!run.idempotency) board.release_key(key, run.id);
    entry->run = run;
    entry->rejects = std::move(rejects);
    on_end = take_waiting(*entry);
    if (recorded)
      board.note_end(entry);
    else if (!goes_on)
      unsettled.push_back(entry);
  }
  tell(run);
  for (const std::function<void()>& call : on_end) call();
  if (later) put_away_later(entry);
}

/// The answer to its commit was lost. Its key, its file and its state stay until the ledger has decided, and
/// whoever waits for news gets them.
void RunQueue::State::leave_undecided(const Entry& entry, db::RunRecord run) {
  {
    const std::scoped_lock files(entry->files_mutex);
    if (entry->state->update(run)) (void)entry->state->flush();
  }
  std::vector<std::function<void()>> on_known;
  {
    const std::scoped_lock lock(mutex);
    entry->run = run;
    entry->undecided_since = clock.now();
    on_known = std::exchange(entry->on_known, {});
    unsettled.push_back(entry);
  }
  tell(run);
  for (const std::function<void()>& call : on_known) call();
}

// ---- settling

/// What the settling thread does until the queue stops.
void RunQueue::State::settle_again() {
  auto looked = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex);
  while (!stopping) {
    more_to_settle.wait_for(lock, settings.settle_again);
    if (stopping) return;
    lock.unlock();
    settle_all();
    give_up_waiting();
    if (std::chrono::steady_clock::now() - looked >= settings.look_again) {
      look_for_orphans();
      looked = std::chrono::steady_clock::now();
    }
    lock.lock();
  }
}

/// Tries each run by itself: one that the ledger cannot take holds up nobody but itself.
void RunQueue::State::settle_all() {
  std::vector<Entry> tried;
  {
    const std::scoped_lock lock(mutex);
    tried = unsettled;
  }
  for (const Entry& entry : tried) {
    const Result<void> settled = settle(entry);
    if (!settled && settled.error().code == Code::DatabaseUnreachable) return;
  }
}

/// Who has waited long enough for a decision is told that there is none yet.
void RunQueue::State::give_up_waiting() {
  std::vector<std::function<void()>> calls;
  {
    const std::scoped_lock lock(mutex);
    const std::chrono::microseconds patience = settings.decide_wait;
    for (const Entry& entry : unsettled) {
      if (entry->run.status != db::RunStatus::Undecided) continue;
      if (clock.now().micros - entry->undecided_since.micros < patience.count()) continue;
      for (std::function<void()>& call : take_waiting(*entry)) calls.push_back(std::move(call));
    }
  }
  for (const std::function<void()>& call : calls) call();
}

/// Brings one run to its end in the ledger, or takes its end from there. It is unsettled until then.
Result<void> RunQueue::State::settle(const Entry& entry) {
  db::RunRecord run;
  {
    const std::scoped_lock lock(mutex);
    run = entry->run;
  }
  const bool is_left = !load::has_ended(run.status) || run.status == db::RunStatus::Interrupted;
  if (entry->taken_up && is_left && run.status != db::RunStatus::Undecided)
    return settle_left(entry, std::move(run));

  TRY(load::record_end(database.ledger(), run));
  finish(entry, std::move(run));
  return {};
}

/// A run whose owner died before its end: done, to be loaded again, or lost.
Result<void> RunQueue::State::settle_left(const Entry& entry, db::RunRecord run) {
  TRY_ASSIGN(const std::vector<db::RunRecord> known, database.ledger().find(run.id));
  const bool is_here = entry->has_options && is_whole(settings.spool, run);
  const bool has_ended_otherwise = !known.empty() && known.front().status != db::RunStatus::Interrupted;
  if (!is_here && !has_ended_otherwise) {  // a part of a file is nothing to load, nor to keep
    const std::scoped_lock files(entry->files_mutex);
    ::unlink(entry->upload.c_str());
    entry->upload.clear();
  }

  if (!known.empty()) {  // its owner died, or the one that settled it, before it could put things away
    finish(entry, known.front());
    return {};
  }
  if (is_here) {
    queue_again(entry);
    return {};
  }
  move(run, load::RunEvent::BytesLost);
  load::end_interrupted(run, clock);
  TRY(load::record_end(database.ledger(), run));
  finish(entry, std::move(run));
  return {};
}

/// The ledger has the run's end: `run`. Nothing is left but to put its files away.
void RunQueue::State::finish(const Entry& entry, db::RunRecord run) {
  bool has_upload = false;
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->is_recorded = true;
    has_upload = !entry->upload.empty();
  }
  const bool later = has_upload && settings.keep_sources && settings.resumes && store.is_remote();
  if (has_upload && !later) {
    const std::size_t warnings = run.warnings.size();
    put_away(entry, run);
    if (run.warnings.size() > warnings) (void)database.ledger().set_warnings(run);
  }
  {
    const std::scoped_lock files(entry->files_mutex);
    settle_files(*entry);
  }

  std::vector<std::function<void()>> calls;
  bool was_undecided = false;
  {
    const std::scoped_lock lock(mutex);
    was_undecided = entry->run.status == db::RunStatus::Undecided;
    if (!run.idempotency) board.release_key(entry->run.idempotency, run.id);
    entry->run = run;
    std::erase(unsettled, entry);
    calls = take_waiting(*entry);
    board.note_end(entry);
  }
  if (was_undecided) tell(run);
  for (const std::function<void()>& call : calls) call();
  if (later) put_away_later(entry);
}

// ---- starting and stopping

void RunQueue::State::learn_home() {
  {
    const std::scoped_lock lock(mutex);
    if (!home.database.empty() && !home.storage.empty()) return;
  }
  load::Home known = load::home_of(database);
  if (const Result<std::string> identity = store::identity_of(store)) known.storage = *identity;
  const std::scoped_lock lock(mutex);
  home = std::move(known);
}

void RunQueue::State::look_for_orphans() {
  learn_home();
  const load::Home here = own_home();
  load::visit_orphans(
      settings.spool, [&](const load::KeptRun& kept) { return load::belongs(kept.home, here); },
      [this](load::Orphan orphan) { take_up(std::move(orphan)); });
}

/// From here on the run is one of this process: it is listed, and its key is taken. What became of it is
/// settled as soon as the database answers.
void RunQueue::State::take_up(load::Orphan orphan) {
  const auto entry = std::make_shared<RunEntry>();
  entry->run = orphan.kept.run;
  entry->taken_up = true;
  entry->has_options = orphan.kept.options.has_value();
  if (entry->has_options) entry->options = *orphan.kept.options;
  entry->state = std::move(orphan.state);
  std::error_code ignored;
  const fs::path upload = load::upload_path(settings.spool, entry->run.id);
  if (fs::exists(upload, ignored)) entry->upload = upload;

  db::RunStatus& status = entry->run.status;
  if (status == db::RunStatus::Undecided)
    entry->undecided_since = clock.now();
  else if (!load::has_ended(status))
    status = db::RunStatus::Interrupted;

  // A file that did not come whole is lost, and its request may be sent again.
  const bool is_lost =
      status == db::RunStatus::Interrupted && !(entry->has_options && is_whole(settings.spool, entry->run));
  {
    const std::scoped_lock lock(mutex);
    board.add(entry);
    if (entry->run.idempotency && !is_lost) board.claim_key(entry);
  }
  if (settle(entry)) return;
  const std::scoped_lock lock(mutex);
  unsettled.push_back(entry);
}

void RunQueue::State::queue_again(const Entry& entry) {
  db::RunRecord run;
  {
    const std::scoped_lock lock(mutex);
    run = entry->run;
  }
  move(run, load::RunEvent::Restarted);
  run.error.reset();
  run.started_at = run.finished_at = {};
  {
    const std::scoped_lock files(entry->files_mutex);
    (void)entry->state->update(run);
  }
  {
    const std::scoped_lock lock(mutex);
    entry->run = run;
    std::erase(unsettled, entry);
    line.push({run.id, run.principal, {run.space, run.table}});
  }
  changed.notify_one();
}

RunQueue::RunQueue(db::Database& database, store::Store& store, const load::Catalog& catalog,
                   const Clock& clock, Settings settings, Observer observer, NotKept not_kept)
    : state_(new State{.database = database,
                       .store = store,
                       .clock = clock,
                       .settings = std::move(settings),
                       .observer = std::move(observer),
                       .not_kept = std::move(not_kept),
                       .catalog = {std::shared_ptr<void>(), &catalog}}) {}

RunQueue::~RunQueue() {
  stop();
}

void RunQueue::use(std::shared_ptr<const load::Catalog> catalog, std::size_t queue_limit) {
  const std::scoped_lock lock(state_->mutex);
  state_->catalog.swap(catalog);
  state_->settings.queue_limit = queue_limit;
}

void RunQueue::start() {
  state_->look_for_orphans();
  const unsigned count = std::max(1u, std::min(state_->settings.loads_at_once, state_->database.writers()));
  for (unsigned i = 0; i < count; ++i)
    state_->workers.emplace_back([state = state_.get()] { state->work(); });
  state_->keeper = std::jthread([state = state_.get()] { state->keep_files(); });
  state_->settler = std::jthread([state = state_.get()] { state->settle_again(); });
}

void RunQueue::stop() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    for (const auto& [id, entry] : state_->board.all()) entry->stop.request_stop();
  }
  state_->changed.notify_all();
  state_->more_to_keep.notify_all();
  state_->more_to_settle.notify_all();
  state_->workers.clear();  // joins them
  if (state_->keeper.joinable()) state_->keeper.join();
  if (state_->settler.joinable()) state_->settler.join();
  std::vector<std::function<void()>> on_end;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopped = true;
    for (const auto& [id, entry] : state_->board.all()) {
      for (std::function<void()>& call : take_waiting(*entry)) on_end.push_back(std::move(call));
    }
  }
  for (const std::function<void()>& call : on_end) call();
}

void RunQueue::interrupt() {
  const std::scoped_lock lock(state_->mutex);
  for (const auto& [id, entry] : state_->board.all()) entry->stop.request_stop();
}

bool RunQueue::resumes() const {
  return state_->settings.resumes;
}

// ---- looking

RunView RunQueue::State::view_of(const RunEntry& entry) const {
  RunView view{.run = entry.run, .first_rejects = entry.rejects, .answered_by = entry.answered_by};
  if (entry.run.status != db::RunStatus::Running) return view;
  view.phase = entry.progress.phase;
  view.run.rows_read = entry.progress.rows_read;
  view.run.rows_rejected = entry.progress.rows_rejected;
  return view;
}

/// A run that this process does not know by heart.
RunView RunQueue::State::view_of(db::RunRecord run) const {
  RunView view{.run = std::move(run)};
  if (view.run.status == db::RunStatus::Failed && view.run.rows_rejected > 0)
    view.first_rejects = load::first_rejects(store, view.run, kFirstRejects);
  return view;
}

void RunQueue::when_done(const std::string& run_id, Wait wait, std::function<void()> done) {
  {
    const std::scoped_lock lock(state_->mutex);
    const Entry entry = state_->board.find(run_id);
    const bool is_known = entry && wait == Wait::ForNews && entry->run.status == db::RunStatus::Undecided;
    if (entry && !load::has_ended(entry->run.status) && !is_known && !state_->stopped) {
      (wait == Wait::ForNews ? entry->on_known : entry->on_end).push_back(std::move(done));
      return;
    }
  }
  done();
}

Result<RunView> RunQueue::find(std::string_view run_id) const {
  {
    const std::scoped_lock lock(state_->mutex);
    if (const Entry entry = state_->board.find(run_id)) return state_->view_of(*entry);
  }
  std::vector<db::RunRecord> of_others =
      unsettled_runs(load::in_flight(state_->settings.spool), state_->own_home());
  TRY_ASSIGN(std::vector<db::RunRecord> found,
             find_runs(state_->database.ledger(), std::move(of_others), run_id));
  const auto run = std::ranges::find(found, run_id, &db::RunRecord::id);
  if (run != found.end()) return state_->view_of(std::move(*run));
  return fail(Code::RunUnknown, fmt::format("there is no run \"{}\"", shown(run_id)),
              "GET /v1/runs lists the runs");
}

Result<std::vector<RunView>> RunQueue::list(const std::optional<db::TableName>& table,
                                            const std::optional<std::string>& before,
                                            std::size_t limit) const {
  // First what is in flight, then the ledger: a run that ends in between is in both, never in neither.
  std::vector<db::RunRecord> unsettled;
  std::vector<db::RunRecord> of_others =
      unsettled_runs(load::in_flight(state_->settings.spool), state_->own_home());
  std::map<std::string, RunView> views;
  {
    const std::scoped_lock lock(state_->mutex);
    for (const auto& [id, entry] : state_->board.all()) {
      unsettled.push_back(entry->run);
      views.emplace(id, state_->view_of(*entry));
    }
  }
  for (db::RunRecord& run : of_others)
    if (!views.contains(run.id)) unsettled.push_back(std::move(run));
  TRY_ASSIGN(std::vector<db::RunRecord> runs, list_runs(state_->database.ledger(), std::move(unsettled),
                                                        {.table = table, .before = before, .limit = limit}));
  std::vector<RunView> listed;
  for (db::RunRecord& run : runs) {
    const auto here = views.find(run.id);
    const bool same = here != views.end() && here->second.run.status == run.status;
    listed.push_back(same ? std::move(here->second) : RunView{.run = std::move(run)});
  }
  return listed;
}

Result<std::optional<RunView>> RunQueue::find_by_key(const db::Idempotency& key) const {
  {
    const std::scoped_lock lock(state_->mutex);
    if (const Entry entry = state_->board.find_by_key(key)) return std::optional(state_->view_of(*entry));
  }
  if (!key) return std::optional<RunView>{};
  TRY_ASSIGN(std::optional<db::RunRecord> run,
             state_->database.ledger().find_by_key(key, state_->keys_since()));
  if (!run) return std::optional<RunView>{};
  return std::optional(state_->view_of(*std::move(run)));
}

std::size_t RunQueue::waiting() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->line.size();
}

std::size_t RunQueue::running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->running;
}

std::size_t RunQueue::receiving() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->receiving;
}

std::size_t RunQueue::undecided() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<std::size_t>(std::ranges::count_if(
      state_->unsettled, [](const Entry& entry) { return entry->run.status == db::RunStatus::Undecided; }));
}

std::size_t RunQueue::unrecorded() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<std::size_t>(std::ranges::count_if(
      state_->unsettled, [](const Entry& entry) { return entry->run.status != db::RunStatus::Undecided; }));
}

}  // namespace rowgate::runs

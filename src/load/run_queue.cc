#include "load/run_queue.h"

#include "base/ids.h"
#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "load/kept_files.h"
#include "load/known_runs.h"
#include "load/loader.h"
#include "load/run_board.h"
#include "load/run_moves.h"
#include "load/waiting_line.h"

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

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;
using Entry = RunBoard::Entry;

constexpr std::size_t kFirstRejects = 20;
constexpr std::chrono::seconds kRecordAgain{1};

void move(db::RunRecord& run, RunEvent event) {
  const std::optional<db::RunStatus> to = next(run.status, event);
  if (to) run.status = *to;
}

/// Whether a repeated request gets this run again: a committed load, and a verdict on the file's content.
/// What failed for another reason may be tried again under the same key.
bool keeps_key(const db::RunRecord& run) {
  if (run.status == db::RunStatus::Succeeded || run.status == db::RunStatus::SucceededWithRejects)
    return true;
  if (run.status != db::RunStatus::Failed || !run.error) return false;
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

/// The run of an earlier request with the same key, seen from a new one: its id where it has ended and was
/// the same request.
Result<std::string> answer_to_repeat(const db::RunRecord& earlier, const db::Idempotency& key) {
  if (earlier.idempotency.fingerprint != key.fingerprint) return std::unexpected(key_reused());
  if (!has_ended(earlier.status) || earlier.status == db::RunStatus::Interrupted)
    return std::unexpected(key_in_progress(earlier.id));
  return earlier.id;
}

bool is_whole(const fs::path& spool, const KeptRun& kept) {
  if (!kept.options || kept.run.file_sha256.empty()) return false;
  std::error_code error;
  return fs::file_size(upload_path(spool, kept.run.id), error) == kept.run.file_bytes && !error;
}

}  // namespace

struct RunQueue::State {
  db::Database& database;
  store::Store& store;
  const Catalog& catalog;
  const Clock& clock;
  Settings settings;
  Observer observer;
  NotKept not_kept;
  RunStates states{settings.spool};

  mutable std::mutex mutex = {};  ///< guards what follows
  std::condition_variable changed = {}, more_to_keep = {};
  RunBoard board = {};
  WaitingLine line = {};
  std::set<db::TableName> busy = {};   ///< tables that are being loaded
  std::vector<Entry> unrecorded = {};  ///< ended, and the ledger could not be written yet
  std::deque<Entry> to_keep = {};      ///< ended; their files are yet to be sent to the store
  std::size_t submitting = 0;          ///< about to be put into the line
  std::size_t running = 0, receiving = 0;
  bool stopping = false, stopped = false;

  std::vector<std::jthread> workers = {};
  std::jthread keeper = {};

  // What workers do.
  void work();
  void work_on(const Entry& entry);
  db::RunRecord load(const Entry& entry, std::vector<RefusedRecord>& rejects);
  void end(const Entry& entry, db::RunRecord run, std::vector<RefusedRecord> rejects);
  bool record(db::RunRecord& run);
  void record_rest();
  void put_away(const Entry& entry, db::RunRecord& run);
  void put_away_later(const Entry& entry);
  void settle_files(RunEntry& entry);
  void keep_files();
  void tell(const db::RunRecord& run) const {
    if (observer) observer(run);
  }

  // What was left by another process.
  Result<void> take_up(Orphan orphan);
  void queue_again(const Entry& entry);
  void lose(const Entry& entry);

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

Result<Upload> RunQueue::receive(db::RunRecord run, std::uint64_t limit_bytes) {
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
  Result<RunState> state = state_->states.create({run});
  if (!state) {
    on_drop();
    return std::unexpected(std::move(state).error());
  }
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->state = *std::move(state);
  }
  Result<Upload> upload = Upload::create(
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
  move(load.run, RunEvent::BodyComplete);
  entry->run = load.run;
  entry->options = load.options;
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
  TRY_ASSIGN(entry->state, states.create({load.run, load.options}));
  return {};
}

Result<std::string> RunQueue::submit(NewLoad load) {
  TRY(check(load.options));
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
    const io::Descriptor fd(::open(flushed.c_str(), O_RDONLY | O_CLOEXEC));
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
      if (unrecorded.empty()) {
        changed.wait(lock);
        continue;
      }
      if (changed.wait_for(lock, kRecordAgain) == std::cv_status::no_timeout) continue;
      lock.unlock();
      record_rest();
      lock.lock();
      continue;
    }
    const Entry entry = board.find(turn->run_id);
    busy.insert(turn->table);
    ++running;
    move(entry->run, RunEvent::WorkerFree);
    entry->run.started_at = clock.now();
    lock.unlock();
    work_on(entry);
    record_rest();
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
  std::vector<RefusedRecord> rejects;
  db::RunRecord ended = load(entry, rejects);
  end(entry, std::move(ended), std::move(rejects));
}

/// The run as it ended.
db::RunRecord RunQueue::State::load(const Entry& entry, std::vector<RefusedRecord>& rejects) {
  db::RunRecord run;
  {
    const std::scoped_lock lock(mutex);
    run = entry->run;
  }
  const auto failed = [&](Error error) {
    move(run, RunEvent::Broke);
    run.finished_at = clock.now();
    run.error = std::move(error);
    if (run.error->file.empty()) run.error->file = run.file_name;
    return run;
  };
  // What another process received is believed when its hash says so.
  const std::optional<std::string> known = entry->taken_up ? std::nullopt : std::optional(run.file_sha256);
  Result<std::shared_ptr<io::SourceFile>> file =
      io::open_file(upload_path(settings.spool, run.id), run.file_name, known);
  if (!file) return failed(std::move(file).error());
  if (entry->taken_up && (*file)->sha256().value_or("") != run.file_sha256)
    return failed({Code::RunInterrupted, "the received file was damaged when the server stopped",
                   "send the file again"});
  const io::UnpackLimits unpack{.max_bytes = catalog.limits.max_unpacked_bytes,
                                .max_ratio = catalog.limits.max_ratio};
  const Result<LoadRequest> request =
      make_request(catalog, {run.space, run.table}, entry->options, *std::move(file), unpack);
  if (!request) return failed(request.error());
  std::size_t problems = 0;
  const RejectObserver observe = [&](std::size_t, const RefusedRecord& record) {
    if (problems >= kFirstRejects) return;
    RefusedRecord& kept = rejects.emplace_back(record);
    kept.raw.clear();
    if (kept.problems.size() > kFirstRejects - problems) kept.problems.resize(kFirstRejects - problems);
    problems += kept.problems.size();
  };
  Loader loader(database, store, clock, {.spool = settings.spool, .check_threads = settings.check_threads});
  return loader.run(std::move(run), *request, entry->progress, observe, entry->stop.get_token()).run;
}

/// False when the ledger does not have the run's end yet.
bool RunQueue::State::record(db::RunRecord& run) {
  const bool committed = !run.error && !run.dry_run;
  if (committed) return true;
  if (run.error && database_is_away(*run.error)) return false;
  Result<void> recorded = database.ledger().record(run);
  if (!recorded && recorded.error().code == Code::RunIdempotencyInProgress) {
    run.idempotency.key.clear();  // another server's run has it
    recorded = database.ledger().record(run);
  }
  return recorded.has_value();
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
  const Result<void> kept = settings.keep_sources ? store.adopt(source_key(run.id), file) : Result<void>{};
  if (!settings.keep_sources || !kept) ::unlink(file.c_str());
  {
    const std::scoped_lock files(entry->files_mutex);
    entry->upload.clear();
  }
  if (kept) return;
  run.warnings.push_back(
      {kept.error().code, fmt::format("the file as it was received is not kept: {}", kept.error().message)});
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
      (void)database.ledger().record(run);
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

void RunQueue::State::end(const Entry& entry, db::RunRecord run, std::vector<RefusedRecord> rejects) {
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
    if (!keeps_key(run)) run.idempotency.key.clear();
    recorded = record(run);
  }
  const bool later = !goes_on && settings.keep_sources && settings.resumes && store.is_remote();
  if (!goes_on && !later) {
    const std::size_t warnings = run.warnings.size();
    put_away(entry, run);
    if (run.warnings.size() > warnings && recorded) (void)database.ledger().record(run);
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
    on_end = std::exchange(entry->on_end, {});
    if (recorded)
      board.note_end(entry);
    else if (!goes_on)
      unrecorded.push_back(entry);
  }
  tell(run);
  for (const std::function<void()>& call : on_end) call();
  if (later) put_away_later(entry);
}

/// Tries again what the ledger could not take.
void RunQueue::State::record_rest() {
  std::vector<Entry> rest;
  {
    const std::scoped_lock lock(mutex);
    rest = std::exchange(unrecorded, {});
  }
  bool can_write = true;
  for (const Entry& entry : rest) {
    db::RunRecord run;
    {
      const std::scoped_lock lock(mutex);
      run = entry->run;
    }
    const bool recorded = can_write && database.ledger().record(run).has_value();
    can_write = recorded;
    if (recorded) {
      const std::scoped_lock files(entry->files_mutex);
      entry->is_recorded = true;
      settle_files(*entry);
    }
    const std::scoped_lock lock(mutex);
    if (recorded)
      board.note_end(entry);
    else
      unrecorded.push_back(entry);
  }
}

// ---- starting and stopping

/// Decides on what another process left: done, ended, to be loaded again, or lost.
Result<void> RunQueue::State::take_up(Orphan orphan) {
  const auto entry = std::make_shared<RunEntry>();
  entry->run = orphan.kept.run;
  entry->taken_up = true;
  if (orphan.kept.options) entry->options = *orphan.kept.options;
  entry->state = std::move(orphan.state);
  std::error_code ignored;
  const fs::path upload = upload_path(settings.spool, entry->run.id);
  if (fs::exists(upload, ignored)) entry->upload = upload;
  TRY_ASSIGN(const std::vector<db::RunRecord> known, database.ledger().find(entry->run.id));
  if (!known.empty()) {  // committed; its owner died before it could put things away
    entry->run = known.front();
    entry->is_recorded = true;
    if (settings.keep_sources && store.is_remote() && !entry->upload.empty()) {
      put_away_later(entry);
      return {};
    }
    put_away(entry, entry->run);
    settle_files(*entry);
    return {};
  }
  if (is_whole(settings.spool, orphan.kept) &&
      (!has_ended(entry->run.status) || entry->run.status == db::RunStatus::Interrupted))
    queue_again(entry);
  else
    lose(entry);
  return {};
}

void RunQueue::State::queue_again(const Entry& entry) {
  db::RunRecord& run = entry->run;
  move(run, RunEvent::Restarted);
  run.error.reset();
  run.started_at = run.finished_at = {};
  (void)entry->state->update(run);
  const std::scoped_lock lock(mutex);
  board.add(entry);
  board.claim_key(entry);
  line.push({run.id, run.principal, {run.space, run.table}});
}

/// A run that ended and is not in the ledger yet, or one whose bytes are not whole.
void RunQueue::State::lose(const Entry& entry) {
  if (!has_ended(entry->run.status) || entry->run.status == db::RunStatus::Interrupted) {
    move(entry->run, RunEvent::BytesLost);
    end_interrupted(entry->run, clock);
    ::unlink(entry->upload.c_str());
    entry->upload.clear();
  } else {
    put_away(entry, entry->run);
  }
  if (database.ledger().record(entry->run)) {
    entry->is_recorded = true;
    settle_files(*entry);
    return;
  }
  (void)entry->state->update(entry->run);
  const std::scoped_lock lock(mutex);
  board.add(entry);
  unrecorded.push_back(entry);
}

RunQueue::RunQueue(db::Database& database, store::Store& store, const Catalog& catalog, const Clock& clock,
                   Settings settings, Observer observer, NotKept not_kept)
    : state_(new State{.database = database,
                       .store = store,
                       .catalog = catalog,
                       .clock = clock,
                       .settings = std::move(settings),
                       .observer = std::move(observer),
                       .not_kept = std::move(not_kept)}) {}

RunQueue::~RunQueue() {
  stop();
}

Result<void> RunQueue::start() {
  for (Orphan& orphan : take_orphans(state_->settings.spool)) TRY(state_->take_up(std::move(orphan)));
  const unsigned count = std::max(1u, std::min(state_->settings.loads_at_once, state_->database.writers()));
  for (unsigned i = 0; i < count; ++i)
    state_->workers.emplace_back([state = state_.get()] { state->work(); });
  state_->keeper = std::jthread([state = state_.get()] { state->keep_files(); });
  return {};
}

void RunQueue::stop() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    for (const auto& [id, entry] : state_->board.all()) entry->stop.request_stop();
  }
  state_->changed.notify_all();
  state_->more_to_keep.notify_all();
  state_->workers.clear();  // joins them
  if (state_->keeper.joinable()) state_->keeper.join();
  std::vector<std::function<void()>> on_end;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopped = true;
    for (const auto& [id, entry] : state_->board.all()) {
      for (std::function<void()>& call : std::exchange(entry->on_end, {})) on_end.push_back(std::move(call));
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
  RunView view{.run = entry.run, .first_rejects = entry.rejects};
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
    view.first_rejects = first_rejects(store, view.run, kFirstRejects);
  return view;
}

void RunQueue::when_done(const std::string& run_id, std::function<void()> done) {
  {
    const std::scoped_lock lock(state_->mutex);
    const Entry entry = state_->board.find(run_id);
    if (entry && !has_ended(entry->run.status) && !state_->stopped) {
      entry->on_end.push_back(std::move(done));
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
  TRY_ASSIGN(std::vector<db::RunRecord> found,
             find_runs(state_->database.ledger(), state_->settings.spool, run_id));
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
  std::vector<db::RunRecord> of_others = unsettled_runs(state_->settings.spool);
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

}  // namespace rowgate::load

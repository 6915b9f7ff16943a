#include "load/run_state.h"

#include "io/digest.h"
#include "io/files.h"
#include "load/options_json.h"
#include "load/run_end.h"
#include "load/run_moves.h"
#include "load/upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnnamed = ".new";  ///< a file that is not, or no longer, of a run
constexpr std::size_t kMostSpare = 16;

fs::path runs_folder(const fs::path& spool) {
  return spool / "runs";
}

std::string line_of(const db::RunRecord& run, const std::string& options, const Home& home) {
  std::string line = db::to_state_json(run);
  line.pop_back();
  if (!options.empty()) line += ",\"options\":" + options;
  if (!home.place.empty()) line += ",\"home\":" + to_json(home);
  return line + "}\n";
}

Result<std::string> read_whole(int fd, const fs::path& path) {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return std::unexpected(io::storage_error(errno, "cannot read", path));
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  text.resize(text.rfind('\n') + 1);  // what follows the last line end is torn
  return text;
}

/// The last line of a state file's text; nullopt where there is none, or it is damaged, or is of another run:
/// then the file was used again after it was opened by this name.
std::optional<KeptRun> last_of(std::string_view text, const fs::path& path) {
  if (text.empty()) return std::nullopt;
  text.remove_suffix(1);
  const std::string_view line = text.substr(text.rfind('\n') + 1);
  Result<db::RunRecord> run = db::run_from_state_json(line);
  if (!run || run->id != path.stem()) return std::nullopt;
  return KeptRun{*std::move(run), options_of_state(line), home_of_state(line)};
}

/// A lock of the open file, not of the process, which a reader can ask about without taking it
/// (fcntl(2), "Open file description locks").
struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}
bool take_lock(int fd) {
  struct flock lock = whole_file(F_WRLCK);
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}
bool is_locked(int fd) {
  struct flock lock = whole_file(F_WRLCK);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// False when its owner has ended it since it was opened.
bool has_name(int fd) {
  struct stat now{};
  return ::fstat(fd, &now) == 0 && now.st_nlink != 0;
}

io::Descriptor open_state(const fs::path& path) {
  return io::Descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_APPEND));
}

std::vector<fs::path> state_files(const fs::path& spool) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(runs_folder(spool), error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".json") files.push_back(it->path());
  std::ranges::sort(files, std::ranges::greater());  // ids sort by time
  return files;
}

bool is_older_than_a_minute(const fs::path& path) {
  std::error_code error;
  const fs::file_time_type written = fs::last_write_time(path, error);
  return !error && written < fs::file_time_type::clock::now() - std::chrono::minutes(1);
}

/// A process that died while it made a state file has left it under its first name. Nothing was loaded yet.
void remove_half_made(const fs::path& spool) {
  std::error_code error, ignored;
  for (fs::directory_iterator it(runs_folder(spool), error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == kUnnamed && is_older_than_a_minute(it->path()))
      fs::remove(it->path(), ignored);
}

/// A received file without a state file is nobody's: it is left where a disk would not let it be removed.
void remove_lost_uploads(const fs::path& spool) {
  std::error_code error, ignored;
  const fs::path folder = upload_path(spool, "run").parent_path();
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    const fs::path state = runs_folder(spool) / (path.stem().string() + ".json");
    if (path.extension() == ".part" && !fs::exists(state, ignored) && is_older_than_a_minute(path))
      fs::remove(path, ignored);
  }
}

/// What the ledger says of the run of a dead owner, or is told of it now.
Result<db::RunRecord> settled(db::RunRecord run, db::Database& database, const Clock& clock) {
  TRY_ASSIGN(const std::vector<db::RunRecord> known, database.ledger().find(run.id));
  if (!known.empty()) return known.front();

  if (!has_ended(run.status) && run.status != db::RunStatus::Undecided) end_interrupted(run, clock);
  TRY(record_end(database.ledger(), run));
  return run;
}

void flush_folder(const fs::path& folder) {
  if (const io::Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); fd)
    ::fsync(fd.get());
}

}  // namespace

Result<RunState> RunState::create(const fs::path& spool, const KeptRun& kept) {
  const fs::path folder = runs_folder(spool);
  TRY(io::make_folders(folder));
  const fs::path made = folder / (kept.run.id + kUnnamed);
  io::Descriptor fd(
      ::open(made.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_APPEND, 0600));
  if (!fd) return std::unexpected(io::storage_error(errno, "cannot make", made));
  RunState state(made, std::move(fd));
  Result<void> begun;
  if (!take_lock(state.fd_.get())) begun = std::unexpected(io::storage_error(errno, "cannot lock", made));
  if (begun) begun = state.begin(kept);
  if (!begun) {
    state.remove();
    return std::unexpected(std::move(begun).error());
  }
  return state;
}

/// It gets its name when it is locked and whole: a file that others can see without either would be taken for
/// one whose owner died.
Result<void> RunState::begin(const KeptRun& kept) {
  home_ = kept.home;
  TRY(update(kept.run, kept.options ? &*kept.options : nullptr));
  fs::path path = path_.parent_path() / (kept.run.id + ".json");
  if (::rename(path_.c_str(), path.c_str()) != 0)
    return std::unexpected(io::storage_error(errno, "cannot make", path));
  path_ = std::move(path);
  return {};
}

Result<void> RunState::update(const db::RunRecord& run, const LoadOptions* options) {
  if (options != nullptr) options_ = to_json(*options);
  return io::write_fully(fd_.get(), line_of(run, options_, home_), path_);
}

Result<void> RunState::flush() const {
  if (::fsync(fd_.get()) != 0) return std::unexpected(io::storage_error(errno, "cannot flush", path_));
  flush_folder(path_.parent_path());
  return {};
}

void RunState::remove() {
  ::unlink(path_.c_str());
}

RunStates::~RunStates() {
  for (RunState& state : spare_) state.remove();
}

Result<RunState> RunStates::create(const KeptRun& kept) {
  std::optional<RunState> spare;
  {
    const std::scoped_lock lock(mutex_);
    if (!spare_.empty()) {
      spare = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (!spare) return RunState::create(spool_, kept);
  if (spare->begin(kept)) return *std::move(spare);
  spare->remove();  // somebody has tidied up there, or the disk is full
  return RunState::create(spool_, kept);
}

void RunStates::put_away(RunState state) {
  fs::path path = state.path_;
  path.replace_extension(kUnnamed);
  state.options_.clear();
  const std::scoped_lock lock(mutex_);
  if (spare_.size() == kMostSpare || ::ftruncate(state.fd_.get(), 0) != 0 ||
      ::rename(state.path_.c_str(), path.c_str()) != 0) {
    state.remove();
    return;
  }
  state.path_ = std::move(path);
  spare_.push_back(std::move(state));
}

std::vector<InFlight> in_flight(const fs::path& spool) {
  std::vector<InFlight> found;
  for (const fs::path& path : state_files(spool)) {
    const io::Descriptor fd = open_state(path);
    if (!fd) continue;
    const bool owner_alive = is_locked(fd.get());
    if (!owner_alive && !has_name(fd.get())) continue;
    const Result<std::string> text = read_whole(fd.get(), path);
    if (!text) continue;
    if (std::optional<KeptRun> kept = last_of(*text, path))
      found.push_back({std::move(kept->run), owner_alive, std::move(kept->home)});
  }
  return found;
}

void visit_orphans(const fs::path& spool, const std::function<bool(const KeptRun&)>& wanted,
                   const std::function<void(Orphan)>& visit) {
  remove_half_made(spool);
  remove_lost_uploads(spool);
  std::vector<fs::path> files = state_files(spool);
  std::ranges::reverse(files);

  for (const fs::path& path : files) {
    io::Descriptor fd = open_state(path);
    if (!fd || is_locked(fd.get())) continue;
    Result<std::string> text = read_whole(fd.get(), path);
    std::optional<KeptRun> kept = text ? last_of(*text, path) : std::nullopt;
    if (kept && !wanted(*kept)) continue;

    // What was read before the lock was taken may be out of date.
    if (!take_lock(fd.get()) || !has_name(fd.get())) continue;
    text = read_whole(fd.get(), path);
    if (!text) continue;
    kept = last_of(*text, path);
    if (!kept) {
      ::unlink(path.c_str());
      continue;
    }
    if (!wanted(*kept)) continue;

    // A torn end must not run into the next line.
    if (::ftruncate(fd.get(), static_cast<off_t>(text->size())) != 0) continue;
    RunState state(path, std::move(fd));
    if (kept->options) state.options_ = to_json(*kept->options);
    state.home_ = kept->home;
    visit({*std::move(kept), std::move(state)});
  }
}

void recover(const fs::path& spool, db::Database& database, const Clock& clock) {
  std::optional<Home> here;  // asked for only where something was left
  const auto wanted = [&](const KeptRun& kept) {
    if (kept.options) return false;
    if (!here) here = home_of(database);
    return belongs(kept.home, *here);
  };
  bool is_away = false;
  const auto visit = [&](Orphan orphan) {
    if (is_away) return;
    const Result<db::RunRecord> end = settled(orphan.kept.run, database, clock);
    is_away = !end && end.error().code == Code::DatabaseUnreachable;
    if (!end) return;
    ::unlink(upload_path(spool, orphan.kept.run.id).c_str());
    orphan.state.remove();
  };
  visit_orphans(spool, wanted, visit);
}

Result<db::RunRecord> settle_by_hand(const fs::path& spool, const std::string& run_id, db::Database& database,
                                     const Clock& clock, bool give_up) {
  std::optional<Result<db::RunRecord>> end;
  const auto visit = [&](Orphan orphan) {
    db::RunRecord run = orphan.kept.run;
    const bool is_servers = orphan.kept.options.has_value();
    if (is_servers && !give_up && run.status != db::RunStatus::Undecided) {
      end = fail(Code::RunUnknown, fmt::format("{} is a load that a server has received", run.id),
                 "it goes on when the server starts again; --failed ends it");
      return;
    }
    end = settled(run, database, clock);
    if (!*end && !give_up) {
      end = std::unexpected(db::undecided(run, end->error()));
      return;
    }
    if (!*end)
      end = db::as_failed(run, {Code::RunUndecided, "given up by hand; whether it was loaded is not known"});
    if (is_servers && (!give_up || db::has_loaded(**end))) return;  // the server keeps its file
    ::unlink(upload_path(spool, run.id).c_str());
    orphan.state.remove();
  };
  // A database that is gone for good is replaced by another: giving up is possible anywhere.
  const Home here = home_of(database);
  const auto wanted = [&](const KeptRun& kept) {
    return kept.run.id == run_id && (give_up || belongs(kept.home, here));
  };
  visit_orphans(spool, wanted, visit);
  if (end) return *std::move(end);

  for (const InFlight& flying : in_flight(spool)) {
    if (flying.run.id != run_id) continue;
    if (!flying.owner_alive && !belongs(flying.home, here))
      return fail(Code::RunUnknown, fmt::format("{} was begun for another database", run_id),
                  "settle it with the configuration of that database");
    return fail(Code::TableBusy, fmt::format("another process works on {}", run_id),
                "it settles the run as soon as the database answers; or stop that process first");
  }
  return fail(Code::RunUnknown, fmt::format("no run {} waits to be settled", run_id),
              "look at it: rowgate runs show RUN");
}

Home known_home(const db::Database& database) {
  return {.place = io::sha256_hex(database.place())};
}

Home home_of(db::Database& database) {
  Home home = known_home(database);
  if (const Result<std::string> identity = database.identity()) home.database = *identity;
  return home;
}

bool belongs(const Home& begun, const Home& here) {
  if (begun.place.empty()) return true;
  if (!begun.storage.empty() && !here.storage.empty() && begun.storage != here.storage) return false;
  if (!begun.database.empty() && !here.database.empty()) return begun.database == here.database;
  return begun.place == here.place;
}

}  // namespace rowgate::load

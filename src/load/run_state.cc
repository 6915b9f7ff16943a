#include "load/run_state.h"

#include "io/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;

fs::path runs_folder(const fs::path& spool) {
  return spool / "runs";
}

Result<void> write_whole(int fd, const fs::path& path, std::string_view text) {
  if (::ftruncate(fd, 0) != 0) return std::unexpected(io::storage_error(errno, "cannot write", path));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::pwrite(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return std::unexpected(io::storage_error(errno, "cannot write", path));
    done += static_cast<std::size_t>(wrote);
  }
  return {};
}

std::string read_whole(int fd) {
  std::string text(1 << 20, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// A state file opened by somebody who is not (yet) its owner.
struct Opened {
  int fd = -1;
  bool locked = false;  ///< we hold the lock: its owner is dead
  explicit Opened(const fs::path& path) : fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)) {
    locked = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (fd >= 0) ::close(fd);
  }
};

std::vector<fs::path> state_files(const fs::path& spool) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(runs_folder(spool), error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".json") files.push_back(it->path());
  std::ranges::sort(files, std::ranges::greater());  // ids sort by time
  return files;
}

/// False when the database could not be written.
bool settle(const fs::path& path, db::RunRecord run, db::Database& database, const Clock& clock) {
  const Result<std::vector<db::RunRecord>> known = database.ledger().find(run.id);
  if (!known) return false;
  if (known->empty()) {
    if (run.status == db::RunStatus::Running) {
      run.status = db::RunStatus::Interrupted;
      run.finished_at = clock.now();
      run.error = Error{Code::RunInterrupted, "the process ended before the load was committed",
                        "load the file again"};
    }
    if (!database.ledger().record(run)) return false;
  }
  ::unlink(path.c_str());
  return true;
}

}  // namespace

RunState::RunState(fs::path path, int fd) : path_(std::move(path)), fd_(fd) {}
RunState::RunState(RunState&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
RunState& RunState::operator=(RunState&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}
RunState::~RunState() {
  if (fd_ >= 0) ::close(fd_);
}

Result<RunState> RunState::create(const fs::path& spool, const db::RunRecord& run) {
  const fs::path folder = runs_folder(spool);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return std::unexpected(io::storage_error(error.value(), "cannot make the folder", folder));
  const fs::path path = folder / (run.id + ".json");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(io::storage_error(errno, "cannot make", path));
  RunState state(path, fd);
  ::flock(fd, LOCK_EX | LOCK_NB);
  if (Result<void> written = state.update(run); !written) {
    state.remove();
    return std::unexpected(std::move(written).error());
  }
  return state;
}

Result<void> RunState::update(const db::RunRecord& run) {
  TRY(write_whole(fd_, path_, db::to_state_json(run)));
  ::fsync(fd_);
  return {};
}

void RunState::remove() {
  ::unlink(path_.c_str());
}

std::vector<InFlight> in_flight(const fs::path& spool) {
  std::vector<InFlight> found;
  for (const fs::path& path : state_files(spool)) {
    const Opened file(path);
    if (file.fd < 0) continue;
    Result<db::RunRecord> run = db::run_from_state_json(read_whole(file.fd));
    if (run) found.push_back({*std::move(run), !file.locked});
  }
  return found;
}

void recover(const fs::path& spool, db::Database& database, const Clock& clock) {
  for (const fs::path& path : state_files(spool)) {
    const Opened file(path);
    if (!file.locked) continue;
    Result<db::RunRecord> run = db::run_from_state_json(read_whole(file.fd));
    if (!run)
      ::unlink(path.c_str());  // torn: its owner died while making it, before anything was loaded
    else if (!settle(path, *std::move(run), database, clock))
      return;
  }
}

}  // namespace rowgate::load

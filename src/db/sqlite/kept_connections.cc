#include "db/sqlite/kept_connections.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rowgate::db::sqlite {
namespace {

constexpr std::size_t kMostReaders = 4;
/// A writer that has used more gives its page cache back.
constexpr int kCacheBytesKept = 4 << 20;

/// Whether the next user would find it as good as a new one.
bool is_as_new(const Connection& connection, Access access) {
  sqlite3* const handle = connection.get();
  // An immutable one never sees what is written after it was opened.
  const bool is_immutable = sqlite3_uri_boolean(sqlite3_db_filename(handle, "main"), "immutable", 0) != 0;
  if (is_immutable || sqlite3_get_autocommit(handle) == 0 || sqlite3_next_stmt(handle, nullptr) != nullptr ||
      sqlite3_errcode(handle) != SQLITE_OK)
    return false;
  if (access == Access::Read) return true;
  const Result<std::optional<std::string>> temporary =
      connection.first_text("SELECT name FROM temp.sqlite_schema LIMIT 1");
  return temporary && !*temporary && sqlite3_db_readonly(handle, "main") == 0;
}

void shrink(const Connection& connection) {
  int used = 0, unused = 0;
  sqlite3_db_status(connection.get(), SQLITE_DBSTATUS_CACHE_USED, &used, &unused, 0);
  if (used > kCacheBytesKept) sqlite3_db_release_memory(connection.get());
}

}  // namespace

KeptConnections::Lease::Lease(KeptConnections& owner, Access access, File file, Connection connection)
    : owner_(&owner), access_(access), file_(file), connection_(std::move(connection)) {}

KeptConnections::Lease::~Lease() {
  const bool is_for_one_use = access_ == Access::DryRun || access_ == Access::Scratch;
  if (connection_.get() != nullptr && !is_for_one_use && is_as_new(connection_, access_))
    owner_->give_back(*this);
}

bool KeptConnections::exists() const {
  std::error_code error;
  return std::filesystem::exists(path_, error) && !std::filesystem::is_empty(path_, error);
}

/// The one that is there now.
KeptConnections::File KeptConnections::file() const {
  struct stat about{};
  return ::stat(path_.c_str(), &about) == 0 ? File{about.st_dev, about.st_ino} : File{};
}

std::optional<KeptConnections::Lease> KeptConnections::take_idle(Access access, File now) {
  std::vector<Idle> outdated;  // closed when the lock is free again
  const std::scoped_lock lock(mutex_);
  std::vector<Idle>& idle = access == Access::Read ? readers_ : writers_;
  while (!idle.empty()) {
    Idle taken = std::move(idle.back());
    idle.pop_back();
    if (taken.file == now) return Lease(*this, access, taken.file, std::move(taken.connection));
    outdated.push_back(std::move(taken));
  }
  return std::nullopt;
}

Result<KeptConnections::Lease> KeptConnections::reader() {
  const File now = file();
  if (std::optional<Lease> kept = take_idle(Access::Read, now)) return *std::move(kept);
  TRY_ASSIGN(Connection connection, Connection::open(path_, Access::Read, lock_wait_));
  TRY(connection.run("PRAGMA cache_size=-2048"));  // several of them lie idle
  return Lease(*this, Access::Read, now, std::move(connection));
}

Result<KeptConnections::Lease> KeptConnections::writer(std::chrono::milliseconds lock_wait) {
  // A new connection tells what became of the permissions; an old one would write on all the same.
  const bool may_write = ::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) == 0;
  if (std::optional<Lease> kept = take_idle(Access::Write, may_write ? file() : File{})) {
    sqlite3_busy_timeout((*kept)->get(), static_cast<int>(lock_wait.count()));
    return *std::move(kept);
  }
  TRY_ASSIGN(Connection connection, Connection::open(path_, Access::Write, lock_wait));
  return Lease(*this, Access::Write, file(), std::move(connection));
}

Result<KeptConnections::Lease> KeptConnections::dry_run(std::chrono::milliseconds lock_wait) {
  const Access access = exists() ? Access::DryRun : Access::Scratch;
  TRY_ASSIGN(Connection connection, Connection::open(path_, access, lock_wait));
  return Lease(*this, access, {}, std::move(connection));
}

void KeptConnections::give_back(Lease& lease) {
  shrink(lease.connection_);
  const std::scoped_lock lock(mutex_);
  std::vector<Idle>& idle = lease.access_ == Access::Read ? readers_ : writers_;
  if (idle.size() < (lease.access_ == Access::Read ? kMostReaders : 1))
    idle.push_back({lease.file_, std::move(lease.connection_)});
}

}  // namespace rowgate::db::sqlite

#include "db/sqlite/connection.h"

#include "base/text.h"
#include "io/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace rowgate::db::sqlite {
namespace {

/// A system error that means that there is no room, as opposed to SQLite's many other I/O errors.
bool is_full(int status, int system_errno) {
  if ((status & 0xff) == SQLITE_FULL) return true;
  return (status & 0xff) == SQLITE_IOERR &&
         (system_errno == ENOSPC || system_errno == EFBIG || system_errno == EDQUOT);
}

/// Why the system refused the last call. Of a write to the log that failed only the log's own file knows it.
int system_error_of(sqlite3* handle) {
  if (const int known = sqlite3_system_errno(handle); known != 0) return known;
  sqlite3_file* log = nullptr;
  int last = 0;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log != nullptr && log->pMethods != nullptr)
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &last);
  return last;
}

bool is_read_only(int system_errno) {
  return system_errno == EACCES || system_errno == EROFS || system_errno == EPERM;
}

Error open_error(int status, const std::filesystem::path& path, std::string_view message, int system_errno) {
  const std::string where = shown(path.string(), 400);
  if (system_errno == EMFILE || system_errno == ENFILE)
    return {Code::StorageFull, fmt::format("too many files are open to open the database '{}'", where),
            "raise the limit of open files (ulimit -n, LimitNOFILE)"};
  switch (status & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {Code::DatabaseUnreachable,
              fmt::format("'{}' is not a SQLite database, or it is damaged", where),
              "check database.url; nothing was changed"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Code::DatabaseReadOnly, fmt::format("the database '{}' cannot be written", where),
              "check the permissions of the file and of its folder"};
    case SQLITE_CANTOPEN:
      if (is_read_only(system_errno))
        return {Code::DatabaseReadOnly, fmt::format("the database '{}' cannot be written", where),
                "check the permissions of the file and of its folder"};
      break;
    default:
      break;
  }
  return {Code::DatabaseUnreachable, fmt::format("the database '{}' cannot be opened: {}", where, message),
          "check database.url"};
}

std::string uri_of(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || c == '/' || c == '.' || c == '_' || c == '-';
    if (plain)
      uri += c;
    else
      fmt::format_to(std::back_inserter(uri), "%{:02x}", byte);
  }
  return uri;
}

/// A WAL database can be read in a folder that cannot be written only as one that does not change
/// (https://sqlite.org/wal.html#read_only_databases). Without a WAL file beside it that is so.
bool may_be_immutable(const std::filesystem::path& path) {
  std::error_code error;
  return !std::filesystem::exists(path.string() + "-wal", error);
}

/// SQLite's own memory statistics cost a lock for each allocation and nobody reads them. Must come before any
/// connection.
void initialize() {
  static const int done = [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return sqlite3_initialize();
  }();
  (void)done;
}

/// Where the folder is missing SQLite takes another one.
void make_scratch() {
  if (sqlite3_temp_directory != nullptr) (void)io::make_folders(sqlite3_temp_directory);
}

/// A new database is for its owner alone, as the rejects beside it are; SQLite gives its log the same rights.
/// Where this does not work SQLite tells why.
void make_private(const std::filesystem::path& path) {
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) ::close(made);
}

/// Opens an existing file for reading and reads from it.
int open_to_read(const char* name, int more_flags, std::chrono::milliseconds lock_wait, sqlite3*& handle) {
  constexpr int kFlags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int status = sqlite3_open_v2(name, &handle, kFlags | more_flags, nullptr);
  if (status != SQLITE_OK) return status;
  // Another connection that is just the last one to close has the file for itself for a moment.
  sqlite3_busy_timeout(handle, static_cast<int>(lock_wait.count()));
  return sqlite3_exec(handle, "SELECT 1 FROM sqlite_schema", nullptr, nullptr, nullptr);
}

/// A process that was killed may have left a journal that must be rolled back before anybody reads
/// (https://sqlite.org/rescode.html#readonly_rollback); whoever may write does that by reading.
bool recover(const std::filesystem::path& path, std::chrono::milliseconds lock_wait) {
  sqlite3* handle = nullptr;
  const int status = open_to_read(path.c_str(), SQLITE_OPEN_READWRITE, lock_wait, handle);
  sqlite3_close_v2(handle);
  return status == SQLITE_OK;
}

}  // namespace

void use_scratch(const std::filesystem::path& folder) {
  static std::once_flag once;
  static std::string text;  // set once, since SQLite reads it without a lock
  std::call_once(once, [&] {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(folder, error);
    text = (error ? folder : absolute).string();
    sqlite3_temp_directory = text.data();
  });
}

std::string quote_name(std::string_view identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Result<Connection> Connection::open(const std::filesystem::path& path, Access access,
                                    std::chrono::milliseconds lock_wait) {
  constexpr int kCommon = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  initialize();
  if (access != Access::Read) make_scratch();
  sqlite3* handle = nullptr;
  int status = SQLITE_OK;
  if (access == Access::Scratch) {
    status = sqlite3_open_v2("", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | kCommon, nullptr);
  } else if (access == Access::DryRun) {
    status = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | kCommon, nullptr);
  } else if (access == Access::Write) {
    if (path.has_parent_path()) TRY(io::make_folders(path.parent_path()));
    make_private(path);
    status =
        sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | kCommon, nullptr);
  } else {
    status = open_to_read(path.c_str(), SQLITE_OPEN_READONLY, lock_wait, handle);
    if ((status & 0xff) == SQLITE_READONLY && recover(path, lock_wait)) {
      sqlite3_close_v2(handle);
      status = open_to_read(path.c_str(), SQLITE_OPEN_READONLY, lock_wait, handle);
    }
    if ((status & 0xff) == SQLITE_CANTOPEN && may_be_immutable(path)) {
      sqlite3_close_v2(handle);
      status = open_to_read((uri_of(path) + "?immutable=1").c_str(), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                            lock_wait, handle);
    }
  }
  Connection connection(handle, path);
  if (status != SQLITE_OK)
    return std::unexpected(open_error(status, path, sqlite3_errmsg(handle), sqlite3_system_errno(handle)));
  TRY(connection.set_up(access, lock_wait));
  return connection;
}

Result<void> Connection::set_up(Access access, std::chrono::milliseconds lock_wait) const {
  sqlite3_busy_timeout(handle_, static_cast<int>(lock_wait.count()));
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, access == Access::Read ? 1 : 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Else the name of a column that is not there would be taken for a text (https://sqlite.org/quirks.html).
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  std::string settings = "PRAGMA cache_size=-32768; PRAGMA temp_store=FILE;";
  if (access == Access::Read) settings += "PRAGMA query_only=ON;";
  // Foreign keys are judged by rowgate itself while it loads (see sink.h). With legacy_alter_table a rename
  // leaves the references of other tables alone, as a swap needs it
  // (https://sqlite.org/lang_altertable.html).
  if (access != Access::Read)
    settings += "PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; PRAGMA synchronous=NORMAL;";
  // A new database gets pages of 8 KiB: fewer to write and to split than with the default of 4 KiB.
  if (access == Access::Write) settings = "PRAGMA page_size=8192;" + settings + "PRAGMA journal_mode=WAL;";
  const int status = sqlite3_exec(handle_, settings.c_str(), nullptr, nullptr, nullptr);
  if (status == SQLITE_OK) return {};
  if ((status & 0xff) == SQLITE_BUSY || is_full(status, sqlite3_system_errno(handle_)))
    return std::unexpected(error(status, "opening the database"));
  return std::unexpected(open_error(status, path_, sqlite3_errmsg(handle_), sqlite3_system_errno(handle_)));
}

Error Connection::error(int status, std::string_view doing) const {
  const int system_errno = system_error_of(handle_);
  const std::string where = shown(path_.string(), 400);
  if (is_full(status, system_errno))
    return {Code::StorageFull, fmt::format("no room left for the database '{}'", where),
            "make room and load the file again; nothing of it was loaded"};
  switch (status & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::TableBusy, fmt::format("another process is writing to the database '{}'", where),
              "try again when it is done"};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return open_error(status, path_, sqlite3_errmsg(handle_), system_errno);
    case SQLITE_IOERR:
      if (is_read_only(system_errno)) return open_error(SQLITE_READONLY, path_, {}, system_errno);
      return {
          Code::DatabaseUnreachable,
          fmt::format("the database '{}' cannot be read or written: {}", where, std::strerror(system_errno)),
          "look at the disk, then try again; nothing was loaded"};
    default:
      return {Code::DatabaseRefused, fmt::format("SQLite refused {}: {}", doing, sqlite3_errmsg(handle_)),
              "look at the triggers and constraints of the table; if there are none of your own please "
              "report this"};
  }
}

Result<void> Connection::run(const std::string& sql) const {
  const int status = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return std::unexpected(error(status, shown(sql, 60)));
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int status = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (status != SQLITE_OK) return std::unexpected(error(status, shown(sql, 60)));
  return Statement(statement);
}

Result<bool> Connection::step(Statement& statement) const {
  const int status = sqlite3_step(statement.get());
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return std::unexpected(error(status, shown(sqlite3_sql(statement.get()), 60)));
}

Result<void> Connection::finish(Statement& statement) const {
  const Result<bool> stepped = step(statement);
  sqlite3_reset(statement.get());
  if (!stepped) return std::unexpected(stepped.error());
  return {};
}

Result<std::string> Connection::schema_version() const {
  TRY_ASSIGN(const std::optional<std::string> version, first_text("PRAGMA main.schema_version"));
  return version.value_or("");
}

Result<std::optional<std::string>> Connection::first_text(const std::string& sql) const {
  TRY_ASSIGN(Statement statement, prepare(sql));
  TRY_ASSIGN(const bool found, step(statement));
  if (!found || statement.is_null(0)) return std::optional<std::string>{};
  return std::optional<std::string>(statement.text(0));
}

}  // namespace rowgate::db::sqlite

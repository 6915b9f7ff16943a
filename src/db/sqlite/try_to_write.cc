#include "db/try_to_write.h"

#include "base/text.h"
#include "db/sqlite/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace rowgate::db {
namespace {

namespace fs = std::filesystem;

/// Whether a file could be made there, and the folders that it lacks.
Result<void> may_be_made(const fs::path& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path, error).parent_path();
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  return fail(Code::DatabaseReadOnly,
              fmt::format("the database '{}' cannot be made", shown(path.string(), 400)),
              "check the permissions of its folder");
}

}  // namespace

Result<void> try_to_write_sqlite(const fs::path& path, std::chrono::milliseconds lock_wait) {
  std::error_code error;
  if (!fs::exists(path, error)) return may_be_made(path);
  TRY_ASSIGN(const sqlite::Connection connection,
             sqlite::Connection::open(path, sqlite::Access::DryRun, lock_wait));
  // SQLite opens what it cannot write for reading, and then begins a transaction that only reads.
  if (sqlite3_db_readonly(connection.get(), "main") != 0)
    return fail(Code::DatabaseReadOnly,
                fmt::format("the database '{}' cannot be written", shown(path.string(), 400)),
                "check the permissions of the file and of its folder");
  TRY(connection.run("BEGIN IMMEDIATE"));
  return connection.run("ROLLBACK");
}

}  // namespace rowgate::db

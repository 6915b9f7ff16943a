#pragma once

// The one place that speaks to SQLite's C interface beside the bulk paths: connections and statements that
// close themselves and errors in rowgate's terms.

#include "base/clock.h"
#include "base/error.h"

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rowgate::db::sqlite {

/// A prepared statement. Must not outlive its connection. Not thread safe.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(handle_); }
  sqlite3_stmt* get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

  void bind(int index, std::string_view text) {
    sqlite3_bind_text64(handle_, index, text.data() == nullptr ? "" : text.data(), text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  void bind(int index, std::int64_t value) { sqlite3_bind_int64(handle_, index, value); }
  void bind(int index, std::uint64_t value) {
    sqlite3_bind_int64(handle_, index, static_cast<std::int64_t>(value));
  }
  void bind_null(int index) { sqlite3_bind_null(handle_, index); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  bool is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  /// Empty for NULL.
  std::string text(int column) const;
  /// Of RFC 3339 text; the epoch where there is none.
  Timestamp time(int column) const { return from_rfc3339(text(column)).value_or(Timestamp{}); }

 private:
  sqlite3_stmt* handle_ = nullptr;
};

/// What a connection is for.
enum class Access { Read, Write, DryRun, Scratch };

/// A connection of one thread.
class Connection {
 public:
  /// Read: an existing file, never changed. Write: made with its folders when missing, in WAL mode. DryRun:
  /// an existing file, for a transaction that is rolled back. Scratch: a private empty database that dies
  /// with the connection. Fails with database.unreachable, database.read_only, storage.*.
  static Result<Connection> open(const std::filesystem::path& path, Access access,
                                 std::chrono::milliseconds lock_wait);
  Connection(Connection&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)),
        path_(std::move(other.path_)),
        looked_over_(std::move(other.looked_over_)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() { sqlite3_close_v2(handle_); }

  sqlite3* get() const { return handle_; }
  /// Runs statements that give no rows.
  Result<void> run(const std::string& sql) const;
  Result<Statement> prepare(std::string_view sql) const;
  /// Steps: true with a row, false at the end.
  Result<bool> step(Statement& statement) const;
  /// Runs a statement that gives no rows, and makes it ready for the next time.
  Result<void> finish(Statement& statement) const;
  /// The first column of the first row; nullopt without rows.
  Result<std::optional<std::string>> first_text(const std::string& sql) const;
  /// The number of changes of the database's schema, by whomever (PRAGMA schema_version).
  Result<std::string> schema_version() const;
  /// The schema version at which rowgate's own tables were found to be as they must be; empty: none yet.
  const std::string& looked_over() const { return looked_over_; }
  void set_looked_over(std::string schema_version) const { looked_over_ = std::move(schema_version); }
  /// The error of the call that gave `status`. database.refused for whatever has no code of its own.
  Error error(int status, std::string_view doing) const;

 private:
  Connection(sqlite3* handle, std::filesystem::path path) : handle_(handle), path_(std::move(path)) {}
  Result<void> set_up(Access access, std::chrono::milliseconds lock_wait) const;

  sqlite3* handle_ = nullptr;
  std::filesystem::path path_;
  mutable std::string looked_over_ = {};  ///< known of the database, and no part of the connection's state
};

/// The folder of SQLite's temporary files, of the whole process; the first call counts. Before any
/// connection.
void use_scratch(const std::filesystem::path& folder);

/// A name as an SQL identifier: in double quotes, each quote in it doubled.
std::string quote_name(std::string_view identifier);

}  // namespace rowgate::db::sqlite

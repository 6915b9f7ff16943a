#pragma once

// A fresh database of each kind for one test. The servers are those that tools/servers.py started.

#include "db/engines/server_database.h"
#include "db/mysql/engine.h"
#include "db/postgresql/engine.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/database.h"
#include "db/testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace rowgate::db::testing {

enum class Kind : std::uint8_t { Sqlite, MySql, PostgreSql };
inline constexpr Kind kAllKinds[] = {Kind::Sqlite, Kind::MySql, Kind::PostgreSql};
inline constexpr Kind kServers[] = {Kind::MySql, Kind::PostgreSql};

inline std::string kind_name(const ::testing::TestParamInfo<Kind>& info) {
  constexpr const char* kNames[] = {"Sqlite", "MySql", "PostgreSql"};
  return kNames[static_cast<std::size_t>(info.param)];
}

/// A variable that tools/servers.py sets; a missing server is a failure.
inline std::string from_servers(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) ADD_FAILURE() << name << " is not set: run the tests under tools/servers.py run";
  return value == nullptr ? "" : value;
}

inline ServerAddress server_of(Kind kind) {
  Result<ServerAddress> address =
      read_server_address(from_servers(kind == Kind::MySql ? "TESTDB_MYSQL" : "TESTDB_POSTGRESQL"));
  if (!address) {
    ADD_FAILURE() << to_text(address.error());
    return {};
  }
  address->password = from_servers("TESTDB_PASSWORD");
  return *std::move(address);
}

class World {
 public:
  explicit World(Kind kind) : kind_(kind) {
    if (kind == Kind::Sqlite) return;
    static std::atomic<int> count = 0;
    space_ = fmt::format("hr_{}_{}", ::getpid(), ++count);
    address_ = server_of(kind);
    (void)on_server(fmt::format("CREATE {} {}", kind == Kind::MySql ? "DATABASE" : "SCHEMA", space_));
    (kind == Kind::MySql ? address_.database : address_.schema) = space_;
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    if (kind_ == Kind::MySql) (void)on_server("DROP DATABASE " + space_);
    if (kind_ == Kind::PostgreSql) (void)on_server(fmt::format("DROP SCHEMA {} CASCADE", space_));
  }

  Kind kind() const { return kind_; }
  bool is_sqlite() const { return kind_ == Kind::Sqlite; }
  const ServerAddress& address() const { return address_; }
  std::filesystem::path file() const { return folder_.path() / "data" / "rowgate.db"; }
  std::filesystem::path scratch() const { return folder_.path() / "spool"; }

  /// The database, each time as another program would open it.
  std::unique_ptr<Database> open(std::chrono::milliseconds lock_wait = std::chrono::milliseconds(50)) const {
    if (is_sqlite()) return sqlite_database(file(), lock_wait);
    return server_database(
        {.address = address_, .lock_wait = lock_wait, .first_retry = std::chrono::milliseconds(1)});
  }
  std::unique_ptr<Database> open_at(const ServerAddress& address) const {
    return server_database({.address = address,
                            .lock_wait = std::chrono::milliseconds(2000),
                            .first_retry = std::chrono::milliseconds(1)});
  }
  std::unique_ptr<server::Session> connect() const {
    const auto engine = kind_ == Kind::MySql ? mysql::make_engine(address_, std::chrono::seconds(10))
                                             : postgresql::make_engine(address_, std::chrono::seconds(10));
    Result<std::unique_ptr<server::Session>> session = engine->connect(server::Access::Write);
    if (!session) ADD_FAILURE() << to_text(session.error());
    return session ? *std::move(session) : nullptr;
  }
  /// A statement behind rowgate's back.
  void run(const std::string& sql) const {
    if (is_sqlite()) {
      const auto connection =
          sqlite::Connection::open(file(), sqlite::Access::Write, std::chrono::seconds(5));
      ASSERT_TRUE(connection);
      const auto done = connection->run(sql);
      ASSERT_TRUE(done) << to_text(done.error());
      return;
    }
    const auto done = on_server(sql);
    ASSERT_TRUE(done) << sql << "\n" << to_text(done.error());
  }
  /// "`a`" or so, for statements of the tests' own.
  std::string any(const char* sqlite, const char* mysql, const char* postgresql) const {
    return is_sqlite() ? sqlite : kind_ == Kind::MySql ? mysql : postgresql;
  }

 private:
  Result<void> on_server(const std::string& sql) const {
    const std::unique_ptr<server::Session> session = connect();
    if (!session) return fail(Code::DatabaseUnreachable, "no server");
    TRY(session->run(sql));
    return {};
  }

  Kind kind_;
  TempFolder folder_;
  std::string space_;
  ServerAddress address_;
};

}  // namespace rowgate::db::testing

#include "db/sqlite/database.h"

#include "base/text.h"
#include "base/units.h"
#include "db/sqlite/catalog.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/dialect.h"
#include "db/sqlite/kept_connections.h"
#include "db/sqlite/ledger.h"
#include "db/sqlite/link_ledger.h"
#include "db/sqlite/query.h"
#include "db/sqlite/table_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <mutex>

namespace rowgate::db {
namespace sqlite {
namespace {

/// A log of this size is folded back into the database file at once; smaller ones wait for SQLite's own
/// checkpoints.
constexpr std::uintmax_t kLargeLogBytes = 16 * kMiB;

Result<std::optional<RunRecord>> run_of_key(const Connection& connection, const Idempotency& key,
                                            Timestamp since) {
  if (!key) return std::optional<RunRecord>{};
  TRY_ASSIGN(std::vector<RunRecord> found,
             read_runs(connection,
                       "idempotency_key = ?1 AND idempotency_key <> '' AND key_principal = ?2 AND "
                       "key_method = ?3 AND key_path = ?4 AND created_at >= ?5",
                       {key.key, key.principal, key.method, key.path, to_rfc3339(since)}, 1));
  if (found.empty()) return std::optional<RunRecord>{};
  return std::optional<RunRecord>(std::move(found.front()));
}

/// Dropped without commit, the connection is closed and SQLite rolls back.
class SqliteTransaction : public Transaction {
 public:
  SqliteTransaction(KeptConnections::Lease connection, std::unique_lock<std::timed_mutex> turn,
                    std::filesystem::path log, bool dry_run)
      : turn_(std::move(turn)), lease_(std::move(connection)), log_(std::move(log)), dry_run_(dry_run) {}

  Result<void> begin() {
    TRY(connection_.run("BEGIN IMMEDIATE"));
    return make_own_tables(connection_);
  }

  Result<std::unique_ptr<Sink>> open_sink(const LoadTarget& target) override {
    return make_sink(connection_, target);
  }

  Result<std::uint64_t> table_version(const TableName& table) override {
    return version_of(connection_, table.name);
  }

  Result<void> begin_part() override {
    if (has_part_) TRY(connection_.run("RELEASE rg_part"));
    has_part_ = true;
    return connection_.run("SAVEPOINT rg_part");
  }

  Result<void> undo_part() override { return connection_.run("ROLLBACK TO rg_part"); }

  Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) override {
    return run_of_key(connection_, key, since);
  }

  Result<void> commit(std::span<const RunRecord> records) override {
    if (dry_run_) return fail(Code::InternalError, "a dry run cannot be committed");
    for (const RunRecord& record : records) {
      TRY_ASSIGN(const bool is_new, insert_run(connection_, record));
      if (!is_new) return std::unexpected(run_is_there(record));

      TRY(set_version(connection_, record.table, record.version_after, record.finished_at));
    }
    TRY(connection_.run("COMMIT"));
    std::error_code no_log;
    const std::uintmax_t bytes = std::filesystem::file_size(log_, no_log);
    if (no_log || bytes < kLargeLogBytes) return {};
    // Readers may hinder that now; the next writer then does it.
    sqlite3_busy_timeout(connection_.get(), 0);
    sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    return {};
  }

 private:
  std::unique_lock<std::timed_mutex> turn_;
  KeptConnections::Lease lease_;
  const Connection& connection_ = *lease_;
  std::filesystem::path log_;
  bool dry_run_;
  bool has_part_ = false;
};

class SqliteDatabase : public Database, private Ledger {
 public:
  SqliteDatabase(std::filesystem::path path, std::chrono::milliseconds lock_wait)
      : path_(std::move(path)), lock_wait_(lock_wait) {}

  Result<std::unique_ptr<Transaction>> begin(std::span<const TableName>) override { return begin(false); }
  Result<std::unique_ptr<Transaction>> begin_dry_run(std::span<const TableName>) override {
    return begin(true);
  }
  Result<std::unique_ptr<Cursor>> query(const Query& query) override {
    if (!exists())
      return fail(Code::DatabaseUnreachable,
                  fmt::format("there is no database '{}' yet", shown(path_.string(), 400)),
                  "load a file first, or check database.url");
    TRY_ASSIGN(Connection connection, Connection::open(path_, Access::Read, lock_wait_));
    return run_query(std::move(connection), query);
  }
  Result<std::vector<TableState>> tables(Rows rows) override;
  Result<std::optional<TableState>> table(const TableName& table, Rows rows) override;
  Result<std::vector<TableName>> left_overs() override;
  Result<std::vector<std::string>> differences(const LoadTarget& target) override {
    if (!exists()) return std::vector<std::string>{};
    TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
    return sqlite::differences(*connection, target);
  }
  Result<std::vector<std::string>> plan(const LoadTarget& target) override {
    if (!exists())
      return std::vector{
          dialect_.create_table(target.table, *target.schema, target.enforce_keys, target.database_checks)};
    TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
    return sqlite::plan(*connection, target);
  }
  Ledger& ledger() override { return *this; }
  LinkLedger& links() override { return links_; }
  const SqlDialect& dialect() const override { return dialect_; }
  /// For the shell `sqlite3`, which else goes on after an error.
  std::string script_head() const override {
    return ".bail on\nPRAGMA foreign_keys = OFF;\nPRAGMA legacy_alter_table = ON;\n";
  }
  std::string place() const override {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(path_, error);
    return "sqlite " + (error ? path_ : whole).string();
  }
  Result<std::string> identity() override {
    if (!exists()) return std::string();
    TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
    return identity_of(*connection);
  }
  std::string describe() const override { return "sqlite " + path_.string(); }
  Result<std::string> server_version() override { return std::string("SQLite ") + sqlite3_libversion(); }
  bool exists() const override { return connections_.exists(); }

  unsigned writers() const override { return 1; }  // SQLite's write lock covers the whole database

 private:
  // Ledger
  Result<std::vector<RunRecord>> runs(const std::optional<TableName>& of_table, std::size_t limit,
                                      const std::optional<std::string>& before) override;
  Result<std::vector<RunRecord>> find(std::string_view prefix) override;
  Result<RunRecord> record(const RunRecord& run) override;
  Result<void> set_warnings(const RunRecord& run) override;
  Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) override;
  Result<std::optional<std::string>> find_same_file(const TableName& table, std::string_view sha256) override;

  Result<std::unique_ptr<Transaction>> begin(bool dry_run);
  Result<void> change(const std::function<Result<void>(const Connection&)>& work);
  Result<TableState> state_of(const Connection& connection, const std::string& table, Rows rows) const;

  std::filesystem::path path_;
  std::chrono::milliseconds lock_wait_;
  Dialect dialect_;
  std::timed_mutex one_writer_;
  KeptConnections connections_{path_, lock_wait_};
  SqliteLinkLedger links_{connections_, one_writer_};
};

Result<std::unique_ptr<Transaction>> SqliteDatabase::begin(bool dry_run) {
  std::unique_lock<std::timed_mutex> turn(one_writer_);
  TRY_ASSIGN(KeptConnections::Lease connection,
             dry_run ? connections_.dry_run(lock_wait_) : connections_.writer(lock_wait_));
  auto transaction = std::make_unique<SqliteTransaction>(std::move(connection), std::move(turn),
                                                         path_.string() + "-wal", dry_run);
  TRY(transaction->begin());
  return std::unique_ptr<Transaction>(std::move(transaction));
}

Result<TableState> SqliteDatabase::state_of(const Connection& connection, const std::string& table,
                                            Rows rows) const {
  TableState state{.table = {.name = table}};
  if (rows == Rows::Counted) {
    TRY_ASSIGN(Statement count,
               connection.prepare(fmt::format("SELECT count(*) FROM main.{}", quote_name(table))));
    TRY(connection.step(count));
    state.rows = count.count(0);
  }
  TRY_ASSIGN(state.version, version_of(connection, table));
  TRY_ASSIGN(state.schema_json, kept_schema_of(connection, table));
  return state;
}

Result<std::vector<TableState>> SqliteDatabase::tables(Rows rows) {
  std::vector<TableState> states;
  if (!exists()) return states;
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  TRY_ASSIGN(const std::vector<std::string> names, table_names(*connection));
  for (const std::string& name : names) {
    TRY_ASSIGN(TableState state, state_of(*connection, name, rows));
    states.push_back(std::move(state));
  }
  return states;
}

Result<std::vector<TableName>> SqliteDatabase::left_overs() {
  std::vector<TableName> found;
  if (!exists()) return found;
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  TRY_ASSIGN(std::vector<std::string> names, left_over_names(*connection));
  for (std::string& name : names) found.push_back({"", std::move(name)});
  return found;
}

Result<std::optional<TableState>> SqliteDatabase::table(const TableName& table, Rows rows) {
  if (!exists()) return std::optional<TableState>{};
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  TRY_ASSIGN(const std::optional<std::string> name, stored_name(*connection, table.name));
  if (!name) return std::optional<TableState>{};
  TRY_ASSIGN(TableState state, state_of(*connection, *name, rows));
  return std::optional<TableState>(std::move(state));
}

/// What sorts behind every id, so that one statement serves with and without a bound.
constexpr std::string_view kAfterAllIds = "~";

Result<std::vector<RunRecord>> SqliteDatabase::runs(const std::optional<TableName>& of_table,
                                                    std::size_t limit,
                                                    const std::optional<std::string>& before) {
  if (!exists()) return std::vector<RunRecord>{};
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  const std::string_view bound = before ? std::string_view(*before) : kAfterAllIds;
  if (!of_table) return read_runs(*connection, "id < ?1", {bound}, limit);
  return read_runs(*connection, "id < ?1 AND table_name = ?2", {bound, of_table->name}, limit);
}

Result<std::optional<RunRecord>> SqliteDatabase::find_by_key(const Idempotency& key, Timestamp since) {
  if (!exists() || !key) return std::optional<RunRecord>{};
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  return run_of_key(*connection, key, since);
}

Result<std::vector<RunRecord>> SqliteDatabase::find(std::string_view prefix) {
  if (!exists()) return std::vector<RunRecord>{};
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  std::string id = lower_ascii(prefix);
  if (!id.starts_with("run_")) id = "run_" + id;
  return read_runs(*connection, "substr(lower(id), 1, length(?1)) = ?1", {id}, 20);
}

/// A small change of rowgate's own tables, in a transaction of its own.
Result<void> SqliteDatabase::change(const std::function<Result<void>(const Connection&)>& work) {
  const std::unique_lock<std::timed_mutex> turn(one_writer_, kRecordWait);
  if (!turn.owns_lock())
    return fail(Code::TableBusy, "the database is being written to", "try again when that is done");
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.writer(std::min(lock_wait_, kRecordWait)));
  TRY(connection->run("BEGIN IMMEDIATE"));
  TRY(make_own_tables(*connection));
  TRY(work(*connection));
  return connection->run("COMMIT");
}

Result<RunRecord> SqliteDatabase::record(const RunRecord& run) {
  RunRecord kept = run;
  TRY(change([&](const Connection& connection) -> Result<void> {
    TRY_ASSIGN(const bool is_new, insert_run(connection, run));
    if (is_new) return {};
    TRY_ASSIGN(std::vector<RunRecord> found, read_runs(connection, "id = ?1", {run.id}, 1));
    if (!found.empty()) kept = std::move(found.front());
    return {};
  }));
  return kept;
}

Result<void> SqliteDatabase::set_warnings(const RunRecord& run) {
  return change([&](const Connection& connection) { return sqlite::set_warnings(connection, run); });
}

Result<std::optional<std::string>> SqliteDatabase::find_same_file(const TableName& table,
                                                                  std::string_view sha256) {
  if (!exists() || sha256.empty()) return std::optional<std::string>{};
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  TRY_ASSIGN(const bool kept, has_table(*connection, "rowgate_runs"));
  if (!kept) return std::optional<std::string>{};
  TRY_ASSIGN(Statement statement,
             connection->prepare(
                 // By the rows' own numbers, in which order the index has them: the first one found is it.
                 "SELECT id FROM main.rowgate_runs WHERE table_name = ? AND file_sha256 = ? AND status IN "
                 "('succeeded', 'succeeded_with_rejects') AND dry_run = 0 ORDER BY rowid DESC LIMIT 1"));
  statement.bind(1, std::string_view(table.name));
  statement.bind(2, sha256);
  TRY_ASSIGN(const bool found, connection->step(statement));
  if (!found) return std::optional<std::string>{};
  return std::optional<std::string>(statement.text(0));
}

}  // namespace
}  // namespace sqlite

std::unique_ptr<Database> sqlite_database(const std::filesystem::path& path,
                                          std::chrono::milliseconds lock_wait,
                                          const std::filesystem::path& scratch) {
  if (!scratch.empty()) sqlite::use_scratch(scratch);
  return std::make_unique<sqlite::SqliteDatabase>(path, lock_wait);
}

}  // namespace rowgate::db

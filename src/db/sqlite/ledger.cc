#include "db/sqlite/ledger.h"

#include "db/sqlite/catalog.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::db::sqlite {
namespace {

constexpr std::string_view kColumns =
    "id, kind, status, table_name, mode, file_name, file_bytes, file_sha256, duplicate_of, parent, "
    "rows_read, "
    "rows_accepted, rows_rejected, rows_skipped, rows_inserted, rows_updated, rejects, warnings, error, "
    "version_before, version_after, created_at, started_at, finished_at, principal, dry_run, "
    "key_principal, key_method, key_path, idempotency_key, fingerprint";

std::optional<std::uint64_t> optional_count(const Statement& statement, int column) {
  if (statement.is_null(column)) return std::nullopt;
  return statement.count(column);
}

Result<RunRecord> run_of(const Statement& statement) {
  RunRecord run;
  run.id = statement.text(0);
  run.kind = statement.text(1);
  run.status = run_status_from(statement.text(2)).value_or(RunStatus::Failed);
  run.table = statement.text(3);
  run.mode = statement.text(4);
  run.file_name = statement.text(5);
  run.file_bytes = statement.count(6);
  run.file_sha256 = statement.text(7);
  run.duplicate_of = statement.text(8);
  run.parent = statement.text(9);
  run.rows_read = statement.count(10);
  run.rows_accepted = statement.count(11);
  run.rows_rejected = statement.count(12);
  run.rows_skipped = statement.count(13);
  run.rows_inserted = optional_count(statement, 14);
  run.rows_updated = optional_count(statement, 15);
  TRY(read_json_members(run, statement.text(16), statement.text(17), statement.text(18)));
  run.version_before = statement.count(19);
  run.version_after = statement.count(20);
  run.created_at = statement.time(21);
  run.started_at = statement.time(22);
  run.finished_at = statement.time(23);
  run.principal = statement.text(24);
  run.dry_run = statement.integer(25) != 0;
  run.idempotency = {statement.text(26), statement.text(27), statement.text(28), statement.text(29),
                     statement.text(30)};
  return run;
}

void bind_optional(Statement& statement, int index, const std::optional<std::uint64_t>& value) {
  if (value)
    statement.bind(index, *value);
  else
    statement.bind_null(index);
}

std::string time_text(Timestamp at) {
  return at.micros == 0 ? std::string() : to_rfc3339(at);
}

const std::string& insert_sql() {
  static const std::string sql = [] {
    const auto columns = static_cast<std::size_t>(std::ranges::count(kColumns, ',')) + 1;
    std::string places = "?";
    for (std::size_t i = 1; i < columns; ++i) places += ", ?";
    return fmt::format("INSERT INTO main.rowgate_runs ({}) VALUES ({}) ON CONFLICT (id) DO NOTHING", kColumns,
                       places);
  }();
  return sql;
}

/// An older run gives up its idempotency key when the time of the key is over.
Result<void> free_old_key(const Connection& connection, const RunRecord& run) {
  TRY_ASSIGN(Statement statement,
             connection.prepare("UPDATE main.rowgate_runs SET idempotency_key = '' WHERE idempotency_key = ? "
                                "AND idempotency_key <> '' AND id <> ? AND created_at < ?"));
  statement.bind(1, std::string_view(run.idempotency.key));
  statement.bind(2, std::string_view(run.id));
  const std::chrono::microseconds kept = kIdempotencyKept;
  statement.bind(3, to_rfc3339(Timestamp{run.created_at.micros - kept.count()}));
  return connection.finish(statement);
}

}  // namespace

Result<bool> insert_run(const Connection& connection, const RunRecord& run) {
  const Idempotency& key = run.idempotency;
  if (key) TRY(free_old_key(connection, run));
  TRY_ASSIGN(Statement statement, connection.prepare(insert_sql()));
  int at = 0;
  for (const std::string_view text :
       {std::string_view(run.id), std::string_view(run.kind), name(run.status), std::string_view(run.table),
        std::string_view(run.mode), std::string_view(run.file_name)})
    statement.bind(++at, text);
  statement.bind(++at, run.file_bytes);
  for (const std::string* text : {&run.file_sha256, &run.duplicate_of, &run.parent.text()})
    statement.bind(++at, *text);
  for (const std::uint64_t number : {run.rows_read, run.rows_accepted, run.rows_rejected, run.rows_skipped})
    statement.bind(++at, number);
  bind_optional(statement, ++at, run.rows_inserted);
  bind_optional(statement, ++at, run.rows_updated);
  for (const std::string& text : {rejects_to_json(run), warnings_to_json(run), error_to_json(run)})
    statement.bind(++at, text);
  statement.bind(++at, run.version_before);
  statement.bind(++at, run.version_after);
  for (const Timestamp moment : {run.created_at, run.started_at, run.finished_at})
    statement.bind(++at, time_text(moment));
  statement.bind(++at, run.principal);
  statement.bind(++at, std::uint64_t{run.dry_run ? 1U : 0U});
  for (const std::string* text : {&key.principal, &key.method, &key.path, &key.key, &key.fingerprint})
    statement.bind(++at, *text);
  const int status = sqlite3_step(statement.get());
  if (status == SQLITE_DONE) return sqlite3_changes64(connection.get()) > 0;
  if (status == SQLITE_CONSTRAINT_UNIQUE && key)
    return fail(Code::RunIdempotencyInProgress, "another run has this Idempotency-Key; nothing was loaded",
                "send the request again to get that run");
  return std::unexpected(connection.error(status, "the ledger's row"));
}

Result<void> set_warnings(const Connection& connection, const RunRecord& run) {
  TRY_ASSIGN(Statement statement,
             connection.prepare("UPDATE main.rowgate_runs SET warnings = ? WHERE id = ?"));
  statement.bind(1, warnings_to_json(run));
  statement.bind(2, std::string_view(run.id));
  return connection.finish(statement);
}

namespace {

/// The columns to read; what a ledger of the first builds lacks, until somebody writes to it, is told as
/// empty.
Result<std::string> readable_columns(const Connection& connection) {
  constexpr std::string_view kLater =
      ", dry_run, key_principal, key_method, key_path, idempotency_key, fingerprint";
  static_assert(kColumns.ends_with(kLater));
  TRY_ASSIGN(
      Statement statement,
      connection.prepare("SELECT 1 FROM pragma_table_info('rowgate_runs') WHERE name = 'fingerprint'"));
  TRY_ASSIGN(const bool is_new, connection.step(statement));
  if (is_new) return std::string(kColumns);
  return std::string(kColumns.substr(0, kColumns.size() - kLater.size())) + ", 0, '', '', '', '', ''";
}

}  // namespace

Result<std::vector<RunRecord>> read_runs(const Connection& connection, const std::string& condition,
                                         std::initializer_list<std::string_view> parameters,
                                         std::size_t limit) {
  std::vector<RunRecord> runs;
  TRY_ASSIGN(const bool kept, has_table(connection, "rowgate_runs"));
  if (!kept) return runs;
  TRY_ASSIGN(const std::string columns, readable_columns(connection));
  TRY_ASSIGN(Statement statement, connection.prepare(fmt::format(
                                      "SELECT {} FROM main.rowgate_runs WHERE {} ORDER BY id DESC LIMIT {}",
                                      columns, condition, limit)));
  int at = 0;
  for (const std::string_view text : parameters) statement.bind(++at, text);
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return runs;
    TRY_ASSIGN(RunRecord run, run_of(statement));
    runs.push_back(std::move(run));
  }
}

}  // namespace rowgate::db::sqlite

#include "db/sqlite/ledger.h"

#include "db/sqlite/catalog.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

constexpr std::string_view kColumns =
    "id, kind, status, table_name, mode, file_name, file_bytes, file_sha256, duplicate_of, parent, "
    "rows_read, "
    "rows_accepted, rows_rejected, rows_skipped, rows_inserted, rows_updated, rejects, warnings, error, "
    "version_before, version_after, created_at, started_at, finished_at, principal";
constexpr int kColumnCount = 25;

Timestamp time_of(const Statement& statement, int column) {
  return from_rfc3339(statement.text(column)).value_or(Timestamp{});
}
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
  run.created_at = time_of(statement, 21);
  run.started_at = time_of(statement, 22);
  run.finished_at = time_of(statement, 23);
  run.principal = statement.text(24);
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

}  // namespace

Result<void> write_run(const Connection& connection, const RunRecord& run) {
  std::string places = "?";
  for (int i = 1; i < kColumnCount; ++i) places += ", ?";
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 fmt::format("INSERT OR REPLACE INTO main.rowgate_runs ({}) VALUES ({})", kColumns, places)));
  int at = 0;
  for (const std::string_view text :
       {std::string_view(run.id), std::string_view(run.kind), name(run.status), std::string_view(run.table),
        std::string_view(run.mode), std::string_view(run.file_name)})
    statement.bind(++at, text);
  statement.bind(++at, run.file_bytes);
  for (const std::string* text : {&run.file_sha256, &run.duplicate_of, &run.parent})
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
  return connection.finish(statement);
}

Result<std::vector<RunRecord>> read_runs(const Connection& connection, const std::string& condition,
                                         std::string_view parameter, std::size_t limit) {
  std::vector<RunRecord> runs;
  TRY_ASSIGN(const bool kept, has_table(connection, "rowgate_runs"));
  if (!kept) return runs;
  TRY_ASSIGN(Statement statement, connection.prepare(fmt::format(
                                      "SELECT {} FROM main.rowgate_runs WHERE {} ORDER BY id DESC LIMIT {}",
                                      kColumns, condition, limit)));
  statement.bind(1, parameter);
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return runs;
    TRY_ASSIGN(RunRecord run, run_of(statement));
    runs.push_back(std::move(run));
  }
}

}  // namespace rowgate::db::sqlite

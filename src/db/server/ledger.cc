#include "db/server/ledger.h"

#include "base/ids.h"
#include "io/digest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <charconv>

namespace rowgate::db::server {
namespace {

/// Columns of rowgate_runs in their order; kind: k = text that can be a key, t = text, n = number, o = number
/// or NULL.
struct Column {
  const char* name;
  char kind;
};
constexpr Column kColumns[] = {{"id", 'k'},
                               {"kind", 't'},
                               {"status", 'k'},
                               {"table_space", 'k'},
                               {"table_name", 'k'},
                               {"mode", 't'},
                               {"file_name", 't'},
                               {"file_bytes", 'n'},
                               {"file_sha256", 'k'},
                               {"duplicate_of", 't'},
                               {"parent", 't'},
                               {"rows_read", 'n'},
                               {"rows_accepted", 'n'},
                               {"rows_rejected", 'n'},
                               {"rows_skipped", 'n'},
                               {"rows_inserted", 'o'},
                               {"rows_updated", 'o'},
                               {"rejects", 't'},
                               {"warnings", 't'},
                               {"error", 't'},
                               {"version_before", 'n'},
                               {"version_after", 'n'},
                               {"created_at", 'k'},
                               {"started_at", 't'},
                               {"finished_at", 't'},
                               {"principal", 't'},
                               {"dry_run", 'n'},
                               {"key_principal", 't'},
                               {"key_method", 't'},
                               {"key_path", 't'},
                               {"idempotency_key", 't'},
                               {"fingerprint", 't'},
                               {"phase", 'k'},
                               {"swap", 't'},
                               {"key_digest", 'd'}};

std::string column_names() {
  std::vector<std::string> names;
  for (const Column& column : kColumns) names.emplace_back(column.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

OwnTable runs_table(const ServerDialect& dialect) {
  OwnTable runs{.name = "rowgate_runs", .columns = {}};
  for (const Column& column : kColumns) {
    const bool is_text = column.kind == 'k' || column.kind == 't' || column.kind == 'd';
    std::string type = "BIGINT";
    if (is_text) type = column.kind == 't' ? dialect.long_text() : dialect.key_text();
    const bool may_be_null = column.kind == 'o' || column.kind == 'd';
    runs.columns.push_back(fmt::format("{} {}{}", column.name, type, may_be_null ? "" : " NOT NULL"));
  }
  runs.columns.emplace_back("PRIMARY KEY (id)");
  // Where there is no key its digest is NULL, and NULLs are never equal.
  runs.indexes = {{"rowgate_runs_by_key", "key_digest", true},
                  {"rowgate_runs_by_file", "table_name, file_sha256, id"},
                  {"rowgate_runs_by_phase", "phase"}};
  return runs;
}

OwnTable schema_table(const ServerDialect& dialect) {
  const std::string_view key = dialect.key_text(), text = dialect.long_text();
  return {.name = "rowgate_schema",
          .columns = {fmt::format("table_space {} NOT NULL", key), fmt::format("table_name {} NOT NULL", key),
                      "version BIGINT NOT NULL", fmt::format("table_schema {} NOT NULL", text),
                      fmt::format("digest {} NOT NULL", text), fmt::format("changed_at {} NOT NULL", text),
                      "PRIMARY KEY (table_space, table_name)"}};
}

OwnTable links_table(const ServerDialect& dialect) {
  const std::string_view key = dialect.key_text(), text = dialect.long_text();
  OwnTable links{.name = "rowgate_links", .columns = {fmt::format("id {} NOT NULL", key)}};
  for (const char* name : {"report", "basis", "created_at", "computed_at", "expires_at", "revoked_at"})
    links.columns.push_back(fmt::format("{} {} NOT NULL", name, key));
  for (const char* name : {"filename", "params", "run", "sha256", "principal", "key_principal", "key_method",
                           "key_path", "idempotency_key", "fingerprint"})
    links.columns.push_back(fmt::format("{} {} NOT NULL", name, text));
  for (const char* name : {"row_count", "bytes"})
    links.columns.push_back(fmt::format("{} BIGINT NOT NULL", name));
  links.columns.push_back(fmt::format("key_digest {}", key));
  links.columns.emplace_back("PRIMARY KEY (id)");
  links.indexes = {{"rowgate_links_by_key", "key_digest", true}, {"rowgate_links_by_basis", "report, basis"}};
  return links;
}

std::string text_of(Timestamp at) {
  return at.micros == 0 ? std::string() : to_rfc3339(at);
}
Timestamp time_of(const std::optional<std::string>& text) {
  return from_rfc3339(text.value_or("")).value_or(Timestamp{});
}
std::optional<std::string> text_of(const std::optional<std::uint64_t>& number) {
  return number ? std::optional(fmt::format("{}", *number)) : std::nullopt;
}
std::optional<std::uint64_t> optional_number(const std::optional<std::string>& text) {
  return text ? std::optional(number_of(text)) : std::nullopt;
}

std::string to_json(const Swap* swap) {
  if (swap == nullptr) return {};
  return nlohmann::json{{"fresh", swap->fresh}, {"replaces", swap->replaces}, {"schema", swap->schema_json}}
      .dump();
}

Result<Swap> swap_from_json(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("fresh") || !json["fresh"].is_string() ||
      !json.contains("replaces") || !json["replaces"].is_boolean() || !json.contains("schema") ||
      !json["schema"].is_string())
    return fail(Code::InternalError, "a row of the ledger is damaged");
  return Swap{json["fresh"].get<std::string>(), json["replaces"].get<bool>(),
              json["schema"].get<std::string>()};
}

Result<RunRecord> run_of(const TextRow& row) {
  const auto text = [&](std::size_t at) { return row[at].value_or(""); };
  RunRecord run;
  run.id = text(0);
  run.kind = text(1);
  run.status = run_status_from(text(2)).value_or(RunStatus::Failed);
  run.space = text(3);
  run.table = text(4);
  run.mode = text(5);
  run.file_name = text(6);
  run.file_bytes = number_of(row[7]);
  run.file_sha256 = text(8);
  run.duplicate_of = text(9);
  run.parent = text(10);
  run.rows_read = number_of(row[11]);
  run.rows_accepted = number_of(row[12]);
  run.rows_rejected = number_of(row[13]);
  run.rows_skipped = number_of(row[14]);
  run.rows_inserted = optional_number(row[15]);
  run.rows_updated = optional_number(row[16]);
  TRY(read_json_members(run, text(17), text(18), text(19)));
  run.version_before = number_of(row[20]);
  run.version_after = number_of(row[21]);
  run.created_at = time_of(row[22]);
  run.started_at = time_of(row[23]);
  run.finished_at = time_of(row[24]);
  run.principal = text(25);
  run.dry_run = number_of(row[26]) != 0;
  run.idempotency = {text(27), text(28), text(29), text(30), text(31)};
  return run;
}

/// An older run gives up its idempotency key when the time of the key is over.
Result<void> free_old_key(Session& session, const RunRecord& run, const std::string& digest) {
  const std::chrono::microseconds kept = kIdempotencyKept;
  const std::string before = to_rfc3339(Timestamp{run.created_at.micros - kept.count()});
  const Param params[] = {digest, run.id, before};
  TRY(session.run(
      "UPDATE rowgate_runs SET idempotency_key = '', key_digest = NULL WHERE key_digest = ? AND id <> ? AND "
      "created_at < ?",
      params));
  return {};
}

/// No table has an empty name, so the row of that name can hold the database's id, and no further table (nor
/// a further right) is needed for it.
const TableName identity_row{};

}  // namespace

std::string key_digest(const Idempotency& key) {
  std::string joined;
  for (const std::string* part : {&key.principal, &key.method, &key.path, &key.key})
    joined += fmt::format("{}:{}", part->size(), *part);
  return io::sha256_hex(joined);
}

Result<bool> has_ledger(const Engine& engine, Session& session) {
  TRY_ASSIGN(const std::optional<TableName> links, engine.stored_name(session, {{}, "rowgate_links"}));
  return links.has_value();
}

Result<void> make_own_tables(const Engine& engine, Session& session) {
  const ServerDialect& dialect = engine.dialect();
  for (const OwnTable& table : {runs_table(dialect), schema_table(dialect), links_table(dialect)})
    TRY(session.run(dialect.create_own(table)));
  return make_identity(session);
}

Result<std::string> identity_of(Session& session) {
  TRY_ASSIGN(std::optional<std::string> id, kept_schema_of(session, identity_row));
  return std::move(id).value_or("");
}

Result<void> make_identity(Session& session) {
  TRY_ASSIGN(const std::string known, identity_of(session));
  if (!known.empty()) return {};
  const std::string id = new_id("dat_", SystemClock().now());
  const Param values[] = {id};
  const Result<std::uint64_t> made = session.run(
      "INSERT INTO rowgate_schema (table_space, table_name, version, table_schema, digest, changed_at) "
      "VALUES "
      "('', '', 0, ?, '', '')",
      values);
  if (made || session.was_duplicate()) return {};  // another process may have been quicker
  return std::unexpected(made.error());
}

Result<bool> insert_run(const ServerDialect& dialect, Session& session, const RunRecord& run,
                        const Swap* swap) {
  const Idempotency& key = run.idempotency;
  std::optional<std::string> digest;
  if (key) {
    digest = key_digest(key);
    TRY(free_old_key(session, run, *digest));
  }
  const auto number = [](std::uint64_t value) { return std::optional(fmt::format("{}", value)); };
  const std::optional<std::string> values[] = {run.id,
                                               run.kind,
                                               std::string(name(run.status)),
                                               run.space,
                                               run.table,
                                               run.mode,
                                               run.file_name,
                                               number(run.file_bytes),
                                               run.file_sha256,
                                               run.duplicate_of,
                                               run.parent,
                                               number(run.rows_read),
                                               number(run.rows_accepted),
                                               number(run.rows_rejected),
                                               number(run.rows_skipped),
                                               text_of(run.rows_inserted),
                                               text_of(run.rows_updated),
                                               rejects_to_json(run),
                                               warnings_to_json(run),
                                               error_to_json(run),
                                               number(run.version_before),
                                               number(run.version_after),
                                               text_of(run.created_at),
                                               text_of(run.started_at),
                                               text_of(run.finished_at),
                                               run.principal,
                                               number(run.dry_run ? 1 : 0),
                                               key.principal,
                                               key.method,
                                               key.path,
                                               key.key,
                                               key.fingerprint,
                                               swap != nullptr ? "swapping" : "",
                                               to_json(swap),
                                               digest};
  static_assert(std::size(values) == std::size(kColumns));
  std::string places;
  std::vector<Param> params;
  for (const std::optional<std::string>& value : values) {
    places += places.empty() ? "?" : ", ?";
    params.push_back(value ? Param(*value) : Param());
  }
  const Result<std::uint64_t> written =
      session.run(fmt::format("INSERT INTO rowgate_runs ({}) VALUES ({}){}", column_names(), places,
                              dialect.unless_id_exists()),
                  params);
  if (written) return *written > 0;
  if (!session.was_duplicate()) return std::unexpected(written.error());

  // Its id, or its key. A locking read sees what was committed after this transaction's snapshot.
  if (dialect.unless_id_exists().empty()) {
    const Param id[] = {run.id};
    TRY_ASSIGN(const std::uint64_t same,
               session.count("SELECT COUNT(*) FROM rowgate_runs WHERE id = ? FOR UPDATE", id));
    if (same > 0) return false;
  }
  if (key)
    return fail(Code::RunIdempotencyInProgress, "another run has this Idempotency-Key; nothing was loaded",
                "send the request again to get that run");
  return std::unexpected(written.error());
}

Result<void> set_warnings(Session& session, const RunRecord& run) {
  const std::string warnings = warnings_to_json(run);
  const Param params[] = {warnings, run.id};
  TRY(session.run("UPDATE rowgate_runs SET warnings = ? WHERE id = ?", params));
  return {};
}

Result<std::optional<RunRecord>> run_of_key(Session& session, const Idempotency& key, Timestamp since) {
  if (!key) return std::optional<RunRecord>{};
  const std::string digest = key_digest(key), from = to_rfc3339(since);
  const Param params[] = {digest, from};
  TRY_ASSIGN(std::vector<RunRecord> found,
             read_runs(session, "key_digest = ? AND created_at >= ?", params, 1));
  if (found.empty()) return std::optional<RunRecord>{};
  return std::optional<RunRecord>(std::move(found.front()));
}

Result<std::vector<RunRecord>> read_runs(Session& session, const std::string& condition,
                                         std::span<const Param> params, std::size_t limit) {
  TRY_ASSIGN(const std::vector<TextRow> rows,
             session.rows(
                 fmt::format("SELECT {} FROM rowgate_runs WHERE phase = '' AND {} ORDER BY id DESC LIMIT {}",
                             column_names(), condition, limit),
                 params));
  std::vector<RunRecord> runs;
  for (const TextRow& row : rows) {
    TRY_ASSIGN(RunRecord run, run_of(row));
    runs.push_back(std::move(run));
  }
  return runs;
}

Result<std::uint64_t> version_of(Session& session, const TableName& table) {
  const Param params[] = {table.space, table.name};
  return session.count("SELECT version FROM rowgate_schema WHERE table_space = ? AND table_name = ?", params);
}

Result<std::optional<std::string>> kept_schema_of(Session& session, const TableName& table) {
  const Param params[] = {table.space, table.name};
  TRY_ASSIGN(std::optional<std::string> kept,
             session.first("SELECT table_schema FROM rowgate_schema WHERE table_space = ? AND table_name = ?",
                           params));
  if (kept && kept->empty()) kept.reset();
  return kept;
}

Result<void> set_version(Session& session, const TableName& table, std::uint64_t version,
                         const std::string& schema_json, Timestamp changed_at) {
  const std::string number = fmt::format("{}", version), digest = io::sha256_hex(schema_json),
                    at = text_of(changed_at);
  TRY_ASSIGN(const std::uint64_t before, version_of(session, table));
  if (before >= version)
    return fail(Code::InternalInvariant,
                fmt::format("the version of `{}` would go from {} to {}", table.name, before, version));
  const Param changes[] = {number, schema_json, digest, at, table.space, table.name};
  TRY_ASSIGN(
      const std::uint64_t changed,
      session.run("UPDATE rowgate_schema SET version = ?, table_schema = ?, digest = ?, changed_at = ? WHERE "
                  "table_space = ? AND table_name = ?",
                  changes));
  if (changed > 0) return {};
  TRY(
      session.run("INSERT INTO rowgate_schema (version, table_schema, digest, changed_at, table_space, "
                  "table_name) VALUES "
                  "(?, ?, ?, ?, ?, ?)",
                  changes));
  return {};
}

Result<std::vector<PendingSwap>> pending_swaps(Session& session) {
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows(fmt::format("SELECT {} FROM rowgate_runs WHERE phase = 'swapping'", column_names())));
  std::vector<PendingSwap> pending;
  for (const TextRow& row : rows) {
    TRY_ASSIGN(RunRecord run, run_of(row));
    TRY_ASSIGN(Swap swap, swap_from_json(row[33].value_or("")));
    pending.push_back({std::move(run), std::move(swap)});
  }
  return pending;
}

Result<void> mark_done(Session& session, const PendingSwap& swap) {
  const Param id[] = {swap.run.id};
  TRY(session.run("UPDATE rowgate_runs SET phase = '', swap = '' WHERE id = ?", id));
  return set_version(session, {swap.run.space, swap.run.table}, swap.run.version_after, swap.swap.schema_json,
                     swap.run.finished_at);
}

Result<void> forget(Session& session, const PendingSwap& swap) {
  const Param id[] = {swap.run.id};
  TRY(session.run("DELETE FROM rowgate_runs WHERE id = ? AND phase = 'swapping'", id));
  return {};
}

Result<void> mark_failed(Session& session, const PendingSwap& swap, const Error& why) {
  const RunRecord failed = as_failed(swap.run, why);
  const std::string status(name(failed.status)), error = error_to_json(failed),
                                                 version = fmt::format("{}", failed.version_after);
  const Param params[] = {status, error, version, failed.id};
  TRY(
      session.run("UPDATE rowgate_runs SET phase = '', swap = '', status = ?, error = ?, version_after = ?, "
                  "rows_inserted "
                  "= NULL, rows_updated = NULL, idempotency_key = '', key_digest = NULL WHERE id = ?",
                  params));
  return {};
}

}  // namespace rowgate::db::server

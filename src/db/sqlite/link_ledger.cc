#include "db/sqlite/link_ledger.h"

#include "db/sqlite/catalog.h"
#include "db/sqlite/ledger.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

constexpr std::string_view kLinkColumns =
    "id, report, filename, params, run, basis, row_count, bytes, sha256, created_at, computed_at, "
    "expires_at, revoked_at, principal, key_principal, key_method, key_path, idempotency_key, fingerprint";

Result<void> make_link_table(const Connection& connection) {
  return connection.run(R"(
CREATE TABLE IF NOT EXISTS rowgate_links (
  id TEXT NOT NULL PRIMARY KEY,
  report TEXT NOT NULL,
  filename TEXT NOT NULL,
  params TEXT NOT NULL,
  run TEXT NOT NULL,
  basis TEXT NOT NULL,
  row_count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at TEXT NOT NULL,
  computed_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  revoked_at TEXT NOT NULL,
  principal TEXT NOT NULL,
  key_principal TEXT NOT NULL,
  key_method TEXT NOT NULL,
  key_path TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS rowgate_links_by_key
  ON rowgate_links (key_principal, key_method, key_path, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX IF NOT EXISTS rowgate_links_by_basis ON rowgate_links (report, basis);
)");
}

LinkRecord link_of(const Statement& row) {
  LinkRecord link{.id = row.text(0), .report = row.text(1), .filename = row.text(2)};
  link.params = row.text(3);
  link.run = row.text(4);
  link.basis = row.text(5);
  link.rows = row.count(6);
  link.bytes = row.count(7);
  link.sha256 = row.text(8);
  link.created_at = row.time(9);
  link.computed_at = row.time(10);
  link.expires_at = row.time(11);
  link.revoked_at = from_rfc3339(row.text(12));
  link.principal = row.text(13);
  link.idempotency = {row.text(14), row.text(15), row.text(16), row.text(17), row.text(18)};
  return link;
}

Timestamp before(Timestamp at, std::chrono::microseconds time) {
  return {at.micros - time.count()};
}

/// An older link gives up its idempotency key when the time of the key is over.
Result<void> free_old_key(const Connection& connection, const LinkRecord& link) {
  TRY_ASSIGN(
      Statement statement,
      connection.prepare("UPDATE main.rowgate_links SET idempotency_key = '' WHERE idempotency_key = ? "
                         "AND id <> ? AND created_at < ?"));
  statement.bind(1, std::string_view(link.idempotency.key));
  statement.bind(2, std::string_view(link.id));
  statement.bind(3, to_rfc3339(before(link.created_at, kIdempotencyKept)));
  return connection.finish(statement);
}

Result<void> write_link(const Connection& connection, const LinkRecord& link) {
  TRY(make_link_table(connection));
  const Idempotency& key = link.idempotency;
  if (key) TRY(free_old_key(connection, link));
  TRY_ASSIGN(
      Statement statement,
      connection.prepare(fmt::format("INSERT INTO main.rowgate_links ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                                     "revoked_at = excluded.revoked_at",
                                     kLinkColumns)));
  int at = 0;
  for (const std::string* text :
       {&link.id, &link.report, &link.filename, &link.params, &link.run, &link.basis})
    statement.bind(++at, *text);
  statement.bind(++at, link.rows);
  statement.bind(++at, link.bytes);
  statement.bind(++at, link.sha256);
  for (const Timestamp moment : {link.created_at, link.computed_at, link.expires_at})
    statement.bind(++at, to_rfc3339(moment));
  statement.bind(++at, link.revoked_at ? to_rfc3339(*link.revoked_at) : std::string());
  for (const std::string* text :
       {&link.principal, &key.principal, &key.method, &key.path, &key.key, &key.fingerprint})
    statement.bind(++at, *text);
  if (sqlite3_step(statement.get()) == SQLITE_CONSTRAINT_UNIQUE)
    return fail(Code::RunIdempotencyInProgress, "another request with this Idempotency-Key made a link",
                "send the request again to get that link");
  sqlite3_reset(statement.get());
  return connection.finish(statement);
}

std::unexpected<Error> busy() {
  return fail(Code::TableBusy, "the database is being written to", "try again when that is done");
}

}  // namespace

Result<void> SqliteLinkLedger::write(const std::function<Result<void>(const Connection&)>& change) {
  const std::unique_lock<std::timed_mutex> turn(one_writer_, kRecordWait);
  if (!turn.owns_lock()) return busy();
  if (!connections_.exists())
    return fail(Code::DatabaseUnreachable, "there is no database yet", "load a file first");
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.writer(kRecordWait));
  TRY(connection->run("BEGIN IMMEDIATE"));
  TRY(make_own_tables(*connection));
  TRY(change(*connection));  // an error closes the connection, which rolls back
  return connection->run("COMMIT");
}

Result<void> SqliteLinkLedger::record(const LinkRecord* link, const RunRecord* run) {
  return write([&](const Connection& connection) -> Result<void> {
    if (run != nullptr) TRY(insert_run(connection, *run));
    if (link != nullptr) TRY(write_link(connection, *link));
    return {};
  });
}

Result<void> SqliteLinkLedger::forget(Timestamp expired_before) {
  if (!connections_.exists()) return {};
  return write([&](const Connection& connection) -> Result<void> {
    TRY(make_link_table(connection));
    TRY_ASSIGN(Statement statement,
               connection.prepare("DELETE FROM main.rowgate_links WHERE expires_at < ?"));
    statement.bind(1, to_rfc3339(expired_before));
    return connection.finish(statement);
  });
}

Result<std::vector<LinkRecord>> SqliteLinkLedger::read(const std::string& condition, Texts parameters) const {
  std::vector<LinkRecord> links;
  if (!connections_.exists()) return links;
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  TRY_ASSIGN(const bool kept, has_table(*connection, "rowgate_links"));
  if (!kept) return links;
  TRY_ASSIGN(Statement statement,
             connection->prepare(
                 fmt::format("SELECT {} FROM main.rowgate_links WHERE {}", kLinkColumns, condition)));
  int at = 0;
  for (const std::string_view text : parameters) statement.bind(++at, text);
  for (;;) {
    TRY_ASSIGN(const bool more, connection->step(statement));
    if (!more) return links;
    links.push_back(link_of(statement));
  }
}

Result<std::optional<LinkRecord>> SqliteLinkLedger::first(const std::string& condition,
                                                          Texts parameters) const {
  TRY_ASSIGN(std::vector<LinkRecord> links, read(condition + " LIMIT 1", parameters));
  if (links.empty()) return std::optional<LinkRecord>{};
  return std::optional<LinkRecord>(std::move(links.front()));
}

Result<std::vector<LinkRecord>> SqliteLinkLedger::list(const std::optional<std::string>& before,
                                                       std::size_t limit) {
  const std::string order = fmt::format(" ORDER BY id DESC LIMIT {}", limit);
  return before ? read("id < ?" + order, {*before}) : read("1" + order, {});
}

Result<std::optional<LinkRecord>> SqliteLinkLedger::find(std::string_view id) {
  return first("id = ?", {id});
}

Result<std::optional<LinkRecord>> SqliteLinkLedger::find_by_key(const Idempotency& key, Timestamp since) {
  return first(
      "idempotency_key = ? AND key_principal = ? AND key_method = ? AND key_path = ? AND created_at >= ?",
      {key.key, key.principal, key.method, key.path, to_rfc3339(since)});
}

Result<std::optional<LinkRecord>> SqliteLinkLedger::find_equal(const LinkRecord& like, Timestamp since) {
  return first(
      "report = ? AND basis = ? AND params = ? AND computed_at >= ? AND revoked_at = '' "
      "ORDER BY expires_at DESC",
      {like.report, like.basis, like.params, to_rfc3339(since)});
}

Result<std::string> SqliteLinkLedger::table_versions() {
  if (!connections_.exists()) return std::string();
  TRY_ASSIGN(const KeptConnections::Lease connection, connections_.reader());
  return table_versions_of(*connection);
}

Result<std::string> table_versions_of(const Connection& connection) {
  TRY_ASSIGN(const bool kept, has_table(connection, "rowgate_schema"));
  if (!kept) return std::string();
  // One statement, so one moment.
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT s.type, s.name, coalesce(s.sql, ''), coalesce(v.version, 0) "
                                "FROM main.sqlite_schema AS s LEFT JOIN main.rowgate_schema AS v "
                                "ON s.type = 'table' AND lower(v.table_name) = lower(s.name) "
                                "WHERE s.tbl_name NOT GLOB 'sqlite_*' AND s.tbl_name NOT GLOB 'rowgate_*' "
                                "AND s.tbl_name NOT GLOB '__rg_*' ORDER BY s.type, s.name"));
  std::string text;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) break;
    const std::uint64_t version = statement.count(3);
    if (statement.text(0) == "table" && version == 0) return std::string();
    for (int column = 0; column < 3; ++column) {
      const std::string part = statement.text(column);
      fmt::format_to(std::back_inserter(text), "{}:{}", part.size(), part);
    }
    fmt::format_to(std::back_inserter(text), "v{}\n", version);
  }
  return io::sha256_hex(text);
}

}  // namespace rowgate::db::sqlite

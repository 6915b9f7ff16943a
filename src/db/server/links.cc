#include "db/server/links.h"

#include "db/server/ledger.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <map>

namespace rowgate::db::server {
namespace {

constexpr std::string_view kLinkColumns =
    "id, report, filename, params, run, basis, row_count, bytes, sha256, created_at, computed_at, "
    "expires_at, revoked_at, principal, key_principal, key_method, key_path, idempotency_key, fingerprint";

LinkRecord link_of(const TextRow& row) {
  const auto text = [&](std::size_t at) { return row[at].value_or(""); };
  const auto time = [&](std::size_t at) { return from_rfc3339(text(at)).value_or(Timestamp{}); };
  LinkRecord link{.id = text(0), .report = text(1), .filename = text(2)};
  link.params = text(3);
  link.run = text(4);
  link.basis = text(5);
  link.rows = number_of(row[6]);
  link.bytes = number_of(row[7]);
  link.sha256 = text(8);
  link.created_at = time(9);
  link.computed_at = time(10);
  link.expires_at = time(11);
  link.revoked_at = from_rfc3339(text(12));
  link.principal = text(13);
  link.idempotency = {text(14), text(15), text(16), text(17), text(18)};
  return link;
}

Result<void> insert_link(Session& session, const LinkRecord& link) {
  const Idempotency& key = link.idempotency;
  std::optional<std::string> digest;
  if (key) {
    digest = key_digest(key);
    const std::chrono::microseconds kept = kIdempotencyKept;
    const std::string before = to_rfc3339({link.created_at.micros - kept.count()});
    const Param params[] = {*digest, link.id, before};
    TRY(session.run(
        "UPDATE rowgate_links SET idempotency_key = '', key_digest = NULL WHERE key_digest = ? AND id <> ? "
        "AND created_at < ?",
        params));
  }
  const std::string rows = fmt::format("{}", link.rows), bytes = fmt::format("{}", link.bytes),
                    created = to_rfc3339(link.created_at), computed = to_rfc3339(link.computed_at),
                    expires = to_rfc3339(link.expires_at),
                    revoked = link.revoked_at ? to_rfc3339(*link.revoked_at) : std::string();
  const Param params[] = {
      link.id,    link.report, link.filename, link.params,     link.run,
      link.basis, rows,        bytes,         link.sha256,     created,
      computed,   expires,     revoked,       link.principal,  key.principal,
      key.method, key.path,    key.key,       key.fingerprint, digest ? Param(*digest) : Param()};
  const Result<std::uint64_t> written = session.run(
      fmt::format(
          "INSERT INTO rowgate_links ({}, key_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "?, ?, ?, ?, ?)",
          kLinkColumns),
      params);
  if (written) return {};
  if (session.was_duplicate() && key)
    return fail(Code::RunIdempotencyInProgress, "another request with this Idempotency-Key made a link",
                "send the request again to get that link");
  return std::unexpected(written.error());
}

/// Of a link that is there only its end can change.
Result<void> write_link(Session& session, const LinkRecord& link) {
  const Param id[] = {link.id};
  TRY_ASSIGN(const std::uint64_t known, session.count("SELECT COUNT(*) FROM rowgate_links WHERE id = ?", id));
  if (known == 0) return insert_link(session, link);
  const std::string revoked = link.revoked_at ? to_rfc3339(*link.revoked_at) : std::string();
  const Param params[] = {revoked, link.id};
  TRY(session.run("UPDATE rowgate_links SET revoked_at = ? WHERE id = ?", params));
  return {};
}

}  // namespace

Result<void> ServerLinks::record(const LinkRecord* link, const RunRecord* run) {
  return pool_.change([&](Session& session) -> Result<void> {
    if (run != nullptr) TRY(insert_run(engine_.dialect(), session, *run));
    if (link != nullptr) TRY(write_link(session, *link));
    return {};
  });
}

Result<void> ServerLinks::forget(Timestamp expired_before) {
  return pool_.change([&](Session& session) -> Result<void> {
    const std::string before = to_rfc3339(expired_before);
    const Param params[] = {before};
    TRY(session.run("DELETE FROM rowgate_links WHERE expires_at < ?", params));
    return {};
  });
}

Result<std::vector<LinkRecord>> ServerLinks::read(const std::string& condition,
                                                  std::span<const Param> params) {
  return pool_.read<std::vector<LinkRecord>>([&](Session& session) -> Result<std::vector<LinkRecord>> {
    std::vector<LinkRecord> links;
    TRY_ASSIGN(const bool kept, has_ledger(engine_, session));
    if (!kept) return links;
    TRY_ASSIGN(
        const std::vector<TextRow> rows,
        session.rows(fmt::format("SELECT {} FROM rowgate_links WHERE {}", kLinkColumns, condition), params));
    for (const TextRow& row : rows) links.push_back(link_of(row));
    return links;
  });
}

Result<std::optional<LinkRecord>> ServerLinks::first(const std::string& condition,
                                                     std::span<const Param> params) {
  TRY_ASSIGN(std::vector<LinkRecord> links, read(condition + " LIMIT 1", params));
  if (links.empty()) return std::optional<LinkRecord>{};
  return std::optional<LinkRecord>(std::move(links.front()));
}

Result<std::vector<LinkRecord>> ServerLinks::list(const std::optional<std::string>& before,
                                                  std::size_t limit) {
  const std::string order = fmt::format(" ORDER BY id DESC LIMIT {}", limit);
  if (!before) return read("1 = 1" + order, {});
  const Param params[] = {*before};
  return read("id < ?" + order, params);
}

Result<std::optional<LinkRecord>> ServerLinks::find(std::string_view id) {
  const Param params[] = {id};
  return first("id = ?", params);
}

Result<std::optional<LinkRecord>> ServerLinks::find_by_key(const Idempotency& key, Timestamp since) {
  if (!key) return std::optional<LinkRecord>{};
  const std::string digest = key_digest(key), from = to_rfc3339(since);
  const Param params[] = {digest, from};
  return first("key_digest = ? AND created_at >= ?", params);
}

Result<std::optional<LinkRecord>> ServerLinks::find_equal(const LinkRecord& like, Timestamp since) {
  const std::string from = to_rfc3339(since);
  const Param params[] = {like.report, like.basis, like.params, from};
  return first(
      "report = ? AND basis = ? AND params = ? AND computed_at >= ? AND revoked_at = '' "
      "ORDER BY expires_at DESC",
      params);
}

Result<std::string> ServerLinks::table_versions() {
  if (&reader_ == &engine_)
    return pool_.read<std::string>([this](Session& session) { return table_versions_of(engine_, session); });
  TRY_ASSIGN(const std::unique_ptr<Session> session, reader_.connect(Access::Read));
  return table_versions_of(reader_, *session);
}

Result<std::string> table_versions_of(const Engine& engine, Session& session) {
  TRY_ASSIGN(const bool kept, has_ledger(engine, session));
  if (!kept) return std::string();
  TRY_ASSIGN(const std::uint64_t swapping,
             session.count("SELECT COUNT(*) FROM rowgate_runs WHERE phase = 'swapping'"));
  if (swapping > 0) return std::string();
  // The versions are read before and after what is declared: when they differ something changed meanwhile.
  const std::string versions_sql =
      "SELECT table_space, table_name, version FROM rowgate_schema WHERE table_name <> '' ORDER BY 1, 2";
  TRY_ASSIGN(const std::vector<TextRow> versions, session.rows(versions_sql));
  TRY_ASSIGN(const std::vector<TextRow> declared, session.rows(engine.declarations_sql()));
  TRY_ASSIGN(const std::vector<TextRow> versions_after, session.rows(versions_sql));
  if (versions != versions_after) return std::string();
  std::map<std::string, std::string> version_of_table;
  std::string text;
  const auto append = [&text](const TextRow& row) {
    for (const std::optional<std::string>& part : row)
      fmt::format_to(std::back_inserter(text), "{}:{}", part.value_or("").size(), part.value_or(""));
    text += '\n';
  };
  for (const TextRow& row : versions) {
    append(row);
    if (row[0].value_or("").empty()) version_of_table[row[1].value_or("")] = row[2].value_or("0");
  }
  for (const TextRow& row : declared) {
    append(row);
    if (row[0] != "table") continue;
    const auto version = version_of_table.find(row[1].value_or(""));
    if (version == version_of_table.end() || version->second == "0") return std::string();
  }
  return io::sha256_hex(text);
}

}  // namespace rowgate::db::server

#pragma once

#include "db/link_record.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db {

/// The links in the ledger, and what a reuse of their bytes depends on. Never waits for a writer: what cannot
/// be written at once fails. Thread safe. A database that does not exist has no links and is not made.
class LinkLedger {
 public:
  virtual ~LinkLedger() = default;
  /// Writes the link and, where given, a run that ended without loading, in place of the rows of these ids;
  /// in one transaction. Fails with table.busy while somebody else writes, run.idempotency_in_progress where
  /// another link of the last seven days has the same idempotency key, database.*, storage.full.
  virtual Result<void> record(const LinkRecord* link, const RunRecord* run) = 0;
  /// Newest first; of those older than `before` (an id) where given.
  virtual Result<std::vector<LinkRecord>> list(const std::optional<std::string>& before,
                                               std::size_t limit) = 0;
  virtual Result<std::optional<LinkRecord>> find(std::string_view id) = 0;
  /// The link that a request with this key made since `since`.
  virtual Result<std::optional<LinkRecord>> find_by_key(const Idempotency& key, Timestamp since) = 0;
  /// A link of the same report, params and basis as `like` that was computed at `since` or later and is not
  /// revoked; the one that expires last.
  virtual Result<std::optional<LinkRecord>> find_equal(const LinkRecord& like, Timestamp since) = 0;
  /// Forgets links that expired before `expired_before`. Fails as record() does.
  virtual Result<void> forget(Timestamp expired_before) = 0;

  /// A digest (hex SHA-256) over every table, view, index and trigger of the database as it is declared, and
  /// over every table's version. It changes with each committed load and with each change of a declaration,
  /// whoever makes it. Told by the server that queries read from. Rows that other programs change are not
  /// seen; so it is empty ("cannot be told") where there is a table that rowgate has never loaded.
  virtual Result<std::string> table_versions() = 0;
};

}  // namespace rowgate::db

#pragma once

// The ledger's tables and their rows, in SQL that every server takes.

#include "db/server/engine.h"

namespace rowgate::db::server {

/// Makes rowgate's own tables where they are missing. Not within a transaction.
Result<void> make_own_tables(const Engine& engine, Session& session);
/// Gives the database its id where it has none. Not within a transaction.
Result<void> make_identity(Session& session);
/// Whether they are there.
Result<bool> has_ledger(const Engine& engine, Session& session);

/// What is left to do for a run whose rows are in a fresh table that waits for its name.
struct Swap {
  std::string fresh;        ///< "__rg_run_..."
  bool replaces = false;    ///< then the old table is called fresh + "_old" on the way
  std::string schema_json;  ///< kept when it is done
};

/// Inserts a run's row, with `swap` as one that does not count yet; false where the ledger has one of that
/// id, which stays as it is. Waits for an open transaction that has inserted the id. Fails with
/// run.idempotency_in_progress where another run of the last seven days has the same idempotency key.
Result<bool> insert_run(const ServerDialect& dialect, Session& session, const RunRecord& run,
                        const Swap* swap = nullptr);
/// Replaces the warnings of the run's row.
Result<void> set_warnings(Session& session, const RunRecord& run);
/// Runs of `condition` (with parameters as ?), newest first.
Result<std::vector<RunRecord>> read_runs(Session& session, const std::string& condition,
                                         std::span<const Param> params, std::size_t limit);
/// The run, created at `since` or later, that has the key.
Result<std::optional<RunRecord>> run_of_key(Session& session, const Idempotency& key, Timestamp since);
/// SHA-256 over the four parts of a key that are unique together.
std::string key_digest(const Idempotency& key);

/// The random id of the database, which make_own_tables() gives it; empty before that.
Result<std::string> identity_of(Session& session);
Result<std::uint64_t> version_of(Session& session, const TableName& table);
Result<std::optional<std::string>> kept_schema_of(Session& session, const TableName& table);
/// Sets a table's version, which must grow (else internal.invariant), and keeps the schema that it was loaded
/// by.
Result<void> set_version(Session& session, const TableName& table, std::uint64_t version,
                         const std::string& schema_json, Timestamp changed_at);

/// A run that waits for its table's name.
struct PendingSwap {
  RunRecord run;
  Swap swap;
};
Result<std::vector<PendingSwap>> pending_swaps(Session& session);
/// The run counts from now on.
Result<void> mark_done(Session& session, const PendingSwap& swap);
/// The run's rows did not get their name and never will: it has failed.
Result<void> mark_failed(Session& session, const PendingSwap& swap, const Error& why);
/// The same of a run of somebody else: as if it had not come so far.
Result<void> forget(Session& session, const PendingSwap& swap);

}  // namespace rowgate::db::server

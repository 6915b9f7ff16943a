#pragma once

#include "db/server/ledger.h"
#include "db/server/pool.h"
#include "db/server/table_sink.h"

namespace rowgate::db::server {

/// A load on a server.
///
/// A table that is made or replaced is filled under a name of rowgate's own ("fresh") and gets its name at
/// the commit, so that readers see the old one until then. On PostgreSQL all of that is one transaction. On
/// the MySQL family, where DDL commits by itself, the commit is this:
///
///   1. COMMIT of the rows in the fresh table together with the run's row in phase `swapping`, which does not
///   count
///   2. one RENAME TABLE, which is atomic: this is the moment of truth
///   3. the run's row counts, the table's version goes up; the old table is dropped
///
/// Whoever meets a `swapping` row and holds the table's lock (so its owner is gone) looks which names there
/// are: with the fresh table still there step 2 has not happened, the run has failed and the table goes;
/// without it step 3 is done.
///
/// A commit whose answer is lost has not failed. Its outcome is settled by a fence: with the tables' locks,
/// which the lost session holds until the server is done with it, the run is looked for, and where it is not
/// there its id is inserted as failed, so that nothing can commit under it any more. Where the database does
/// not come back in time the load ends as run.undecided.
class ServerTransaction : public Transaction, private Surroundings {
 public:
  ServerTransaction(const Engine& engine, Pool& pool, const Patience& patience, std::vector<TableName> tables,
                    bool dry_run)
      : engine_(engine), pool_(pool), patience_(patience), names_(std::move(tables)), dry_run_(dry_run) {}
  ~ServerTransaction() override;
  /// Connects, takes the tables' locks, settles what others left behind.
  Result<void> begin();

  Result<std::unique_ptr<Sink>> open_sink(const LoadTarget& target) override;
  Result<std::uint64_t> table_version(const TableName& table) override;
  Result<void> begin_part() override;
  Result<void> undo_part() override;
  Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) override;
  Result<void> commit(std::span<const RunRecord> records) override;

 private:
  const Engine& engine() const override { return engine_; }
  Session& session() override { return *session_; }
  Tables& tables() override { return *tables_; }
  Result<void> make_table(const TableName& name, const LoadTarget& target) override;
  Result<void> begin_anew(const Error& error) override;

  /// Tables that are made for good at once, and not only within the transaction.
  bool makes_for_good() const { return !engine_.ddl_is_transactional() && !dry_run_; }
  Result<void> start();
  table::TableSchema schema_for(const TableName& name, const TableName& fresh, const LoadTarget& target);
  Result<void> create(const TableName& name, const LoadTarget& target);
  Result<void> write_records(std::span<const RunRecord> records);
  Result<void> rename_within();
  Result<void> commit_by_rename(std::span<const RunRecord> records);
  Result<void> finish_commit(std::span<const RunRecord> records);
  Result<void> decide(std::span<const RunRecord> records, const Error& lost);
  Result<bool> was_committed(const RunRecord& record, const Error& lost);

  const Engine& engine_;
  Pool& pool_;
  Patience patience_;
  std::vector<TableName> names_;
  bool dry_run_;
  std::unique_ptr<Session> session_;
  std::optional<Tables> tables_;
  std::map<TableName, std::string> schemas_;     ///< of the sinks, as JSON
  std::map<TableName, LoadTarget> made_for_;     ///< fresh tables' targets
  std::map<TableName, std::uint64_t> versions_;  ///< as told
  std::map<TableName, FreshTable> part_;
  int sinks_ = 0, tries_ = 1;
  bool has_part_ = false, is_done_ = false;
};

/// The lock of a table, or of a fresh table's owner, among all who use the server.
std::string lock_name(const Engine& engine, const TableName& table);
/// Settles swaps of these tables, whose locks the caller holds, and removes fresh tables whose owner is gone.
/// `why` is the error of the caller's own run, if its rows did not get their name; null of others' runs.
Result<void> settle_left_overs(const Engine& engine, Session& session, std::span<const TableName> tables,
                               const Error* why = nullptr);
/// Fresh tables in that space of which no ledger row speaks and whose owner is gone.
Result<std::vector<std::string>> orphans_of_loads(const Engine& engine, Session& session,
                                                  const std::string& space);
/// Settles what can be settled without waiting. The ids of runs that are still swapping.
Result<std::vector<std::string>> settle_swaps(const Engine& engine, Session& session);

}  // namespace rowgate::db::server

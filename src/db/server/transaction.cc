#include "db/server/transaction.h"

#include "db/server/backoff.h"
#include "io/digest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::server {
namespace {

constexpr std::string_view kOldSuffix = "_old";

std::string quoted(const Engine& engine, const TableName& table, std::string_view name) {
  return engine.dialect().quote(TableName{table.space, std::string(name)});
}

/// See ServerTransaction: the caller holds the table's lock. Of a swap that did not happen, and whose error
/// only its owner knows, nothing stays: that run goes on, or gets its end, where its state file is.
Result<void> settle(const Engine& engine, Session& session, const PendingSwap& pending, const Error* why) {
  const TableName table{pending.run.space, pending.run.table};
  TRY_ASSIGN(const std::optional<TableName> fresh,
             engine.stored_name(session, {table.space, pending.swap.fresh}));
  TRY(engine.begin(session));
  if (!fresh)
    TRY(mark_done(session, pending));
  else if (why != nullptr)
    TRY(mark_failed(session, pending, *why));
  else
    TRY(forget(session, pending));
  TRY(session.run("COMMIT"));
  TRY(session.run(fmt::format("DROP TABLE IF EXISTS {}, {}", quoted(engine, table, pending.swap.fresh),
                              quoted(engine, table, pending.swap.fresh + std::string(kOldSuffix)))));
  return {};
}

/// What is pending is read under the locks: what was read before may be settled by now, and more.
Result<void> settle_pending(const Engine& engine, Session& session, std::span<const TableName> tables,
                            const Error* why) {
  TRY_ASSIGN(const std::vector<PendingSwap> pending, pending_swaps(session));
  for (const PendingSwap& swap : pending)
    if (std::ranges::find(tables, TableName{swap.run.space, swap.run.table}) != tables.end())
      TRY(settle(engine, session, swap, why));
  return {};
}

Result<void> drop_orphans(const Engine& engine, Session& session, const std::string& space) {
  TRY_ASSIGN(const std::vector<std::string> names, orphans_of_loads(engine, session, space));
  for (const std::string& name : names)
    TRY(session.run("DROP TABLE IF EXISTS " + quoted(engine, {space, ""}, name)));
  return {};
}

/// A lock that somebody else keeps is no matter of trying again at once.
Error as_busy(Error error) {
  if (error.code == Code::DatabaseDeadlock) error.code = Code::TableBusy;
  return error;
}

}  // namespace

std::string lock_name(const Engine& engine, const TableName& table) {
  const std::string& space = table.space.empty() ? engine.own_space() : table.space;
  return "rowgate:" + io::sha256_hex(space + '\0' + table.name).substr(0, 40);
}

Result<std::vector<std::string>> orphans_of_loads(const Engine& engine, Session& session,
                                                  const std::string& space) {
  std::vector<std::string> orphans;
  const auto fresh_of = [](const std::string& name) {
    return name.ends_with(kOldSuffix) ? name.substr(0, name.size() - kOldSuffix.size()) : name;
  };
  TRY_ASSIGN(const std::vector<std::string> names, engine.table_names(session, space));
  for (const std::string& name : names) {
    const bool is_kept = name.starts_with("__rg_kept_");  // of a plan, for its owner to drop
    if (!name.starts_with("__rg_") || is_kept) continue;
    bool is_orphan = true;  // where DDL is transactional no load leaves a table that others see
    if (!engine.ddl_is_transactional()) {
      TRY_ASSIGN(is_orphan, engine.is_free(session, lock_name(engine, {space, fresh_of(name)})));
    }
    if (is_orphan) orphans.push_back(name);
  }
  if (orphans.empty() || engine.ddl_is_transactional()) return orphans;

  // Read last: an owner that is gone by now has told the ledger before, or never will.
  TRY_ASSIGN(const std::vector<PendingSwap> pending, pending_swaps(session));
  std::erase_if(orphans, [&](const std::string& name) {
    return std::ranges::any_of(pending,
                               [&](const PendingSwap& swap) { return swap.swap.fresh == fresh_of(name); });
  });
  return orphans;
}

Result<void> settle_left_overs(const Engine& engine, Session& session, std::span<const TableName> tables,
                               const Error* why) {
  if (engine.ddl_is_transactional()) return {};  // what was not committed is gone
  TRY(settle_pending(engine, session, tables, why));
  std::set<std::string> spaces = {""};
  for (const TableName& table : tables) spaces.insert(table.space);
  for (const std::string& space : spaces) TRY(drop_orphans(engine, session, space));
  return {};
}

Result<std::vector<std::string>> settle_swaps(const Engine& engine, Session& session) {
  std::vector<std::string> busy;
  if (engine.ddl_is_transactional()) return busy;
  TRY_ASSIGN(const std::vector<PendingSwap> pending, pending_swaps(session));
  for (const PendingSwap& swap : pending) {
    const TableName table{swap.run.space, swap.run.table};
    const std::string name = lock_name(engine, table);
    const Result<void> locked = engine.lock(session, std::span(&name, 1), std::chrono::milliseconds(0));
    Result<void> settled = locked ? settle_pending(engine, session, std::span(&table, 1), nullptr) : locked;
    engine.unlock(session);
    if (settled) continue;
    if (settled.error().code != Code::TableBusy) return std::unexpected(settled.error());
    busy.push_back(swap.run.id);
  }
  return busy;
}

ServerTransaction::~ServerTransaction() {
  if (is_done_ || !makes_for_good() || !tables_) return;
  session_.reset();  // rolls back, and lets go of the fresh tables
  for (const auto& [table, fresh] : tables_->all_fresh()) {
    const std::string sql = "DROP TABLE IF EXISTS " + quoted(engine_, table, fresh.name);
    // Where that fails the next load does it.
    if (const Result<std::unique_ptr<Session>> session = engine_.connect(Access::Write))
      (void)(*session)->run(sql);
  }
}

Result<void> ServerTransaction::start() {
  TRY_ASSIGN(session_, engine_.connect(Access::Write));
  session_->allow_silence(patience_.load_silence);
  if (tables_)
    tables_->use(*session_);
  else
    tables_.emplace(engine_, *session_);
  if (!dry_run_ && session_->only_reads())
    return fail(Code::DatabaseReadOnly, "the database server only reads",
                "name the server that may be written to in database.url");
  if (!dry_run_) TRY(pool_.make_ledger(*session_));
  std::vector<std::string> locks;
  for (const TableName& table : names_) locks.push_back(lock_name(engine_, table));
  if (makes_for_good() && tables_)
    for (const auto& [table, fresh] : tables_->all_fresh())
      locks.push_back(lock_name(engine_, {table.space, fresh.name}));
  std::ranges::sort(locks);  // so that two who want the same do not wait for each other
  locks.erase(std::unique(locks.begin(), locks.end()), locks.end());
  if (engine_.ddl_is_transactional()) {
    TRY(engine_.begin(*session_));
    return engine_.lock(*session_, locks, patience_.lock_wait);
  }
  TRY(engine_.lock(*session_, locks, patience_.lock_wait));
  if (!dry_run_) TRY(settle_left_overs(engine_, *session_, names_));
  return engine_.begin(*session_);
}

Result<void> ServerTransaction::begin() {
  for (;;) {
    Result<void> started = start();
    if (started) return started;
    const Code code = started.error().code;
    if ((code != Code::DatabaseUnreachable && code != Code::DatabaseDeadlock) || tries_ >= kTries)
      return started;
    wait_before_try(++tries_, patience_.first_retry);
  }
}

Result<void> ServerTransaction::begin_anew(const Error& error) {
  if (dry_run_ || has_part_ || sinks_ != 1) return std::unexpected(error);
  for (;;) {
    if (tries_ >= kTries) return std::unexpected(error);
    wait_before_try(++tries_, patience_.first_retry);
    const Result<void> started = start();
    if (started) break;
    if (started.error().code != Code::DatabaseUnreachable && started.error().code != Code::DatabaseDeadlock)
      return started;
  }
  for (const auto& [table, version] : versions_) {
    TRY_ASSIGN(const std::uint64_t now, version_of(*session_, table));
    if (now != version)
      return fail(Code::TableBusy, fmt::format("another load changed `{}` meanwhile", table.name),
                  "load the file again");
  }
  if (engine_.ddl_is_transactional())
    for (const auto& [table, target] : made_for_) TRY(create(table, target));
  return {};
}

/// With `keys: enforce` the table refers to its parents, itself among them under the name that it has at
/// first.
table::TableSchema ServerTransaction::schema_for(const TableName& name, const TableName& fresh,
                                                 const LoadTarget& target) {
  table::TableSchema schema = *target.schema;
  for (table::ForeignKey& key : schema.foreign_keys)
    if (target.enforce_keys && key.table == name.name) key.table = fresh.name;
  return schema;
}

Result<void> ServerTransaction::create(const TableName& name, const LoadTarget& target) {
  const bool is_temporary = !engine_.ddl_is_transactional() && dry_run_;
  const TableName fresh{name.space, "__rg_" + target.run_id};
  const table::TableSchema schema = schema_for(name, fresh, target);
  std::string sql =
      engine_.dialect().create_table(fresh, schema, target.enforce_keys && !dry_run_, target.database_checks);
  if (is_temporary) sql.replace(0, std::string_view("CREATE").size(), "CREATE TEMPORARY");
  if (!makes_for_good()) {
    TRY(session_->run(sql));
    return {};
  }
  // By a session of its own, since it would commit what this one has done.
  const std::string owner = lock_name(engine_, fresh);
  TRY(engine_.lock(*session_, std::span(&owner, 1), patience_.lock_wait));
  TRY_ASSIGN(const std::unique_ptr<Session> maker, engine_.connect(Access::Write));
  TRY(maker->run(sql));
  return {};
}

Result<void> ServerTransaction::make_table(const TableName& name, const LoadTarget& target) {
  if (makes_for_good() && sinks_ > 0)
    return fail(Code::InternalError, "a table can be made only by the first load of a transaction");
  FreshTable fresh{.name = "__rg_" + target.run_id, .schema_json = table::to_json(*target.schema)};
  for (const table::Field& field : target.schema->fields) fresh.columns.push_back(field.name);
  TRY_ASSIGN(const std::optional<TableName> stored, engine_.stored_name(*session_, name));
  fresh.replaces = stored.has_value();
  TRY(create(name, target));
  made_for_.insert_or_assign(name, target);
  tables_->add(name, std::move(fresh));
  return {};
}

Result<std::unique_ptr<Sink>> ServerTransaction::open_sink(const LoadTarget& target) {
  if (makes_for_good() && !tables_->all_fresh().empty())
    return fail(Code::InternalError, "a load that makes a table must be alone in its transaction");
  LoadTarget own = target;
  if (own.table.space == engine_.own_space()) own.table.space.clear();
  for (const table::ForeignKey& key : own.schema->foreign_keys) {
    if (!own.enforce_keys || key.table == own.table.name) continue;
    TRY_ASSIGN(const std::optional<std::string> parent, tables_->find({own.table.space, key.table}));
    if (!parent) return std::unexpected(missing_parent(own, key));
  }
  Surroundings& at = *this;
  TRY_ASSIGN(std::unique_ptr<Sink> sink, make_sink(at, own));
  ++sinks_;
  schemas_[own.table] = table::to_json(*own.schema);
  return sink;
}

Result<std::uint64_t> ServerTransaction::table_version(const TableName& table) {
  const TableName own{table.space == engine_.own_space() ? "" : table.space, table.name};
  if (dry_run_) {
    TRY_ASSIGN(const bool kept, has_ledger(engine_, *session_));
    if (!kept) return std::uint64_t{0};
  }
  TRY_ASSIGN(const std::uint64_t version, version_of(*session_, own));
  versions_[own] = version;
  return version;
}

Result<std::optional<RunRecord>> ServerTransaction::find_by_key(const Idempotency& key, Timestamp since) {
  return run_of_key(*session_, key, since);
}

Result<void> ServerTransaction::begin_part() {
  has_part_ = true;
  part_ = tables_->all_fresh();
  TRY(session_->run("SAVEPOINT rg_part"));
  return {};
}

Result<void> ServerTransaction::undo_part() {
  TRY(session_->run("ROLLBACK TO SAVEPOINT rg_part"));
  tables_->restore(part_);  // what else was made is hidden, and goes with the session
  return {};
}

Result<void> ServerTransaction::write_records(std::span<const RunRecord> records) {
  for (const RunRecord& record : records) {
    const TableName table{record.space == engine_.own_space() ? "" : record.space, record.table};
    RunRecord own = record;
    own.space = table.space;
    const FreshTable* fresh = makes_for_good() ? tables_->fresh(table) : nullptr;
    if (fresh != nullptr) {
      const Swap swap{fresh->name, fresh->replaces, fresh->schema_json};
      TRY_ASSIGN(const bool is_new, insert_run(engine_.dialect(), *session_, own, &swap));
      if (!is_new) return std::unexpected(run_is_there(own));

      // What comes after the exchange must not fail for want of a right: nobody would know how the run ended.
      TRY(session_->run("UPDATE rowgate_runs SET swap = '' WHERE id = ''"));
      TRY(session_->run("UPDATE rowgate_schema SET digest = '' WHERE table_name = '' AND version < 0"));
      continue;
    }
    TRY_ASSIGN(const bool is_new, insert_run(engine_.dialect(), *session_, own));
    if (!is_new) return std::unexpected(run_is_there(own));
    TRY(set_version(*session_, table, own.version_after, schemas_[table], own.finished_at));
  }
  return {};
}

Result<void> ServerTransaction::rename_within() {
  for (const auto& [table, fresh] : tables_->all_fresh()) {
    if (fresh.replaces) TRY(session_->run("DROP TABLE " + quoted(engine_, table, table.name)));
    TRY(session_->run(fmt::format("ALTER TABLE {} RENAME TO {}", quoted(engine_, table, fresh.name),
                                  engine_.dialect().quote(table.name))));
    TRY(engine_.name_constraints(*session_, table, fresh.name));
  }
  return {};
}

Result<void> ServerTransaction::commit(std::span<const RunRecord> records) {
  if (dry_run_) return fail(Code::InternalError, "a dry run cannot be committed");
  TRY(write_records(records));
  if (makes_for_good() && !tables_->all_fresh().empty()) return commit_by_rename(records);
  if (const Result<void> renamed = rename_within(); !renamed)
    return std::unexpected(as_busy(renamed.error()));
  return finish_commit(records);
}

Result<void> ServerTransaction::finish_commit(std::span<const RunRecord> records) {
  const Result<std::uint64_t> done = session_->run("COMMIT");
  is_done_ = true;
  if (!done && session_->is_lost()) return decide(records, done.error());
  if (!done) return std::unexpected(done.error());
  session_.reset();  // which gives the locks back
  return {};
}

Result<void> ServerTransaction::commit_by_rename(std::span<const RunRecord> records) {
  const auto attempt = [&]() -> Result<void> {
    TRY(session_->run("COMMIT"));
    is_done_ = true;  // from here on the ledger says what is to be done with the fresh table
    std::vector<std::string> renames;
    for (const auto& [table, fresh] : tables_->all_fresh()) {
      if (fresh.replaces)
        renames.push_back(fmt::format("{} TO {}", quoted(engine_, table, table.name),
                                      quoted(engine_, table, fresh.name + std::string(kOldSuffix))));
      renames.push_back(
          fmt::format("{} TO {}", quoted(engine_, table, fresh.name), quoted(engine_, table, table.name)));
    }
    TRY(session_->run(fmt::format("RENAME TABLE {}", fmt::join(renames, ", "))));
    return {};
  };
  Result<void> renamed = attempt();
  if (!renamed && session_->is_lost()) return decide(records, renamed.error());
  if (!renamed && !is_done_) return renamed;

  // The names that there are say what has happened, and only they: after the COMMIT no error is a failure.
  std::optional<Error> why;
  if (!renamed) why = as_busy(renamed.error());
  const Result<void> settled = settle_left_overs(engine_, *session_, names_, why ? &*why : nullptr);
  if (!settled) return decide(records, settled.error());
  session_.reset();
  if (renamed) return {};
  return std::unexpected(as_busy(renamed.error()));
}

/// Settles a commit whose answer was lost, as said at ServerTransaction.
Result<void> ServerTransaction::decide(std::span<const RunRecord> records, const Error& lost) {
  is_done_ = true;
  if (records.empty()) return std::unexpected(lost);
  tables_->restore({});

  // All records are committed together, or none is.
  for (;;) {
    const Result<bool> committed = was_committed(records.front(), lost);
    session_.reset();
    if (committed && *committed) return {};
    if (committed) return std::unexpected(lost);
    const Code code = committed.error().code;
    const bool may_pass =
        code == Code::DatabaseUnreachable || code == Code::DatabaseDeadlock || code == Code::TableBusy;
    if (!may_pass || tries_ >= kTries) return std::unexpected(undecided(records.front(), committed.error()));
    wait_before_try(++tries_, patience_.first_retry);
  }
}

Result<bool> ServerTransaction::was_committed(const RunRecord& record, const Error& lost) {
  TRY(start());
  const Param id[] = {record.id};
  TRY_ASSIGN(const std::vector<RunRecord> found, read_runs(*session_, "id = ?", id, 1));
  if (!found.empty()) return !found.front().error;

  RunRecord failed = as_failed(record, lost);
  if (failed.space == engine_.own_space()) failed.space.clear();
  TRY_ASSIGN(const bool is_new, insert_run(engine_.dialect(), *session_, failed));
  if (!is_new) return fail(Code::TableBusy, "the run is just being committed");
  TRY(session_->run("COMMIT"));
  return false;
}

}  // namespace rowgate::db::server

#include "db/server/database.h"

#include "base/text.h"
#include "db/server/alter.h"
#include "db/server/links.h"
#include "db/server/transaction.h"
#include "db/stored_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace rowgate::db::server {
namespace {

/// How often a query is begun anew.
constexpr unsigned kSnapshotAttempts = 3;
/// What a server has to say that a query took too long.
constexpr std::chrono::seconds kBeyondTimeout{5};

class ServerDatabase : public Database, private Ledger {
 public:
  ServerDatabase(std::unique_ptr<Engine> engine, std::unique_ptr<Engine> reader, const Patience& patience,
                 unsigned pool)
      : engine_(std::move(engine)), reader_(std::move(reader)), patience_(patience), pool_size_(pool) {}

  Result<std::unique_ptr<Transaction>> begin(std::span<const TableName> tables) override {
    return begin(tables, false);
  }
  Result<std::unique_ptr<Transaction>> begin_dry_run(std::span<const TableName> tables) override {
    return begin(tables, true);
  }
  Result<std::unique_ptr<Cursor>> query(const Query& query) override {
    const Engine& engine = reader_ ? *reader_ : *engine_;
    for (unsigned attempt = 1;; ++attempt) {
      if (query.stop.stop_requested()) return std::unexpected(nobody_waits());
      const auto began = std::chrono::steady_clock::now();
      TRY_ASSIGN(std::unique_ptr<Session> session, engine.connect(Access::Read));
      // Until its timeout the server itself ends the statement.
      session->allow_silence(
          std::min<std::chrono::milliseconds>(query.timeout + kBeyondTimeout, patience_.load_silence));
      Result<std::unique_ptr<Cursor>> cursor = engine.open_cursor(std::move(session), query);
      // A table was exchanged between the snapshot and the query. Or somebody holds it locked, and has done
      // so for as long as anybody waits.
      const bool has_waited = std::chrono::steady_clock::now() - began >= patience_.lock_wait;
      const bool is_moved = !cursor && cursor.error().code == Code::DatabaseDeadlock && !has_waited;
      if (!is_moved || attempt == kSnapshotAttempts) return cursor;
    }
  }
  Result<std::vector<TableState>> tables(Rows rows) override;
  Result<std::optional<TableState>> table(const TableName& table, Rows rows) override;
  Result<std::vector<TableName>> left_overs() override;
  Result<std::vector<std::string>> differences(const LoadTarget& target) override;
  Result<std::vector<std::string>> plan(const LoadTarget& target) override;
  Ledger& ledger() override { return *this; }
  LinkLedger& links() override { return links_; }
  const SqlDialect& dialect() const override { return engine_->dialect(); }
  std::string script_head() const override { return engine_->dialect().script_head(engine_->own_space()); }
  std::string place() const override { return engine_->describe() + " " + engine_->own_space(); }
  Result<std::string> identity() override {
    return pool_.read<std::string>([this](Session& session) -> Result<std::string> {
      TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
      if (!kept) return std::string();
      return identity_of(session);
    });
  }
  std::string describe() const override { return engine_->describe(); }
  Result<std::string> server_version() override {
    return pool_.read<std::string>([this](Session& session) { return engine_->version(session); });
  }
  bool exists() const override { return true; }  // nobody makes databases of a server by loading
  unsigned writers() const override { return pool_size_; }
  void stop_waiting() override {
    engine_->stop_waiting();
    if (reader_) reader_->stop_waiting();
  }

 private:
  // Ledger
  Result<std::vector<RunRecord>> runs(const std::optional<TableName>& of_table, std::size_t limit,
                                      const std::optional<std::string>& before) override;
  Result<std::vector<RunRecord>> find(std::string_view prefix) override;
  Result<RunRecord> record(const RunRecord& run) override;
  Result<void> set_warnings(const RunRecord& run) override {
    return pool_.change([&](Session& session) { return server::set_warnings(session, run); });
  }
  Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) override;
  Result<std::optional<std::string>> find_same_file(const TableName& table, std::string_view sha256) override;

  TableName own(const TableName& table) const {
    return {table.space == engine_->own_space() ? "" : table.space, table.name};
  }
  Result<std::unique_ptr<Transaction>> begin(std::span<const TableName> tables, bool dry_run);
  Result<std::vector<Difference>> compared(Session& session, const TableName& stored,
                                           const LoadTarget& target, Shape& shape) const;
  Result<std::vector<std::string>> notes_of(Session& session, const TableName& stored,
                                            const LoadTarget& target, const Shape& shape,
                                            const std::vector<Difference>& found) const;
  Result<TableState> state_of(Session& session, const TableName& table, Rows rows) const;
  Result<std::vector<RunRecord>> read(const std::string& condition, std::span<const Param> params,
                                      std::size_t limit);

  std::unique_ptr<Engine> engine_, reader_;
  Patience patience_;
  unsigned pool_size_;
  Pool pool_{*engine_, pool_size_};
  ServerLinks links_{*engine_, pool_, reader_ ? *reader_ : *engine_};
};

Result<std::unique_ptr<Transaction>> ServerDatabase::begin(std::span<const TableName> tables, bool dry_run) {
  std::vector<TableName> names;
  for (const TableName& table : tables) names.push_back(own(table));
  auto transaction =
      std::make_unique<ServerTransaction>(*engine_, pool_, patience_, std::move(names), dry_run);
  TRY(transaction->begin());
  return std::unique_ptr<Transaction>(std::move(transaction));
}

Result<TableState> ServerDatabase::state_of(Session& session, const TableName& table, Rows rows) const {
  TableState state{.table = table};
  if (rows == Rows::Counted) {
    session.allow_silence(patience_.load_silence);
    TRY_ASSIGN(state.rows, session.count("SELECT COUNT(*) FROM " + engine_->dialect().quote(table)));
    session.allow_silence(patience_.silence);
  }
  TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
  if (!kept) return state;
  TRY_ASSIGN(state.version, version_of(session, table));
  TRY_ASSIGN(state.schema_json, kept_schema_of(session, table));
  return state;
}

Result<std::vector<TableState>> ServerDatabase::tables(Rows rows) {
  return pool_.read<std::vector<TableState>>([this,
                                              rows](Session& session) -> Result<std::vector<TableState>> {
    std::vector<TableState> states;
    std::vector<TableName> names;
    TRY_ASSIGN(const std::vector<std::string> own_names, engine_->table_names(session, ""));
    for (const std::string& name : own_names) names.push_back({"", name});
    TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
    if (kept) {  // tables of other spaces are known from what was loaded
      TRY_ASSIGN(
          const std::vector<TextRow> loaded,
          session.rows(
              "SELECT table_space, table_name FROM rowgate_schema WHERE table_space <> '' ORDER BY 1, 2"));
      for (const TextRow& row : loaded) names.push_back({row[0].value_or(""), row[1].value_or("")});
    }
    for (const TableName& name : names) {
      if (name.name.starts_with("rowgate_") || name.name.starts_with("__rg_")) continue;
      TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(session, name));
      if (!stored) continue;  // dropped meanwhile
      TRY_ASSIGN(TableState state, state_of(session, *stored, rows));
      states.push_back(std::move(state));
    }
    return states;
  });
}

Result<std::optional<TableState>> ServerDatabase::table(const TableName& table, Rows rows) {
  return pool_.read<std::optional<TableState>>([&](Session& session) -> Result<std::optional<TableState>> {
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(session, own(table)));
    if (!stored) return std::optional<TableState>{};
    TRY_ASSIGN(TableState state, state_of(session, *stored, rows));
    return std::optional<TableState>(std::move(state));
  });
}

Result<std::vector<TableName>> ServerDatabase::left_overs() {
  using Names = std::vector<TableName>;
  return pool_.read<Names>([this](Session& session) -> Result<Names> {
    Names found;
    TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
    if (!kept) return found;

    std::set<std::string> spaces = {""};
    TRY_ASSIGN(const std::vector<TextRow> known,
               session.rows("SELECT DISTINCT table_space FROM rowgate_schema"));
    for (const TextRow& row : known) spaces.insert(row[0].value_or(""));

    for (const std::string& space : spaces) {
      TRY_ASSIGN(const std::vector<std::string> orphans, orphans_of_loads(*engine_, session, space));
      for (const std::string& name : orphans) found.push_back({space, name});
    }
    return found;
  });
}

Result<std::vector<std::string>> ServerDatabase::differences(const LoadTarget& target) {
  LoadTarget own_target = target;
  own_target.table = own(target.table);
  using Words = std::vector<std::string>;
  return pool_.read<Words>([&](Session& session) -> Result<Words> {
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(session, own_target.table));
    if (!stored) return Words{};
    Shape shape;
    TRY_ASSIGN(const std::vector<Difference> found, compared(session, *stored, own_target, shape));
    return words_of(found);
  });
}

Result<std::vector<Difference>> ServerDatabase::compared(Session& session, const TableName& stored,
                                                         const LoadTarget& target, Shape& shape) const {
  TRY_ASSIGN(shape, engine_->shape_of(session, stored));
  return compare(shape, target, engine_->dialect().column_types(*target.schema),
                 [this](const ColumnShape& column, const table::Field& field, bool in_key) {
                   return engine_->fits(column, field, in_key);
                 });
}

/// How many values stand against the plan, before its first statement.
Result<std::vector<std::string>> ServerDatabase::notes_of(Session& session, const TableName& stored,
                                                          const LoadTarget& target, const Shape& shape,
                                                          const std::vector<Difference>& found) const {
  std::vector<std::string> notes;
  for (const Hazard& hazard : hazards_of(engine_->dialect(), target, shape, found)) {
    const Result<std::uint64_t> count = session.count(
        fmt::format("SELECT COUNT(*) FROM {} WHERE {}", engine_->dialect().quote(stored), hazard.condition));
    if (!count && session.is_lost()) return std::unexpected(count.error());
    if (!count)
      notes.push_back(
          fmt::format("-- the script fails: values that cannot be of the new type {}\n", hazard.words));
    else if (*count > 0 && hazard.is_loss)
      notes.push_back(fmt::format("-- {} values {}\n", grouped(*count), hazard.words));
    else if (*count > 0)
      notes.push_back(fmt::format("-- the script fails: {} values {}; correct them first\n", grouped(*count),
                                  hazard.words));
  }
  return notes;
}

Result<std::vector<std::string>> ServerDatabase::plan(const LoadTarget& target) {
  LoadTarget own_target = target;
  own_target.table = own(target.table);
  using Statements = std::vector<std::string>;
  return pool_.read<Statements>([&](Session& session) -> Result<Statements> {
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(session, own_target.table));
    if (!stored)
      return Statements{engine_->dialect().create_table(own_target.table, *target.schema, target.enforce_keys,
                                                        target.database_checks)};
    Shape shape;
    TRY_ASSIGN(const std::vector<Difference> found, compared(session, *stored, own_target, shape));
    if (found.empty()) return Statements{};
    TRY_ASSIGN(Statements statements, notes_of(session, *stored, own_target, shape, found));
    const bool has_transactions = engine_->ddl_is_transactional();
    if (has_transactions) statements.emplace_back("BEGIN;\n");
    for (std::string& statement : alterations(engine_->dialect(), *stored, own_target, shape, found))
      statements.push_back(std::move(statement));
    if (has_transactions) statements.emplace_back("COMMIT;\n");
    return statements;
  });
}

Result<std::vector<RunRecord>> ServerDatabase::read(const std::string& condition,
                                                    std::span<const Param> params, std::size_t limit) {
  return pool_.read<std::vector<RunRecord>>([&](Session& session) -> Result<std::vector<RunRecord>> {
    TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
    if (!kept) return std::vector<RunRecord>{};
    TRY_ASSIGN(const std::vector<std::string> swapping, settle_swaps(*engine_, session));
    return read_runs(session, condition, params, limit);
  });
}

/// What sorts behind every id, so that one statement serves with and without a bound.
constexpr std::string_view kAfterAllIds = "~";

Result<std::vector<RunRecord>> ServerDatabase::runs(const std::optional<TableName>& of_table,
                                                    std::size_t limit,
                                                    const std::optional<std::string>& before) {
  const std::string_view bound = before ? std::string_view(*before) : kAfterAllIds;
  if (!of_table) {
    const Param params[] = {bound};
    return read("id < ?", params, limit);
  }
  const TableName table = own(*of_table);
  const Param params[] = {bound, table.space, table.name};
  return read("id < ? AND table_space = ? AND table_name = ?", params, limit);
}

Result<std::vector<RunRecord>> ServerDatabase::find(std::string_view prefix) {
  std::string id = lower_ascii(prefix);
  if (!id.starts_with("run_")) id = "run_" + id;
  const Param params[] = {id, id};
  using Runs = std::vector<RunRecord>;
  return pool_.read<Runs>([&](Session& session) -> Result<Runs> {
    TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
    if (!kept) return Runs{};
    TRY_ASSIGN(const std::vector<std::string> swapping, settle_swaps(*engine_, session));
    for (const std::string& busy : swapping)  // whether it has happened is not decided yet
      if (lower_ascii(busy).starts_with(id))
        return fail(Code::TableBusy, fmt::format("the run {} is just being committed", busy),
                    "ask again in a moment");
    return read_runs(session, "SUBSTR(LOWER(id), 1, CHAR_LENGTH(?)) = ?", params, 20);
  });
}

Result<std::optional<RunRecord>> ServerDatabase::find_by_key(const Idempotency& key, Timestamp since) {
  if (!key) return std::optional<RunRecord>{};
  using Found = std::optional<RunRecord>;
  return pool_.read<Found>([&](Session& session) -> Result<Found> {
    TRY_ASSIGN(const bool kept, has_ledger(*engine_, session));
    if (!kept) return Found{};
    TRY(settle_swaps(*engine_, session));
    return run_of_key(session, key, since);
  });
}

Result<RunRecord> ServerDatabase::record(const RunRecord& run) {
  RunRecord own_run = run;
  own_run.space = own({run.space, run.table}).space;
  bool is_new = false;
  TRY(pool_.change([&](Session& session) -> Result<void> {
    TRY_ASSIGN(is_new, insert_run(engine_->dialect(), session, own_run));
    return {};
  }));
  if (is_new) return own_run;

  // A swap that is not settled is table.busy: its table's lock decides, not the row.
  TRY_ASSIGN(std::vector<RunRecord> found, find(run.id));
  if (found.empty()) return fail(Code::TableBusy, fmt::format("the run {} is just being committed", run.id));
  return std::move(found.front());
}

Result<std::optional<std::string>> ServerDatabase::find_same_file(const TableName& table,
                                                                  std::string_view sha256) {
  if (sha256.empty()) return std::optional<std::string>{};
  const TableName name = own(table);
  const Param params[] = {name.space, name.name, sha256};
  TRY_ASSIGN(const std::vector<RunRecord> found,
             read("table_space = ? AND table_name = ? AND file_sha256 = ? AND status IN ('succeeded', "
                  "'succeeded_with_rejects') AND dry_run = 0",
                  params, 1));
  if (found.empty()) return std::optional<std::string>{};
  return std::optional<std::string>(found.front().id);
}

}  // namespace

std::unique_ptr<Database> make_database(std::unique_ptr<Engine> engine, std::unique_ptr<Engine> reader,
                                        const Patience& patience, unsigned pool) {
  return std::make_unique<ServerDatabase>(std::move(engine), std::move(reader), patience, pool);
}

}  // namespace rowgate::db::server

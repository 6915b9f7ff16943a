#include "app/damage.h"

#include "base/text.h"

#include <fmt/format.h>

#include <optional>
#include <set>

namespace rowgate::app {
namespace {

constexpr std::size_t kRunsAtOnce = 1000;

/// What the ledger says of a table.
struct Account {
  std::set<std::uint64_t> versions;        ///< that loads have made
  std::uint64_t rows = 0;                  ///< that the loads since the last replace have put into it
  std::optional<db::RunRecord> suspicion;  ///< the newest load that failed though the database had taken rows
};

/// A load that the database ended when all of its rows were there. What rowgate itself refuses is not meant.
bool may_have_left_rows(const db::RunRecord& run) {
  return run.status == db::RunStatus::Failed && run.rows_accepted > 0 && run.error &&
         info(run.error->code).text.starts_with("database.");
}

Result<Account> account_of(db::Ledger& ledger, const db::TableName& table) {
  Account account;
  bool is_replaced = false;  // by a newer load than those that are still to come
  std::optional<std::string> before;
  for (;;) {
    TRY_ASSIGN(const std::vector<db::RunRecord> runs, ledger.runs(table, kRunsAtOnce, before));
    for (const db::RunRecord& run : runs) {
      if (run.dry_run) continue;
      if (may_have_left_rows(run) && !account.suspicion) account.suspicion = run;
      if (!db::has_loaded(run)) continue;

      account.versions.insert(run.version_after);
      if (!is_replaced) account.rows += run.rows_inserted.value_or(run.rows_accepted);
      is_replaced |= run.mode == "replace";
    }
    if (runs.size() < kRunsAtOnce) return account;
    before = runs.back().id;
  }
}

Result<void> look_at(db::Database& database, const db::TableState& table, std::vector<Damage>& found) {
  TRY_ASSIGN(const Account account, account_of(database.ledger(), table.table));
  const std::string name = shown(table.table.name);
  for (std::uint64_t version = 1; version <= table.version; ++version) {
    if (account.versions.contains(version)) continue;
    found.push_back(
        {fmt::format("no load in the ledger made version {} of `{}`", version, name),
         "a load that `rowgate runs` calls failed may have been committed: compare the table with its file"});
    break;
  }
  if (!account.suspicion) return {};

  TRY_ASSIGN(const std::optional<db::TableState> counted_table,
             database.table(table.table, db::Rows::Counted));
  if (!counted_table || counted_table->rows == account.rows) return {};
  const db::RunRecord& run = *account.suspicion;
  found.push_back({fmt::format("`{}` has {} rows, and the loads that succeeded account for {}; {} failed "
                               "({}) after {} rows were accepted",
                               name, grouped(counted_table->rows), grouped(account.rows), run.id,
                               info(run.error->code).text, grouped(run.rows_accepted)),
                   "compare the table with the file of that load; where its rows are there twice or "
                   "unwanted, delete them or load the "
                   "table with --mode replace"});
  return {};
}

}  // namespace

Result<std::vector<Damage>> find_damage(db::Database& database) {
  std::vector<Damage> found;
  if (!database.exists()) return found;
  TRY_ASSIGN(const std::vector<db::TableName> left, database.left_overs());
  for (const db::TableName& table : left)
    found.push_back({fmt::format("a load left the table {} behind", database.dialect().quote(table)),
                     fmt::format("DROP TABLE {}; no load needs it", database.dialect().quote(table))});

  TRY_ASSIGN(const std::vector<db::TableState> tables, database.tables(db::Rows::NotCounted));
  for (const db::TableState& table : tables) TRY(look_at(database, table, found));
  return found;
}

}  // namespace rowgate::app

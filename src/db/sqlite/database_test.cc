// What is so on SQLite only.

#include "db/database.h"

#include "db/sqlite/connection.h"
#include "db/sqlite/database.h"
#include "db/testing.h"

#include <cstdio>

namespace rowgate::db::sqlite {
namespace {

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  testing::TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "data" / "rowgate.db";
  std::unique_ptr<Database> database_ = sqlite_database(file_, std::chrono::milliseconds(50));
};

TEST_F(SqliteDatabaseTest, AnOlderLedgerGetsItsNewColumns) {
  RunRecord first{.id = "run_1", .status = RunStatus::Failed, .table = "departments"};
  ASSERT_TRUE(database_->ledger().record(first));
  {
    const auto old = Connection::open(file_, Access::Write, std::chrono::milliseconds(0));
    ASSERT_TRUE(old);
    ASSERT_TRUE(
        old->run("DROP INDEX rowgate_runs_by_key; DROP INDEX rowgate_runs_by_loaded_file; ALTER TABLE "
                 "rowgate_runs DROP COLUMN fingerprint; "
                 "ALTER TABLE rowgate_runs DROP COLUMN idempotency_key; "
                 "ALTER TABLE rowgate_runs DROP COLUMN dry_run"));
  }
  const TableName table{.name = "departments"};
  EXPECT_EQ(database_->ledger().runs(table, 10)->size(), 1u) << "read before it is written to";
  RunRecord judged{.id = "run_ZZ", .status = RunStatus::Failed, .table = "departments"};
  judged.idempotency = {"ada", "POST", "/v1/loads", "k1", "f"};
  judged.dry_run = true;
  ASSERT_TRUE(database_->ledger().record(judged));
  const Result<std::vector<RunRecord>> runs = database_->ledger().runs(table, 10);
  ASSERT_TRUE(runs) << to_text(runs.error());
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_TRUE((*runs)[0].dry_run);
  EXPECT_FALSE((*runs)[1].dry_run);
}

TEST_F(SqliteDatabaseTest, EveryWriterMakesItBusy) {
  ASSERT_TRUE(database_->ledger().record({.id = "run_1"}));
  const auto other = sqlite_database(file_, std::chrono::milliseconds(50));
  Result<std::unique_ptr<Transaction>> held = other->begin({});
  ASSERT_TRUE(held);
  EXPECT_EQ(database_->ledger().record({.id = "run_1"}).error().code, Code::TableBusy);
}

TEST_F(SqliteDatabaseTest, AFileThatIsNoDatabaseIsSaid) {
  std::filesystem::create_directories(file_.parent_path());
  FILE* file = std::fopen(file_.c_str(), "w");
  std::fputs(
      "this is a text, and long enough to be looked at as a database header by SQLite, which it is not",
      file);
  std::fclose(file);
  EXPECT_EQ(database_->begin({}).error().code, Code::DatabaseUnreachable);
  EXPECT_EQ(database_->query({.sql = "SELECT 1"}).error().code, Code::DatabaseUnreachable);
}

TEST_F(SqliteDatabaseTest, StatementsThatOnlySqliteKnowsAreRefused) {
  ASSERT_TRUE(database_->ledger().record({.id = "run_1"}));
  for (const char* sql : {"PRAGMA journal_mode=DELETE", "ATTACH 'x.db' AS x"})
    EXPECT_EQ(database_->query({.sql = sql}).error().code, Code::ReportBadSql) << sql;
}

}  // namespace
}  // namespace rowgate::db::sqlite

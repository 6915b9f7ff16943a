#include "db/sqlite/database.h"
#include "report/report.h"
#include "report/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace rowgate::report {
namespace {

using db::testing::TestBatch;
using db::testing::TestRow;
using table::Type;
using ::testing::HasSubstr;
using testing::into;
using ::testing::StartsWith;

const db::TableName kHires{.name = "hires"};

/// Notes whether it was told that the rows are complete.
class WatchedWriter : public RowWriter {
 public:
  explicit WatchedWriter(std::unique_ptr<RowWriter> to) : to_(std::move(to)) {}
  Result<void> begin(std::span<const Column> columns) override { return to_->begin(columns); }
  Result<void> row(std::span<const OutputCell> cells) override { return to_->row(cells); }
  Result<void> end() override {
    ended = true;
    return to_->end();
  }
  bool ended = false;

 private:
  std::unique_ptr<RowWriter> to_;
};

class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    schema_ = db::testing::make_schema({{"id", Type::Integer},
                                        {"name", Type::String},
                                        {"pay", Type::Number},
                                        {"active", Type::Boolean},
                                        {"bonus", Type::Number}});
    schema_.fields[4].decimal = table::Decimal{20, 2};
    const std::vector<TestRow> rows = {{3, "ada", 2.5, 1, "12345678901234567.80"},
                                       {1, "Bo", nullptr, 0, "-1.00"},
                                       {10, "Ada", 10.0, nullptr, nullptr},
                                       {2, nullptr, 2.5, 1, "0.00"}};
    const auto transaction = database_->begin(std::span(&kHires, 1));
    ASSERT_TRUE(transaction);
    const auto sink =
        (*transaction)
            ->open_sink({.table = kHires, .schema = &schema_, .scratch = folder_.path(), .run_id = "run_1"});
    ASSERT_TRUE(sink) << to_text(sink.error());
    const TestBatch batch(rows);
    ASSERT_TRUE((*sink)->write(batch.get()));
    ASSERT_TRUE((*sink)->settle());
    const db::RunRecord run{
        .id = "run_1", .status = db::RunStatus::Succeeded, .table = "hires", .version_after = 1};
    ASSERT_TRUE((*transaction)->commit(std::span(&run, 1)));
  }

  /// The report as CSV (or JSON), or "code: message".
  std::string run_it(const Definition& report,
                     const std::vector<std::pair<std::string, std::string>>& given = {}, bool json = false) {
    std::string out;
    WatchedWriter writer(json ? json_writer(into(out)) : csv_writer(into(out), false));
    const Result<Outcome> outcome = run(*database_, report, given, writer, folder_.path());
    EXPECT_EQ(writer.ended, outcome.has_value());
    if (!outcome) return std::string(text(outcome.error().code)) + ": " + outcome.error().message;
    rows_ = outcome->rows;
    return out;
  }

  testing::TempFolder folder_;
  std::unique_ptr<db::Database> database_ = db::sqlite_database(folder_.path() / "rowgate.db");
  table::TableSchema schema_;
  std::uint64_t rows_ = 0;
};

Definition report_of(std::string sql) {
  return {.name = "test", .sql = std::move(sql)};
}

TEST_F(ReportTest, WithoutSortTheRowsComeInTheDatabasesOrderAndNames) {
  EXPECT_EQ(run_it(report_of("SELECT id, name AS who FROM hires ORDER BY id DESC")),
            "id,who\r\n10,Ada\r\n3,ada\r\n2,\r\n1,Bo\r\n");
  EXPECT_EQ(rows_, 4u);
  EXPECT_EQ(run_it(report_of("SELECT id FROM hires WHERE id > 99")), "id\r\n");
}

TEST_F(ReportTest, SortIsByColumnsValueFoldedAndNullsFirst) {
  Definition report = report_of("SELECT name, pay, id FROM hires");
  report.sort = {{.column = "name"}};
  EXPECT_EQ(run_it(report), "name,pay,id\r\n,2.5,2\r\nAda,10,10\r\nada,2.5,3\r\nBo,,1\r\n");
  report.sort = {{.column = "pay", .descending = true}, {.column = "id"}};
  EXPECT_EQ(run_it(report), "name,pay,id\r\nAda,10,10\r\n,2.5,2\r\nada,2.5,3\r\nBo,,1\r\n");
  report.columns = {{"who"}, {"gets"}, {"number"}};
  report.sort = {{.column = "number"}};  // by its name in the report
  EXPECT_EQ(run_it(report), "who,gets,number\r\nBo,,1\r\n,2.5,2\r\nada,2.5,3\r\nAda,10,10\r\n");
}

TEST_F(ReportTest, ColumnsWithATypeAreWrittenByIt) {
  Definition report = report_of("SELECT id, active, pay, bonus FROM hires ORDER BY id");
  report.columns = {
      {"id", Type::Integer}, {"active", Type::Boolean}, {"pay", Type::Number, 2}, {"bonus", Type::Number}};
  EXPECT_EQ(
      run_it(report),
      "id,active,pay,bonus\r\n1,false,,-1.00\r\n2,true,2.50,0.00\r\n3,true,2.50,12345678901234567.80\r\n"
      "10,,10.00,\r\n");
  EXPECT_THAT(run_it(report, {}, true),
              HasSubstr("{\"id\":3,\"active\":true,\"pay\":2.50,\"bonus\":12345678901234567.80}"));
}

TEST_F(ReportTest, ParametersAreBoundNeverSpliced) {
  Definition report = report_of("SELECT id FROM hires WHERE name = :who OR id = :number ORDER BY id");
  report.params = {{"who", Type::String, "Bo"}, {"number", Type::Integer, "0"}};
  EXPECT_EQ(run_it(report), "id\r\n1\r\n");
  EXPECT_EQ(run_it(report, {{"who", "' OR 1=1 --"}, {"number", "3"}}), "id\r\n3\r\n");
  EXPECT_THAT(run_it(report, {{"number", "3 OR 1=1"}}), StartsWith("report.bad_parameter: "));
}

struct BadQuery {
  const char* name;
  const char* sql;
  const char* expected;
};
const BadQuery kBadQueries[] = {
    {"two statements", "SELECT 1; SELECT 2", "report.bad_sql: there is more than one statement in it"},
    {"a write", "DELETE FROM hires", "report.bad_sql: the statement would do more than read"},
    {"a write that returns rows", "INSERT INTO hires (id) VALUES (77) RETURNING id",
     "report.bad_sql: the statement would do more than read"},
    {"a new table", "CREATE TABLE t AS SELECT 1", "report.bad_sql: the statement would do more than read"},
    {"another database", "ATTACH 'x.db' AS x", "report.bad_sql: the statement would do more than read"},
    {"a setting", "PRAGMA user_version = 5", "report.bad_sql: the statement would do more than read"},
    {"nothing", " -- only a comment", "report.bad_sql: there is no statement in it"},
    {"no SQL", "SELEC 1", "report.bad_sql: the SQL does not compile: near \"SELEC\""},
    {"no such table", "SELECT * FROM nobody", "table.unknown: the query reads a table that is not there"},
    {"a parameter that is not declared", "SELECT :year", "report.bad_sql: the parameter :year has no value"},
    {"a parameter without name", "SELECT ?", "report.bad_sql: a parameter has no name of the form :name"},
    {"an error on the way", "SELECT abs(-9223372036854775808)",
     "report.bad_sql: the query failed: integer overflow"},
};

TEST_F(ReportTest, WhatIsNoSelectIsRefusedAndChangesNothing) {
  for (const BadQuery& c : kBadQueries) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(run_it(report_of(c.sql)), StartsWith(c.expected));
  }
  EXPECT_EQ(run_it(report_of("SELECT count(*) AS n FROM hires")), "n\r\n4\r\n");
  EXPECT_EQ(run_it(report_of("SELECT 1 AS n; -- and no more")), "n\r\n1\r\n");
}

TEST_F(ReportTest, ADefinitionThatDoesNotFitItsSqlIsTold) {
  Definition report = report_of("SELECT id, name FROM hires");
  report.columns = {{"id"}};
  EXPECT_EQ(run_it(report), "report.bad_sql: the report names 1 columns, but its sql gives 2");
  report.columns = {};
  report.sort = {{.column = "nam"}};
  EXPECT_EQ(run_it(report), "report.bad_sql: the report is sorted by `nam`, which is none of its columns");
  report.sort = {};
  report.columns = {{"id"}, {"name", Type::Integer}};
  EXPECT_THAT(run_it(report),
              StartsWith("report.bad_sql: the column `name` is declared as integer, but holds"));
}

TEST_F(ReportTest, RowsBeyondTheLimitFailSortedOrNot) {
  Definition report = report_of("SELECT id FROM hires");
  report.max_rows = 4;
  EXPECT_THAT(run_it(report), StartsWith("id\r\n"));
  report.max_rows = 3;
  EXPECT_EQ(run_it(report), "report.too_large: the report has more than 3 rows");
  report.sort = {{.column = "id"}};
  EXPECT_EQ(run_it(report), "report.too_large: the report has more than 3 rows");
}

TEST_F(ReportTest, AQueryWithoutEndTimesOut) {
  Definition report =
      report_of("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n");
  report.timeout = std::chrono::milliseconds(30);
  EXPECT_EQ(run_it(report), "report.timeout: the query took longer than 0.03 s");
}

/// More than the memory for sorting, so that the scratch file is in it too.
TEST_F(ReportTest, SortsManyRows) {
  Definition report = report_of(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49999) "
      "SELECT i * 7919 % 50000 AS k, hex(zeroblob(500)) AS filler FROM n");
  report.sort = {{.column = "k", .descending = true}};
  const std::string out = run_it(report);
  ASSERT_EQ(rows_, 50'000u);
  std::size_t at = out.find('\n') + 1;
  for (int k = 49'999; k >= 0; --k) {
    const std::string start = std::to_string(k) + ",0000";
    ASSERT_EQ(out.compare(at, start.size(), start), 0) << k;
    at = out.find('\n', at) + 1;
  }
}

TEST_F(ReportTest, WithoutDatabaseThereIsNoReport) {
  const auto missing = db::sqlite_database(folder_.path() / "missing.db");
  std::string out;
  const auto writer = csv_writer(into(out), false);
  const Result<Outcome> outcome = run(*missing, report_of("SELECT 1"), {}, *writer, folder_.path());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::DatabaseUnreachable);
  EXPECT_FALSE(missing->exists());
}

TEST_F(ReportTest, AnErrorOfTheOutputEndsTheReport) {
  const auto writer =
      csv_writer([](std::string_view) -> Result<void> { return fail(Code::StorageFull, "full"); }, false);
  const Result<Outcome> outcome = run(*database_, report_of("SELECT 1"), {}, *writer, folder_.path());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::StorageFull);
}

TEST_F(ReportTest, TableRowsComeByPrimaryKeyTypedByTheSchema) {
  const auto rows = [&](const table::TableSchema* schema, std::optional<std::uint64_t> limit) {
    std::string out;
    const auto writer = csv_writer(into(out), false);
    const Result<Outcome> outcome = table_rows(*database_, kHires, schema, limit, false, *writer);
    return outcome ? fmt::format("{} rows:\r\n{}", outcome->rows, out) : to_text(outcome.error());
  };
  EXPECT_EQ(rows(&schema_, 3),
            "3 rows:\r\nid,name,pay,active,bonus\r\n1,Bo,,false,-1.00\r\n2,,2.5,true,0.00\r\n"
            "3,ada,2.5,true,12345678901234567.80\r\n");
  EXPECT_EQ(rows(&schema_, std::nullopt).substr(0, 7), "4 rows:");
  EXPECT_EQ(rows(&schema_, 0), "0 rows:\r\nid,name,pay,active,bonus\r\n");
  EXPECT_THAT(rows(nullptr, std::nullopt), HasSubstr("1,Bo,,0,-1.00\r\n"));  // as the database has them
}

}  // namespace
}  // namespace rowgate::report

// What every database must do, on all three kinds.

#include "db/database.h"

#include "base/ids.h"
#include "db/test_world.h"

#include <gmock/gmock.h>

namespace rowgate::db {
namespace {

using namespace testing;
using table::Type;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TableName departments_name{.name = "departments"};
const TableName hires_name{.name = "hires"};

/// A load's end as the tests look at it.
struct Loaded {
  std::vector<std::string> findings;
  SinkCounts counts;
  std::optional<Error> error;
};

class DatabaseTest : public ::testing::TestWithParam<Kind> {
 protected:
  DatabaseTest() : world_(GetParam()), database_(world_.open()) {
    departments_ = make_schema({{"id", Type::Integer}, {"name", Type::String}});
    departments_.fields[1].constraints.max_length = 100;
    departments_.unique_keys = {{1}};
    hires_ = make_schema({{"id", Type::Integer}, {"department_id", Type::Integer}});
    hires_.foreign_keys = {{.fields = {1}, .table = "departments", .parent_fields = {"id"}}};
    people_ = make_schema({{"id", Type::Integer}, {"boss_id", Type::Integer}});
    people_.foreign_keys = {{.fields = {1}, .table = "people", .parent_fields = {"id"}}};
  }

  LoadTarget target(const TableName& table, const table::TableSchema& schema, Mode mode) {
    return {.table = table,
            .schema = &schema,
            .mode = mode,
            .enforce_keys = enforce_,
            .scratch = world_.scratch(),
            .run_id = new_id("run_", {++now_ * 1000})};
  }

  static Result<void> write_and_settle(Transaction& transaction, const LoadTarget& where,
                                       const std::vector<TestRow>& rows, std::uint64_t unordered_bytes,
                                       Loaded& loaded) {
    TRY_ASSIGN(const std::unique_ptr<Sink> sink, transaction.open_sink(where));
    if (unordered_bytes > 0) sink->expect_unordered(unordered_bytes);
    const TestBatch batch(rows);
    TRY(sink->write(batch.get()));
    TRY_ASSIGN(KeyFindings * findings, sink->settle());
    loaded.findings = read_findings(*findings);
    loaded.counts = sink->counts();
    return {};
  }

  RunRecord record_of(const LoadTarget& where, std::uint64_t version_before) {
    RunRecord run{.id = where.run_id,
                  .status = RunStatus::Succeeded,
                  .table = where.table.name,
                  .mode = std::string(name(where.mode)),
                  .file_name = "a.csv",
                  .file_sha256 = "f00d"};
    run.version_before = version_before;
    run.version_after = version_before + 1;
    run.created_at = run.started_at = run.finished_at = {now_ * 1000};
    return run;
  }

  /// One load of some rows as one committed run.
  Loaded load(const TableName& table, const table::TableSchema& schema, Mode mode,
              const std::vector<TestRow>& rows, std::uint64_t unordered_bytes = 0) {
    Loaded loaded;
    const LoadTarget where = target(table, schema, mode);
    const auto attempt = [&]() -> Result<void> {
      TRY_ASSIGN(const std::unique_ptr<Transaction> transaction, database_->begin(std::span(&table, 1)));
      TRY_ASSIGN(const std::uint64_t version, transaction->table_version(table));
      TRY(write_and_settle(*transaction, where, rows, unordered_bytes, loaded));
      const RunRecord run = record_of(where, version);
      return transaction->commit(std::span(&run, 1));
    };
    if (Result<void> done = attempt(); !done) loaded.error = done.error();
    return loaded;
  }

  std::vector<std::string> rows_of(const std::string& table) {
    return read_rows(*database_, "SELECT * FROM \"" + table + "\" ORDER BY 1");
  }

  World world_;
  std::unique_ptr<Database> database_;
  table::TableSchema departments_, hires_, people_;
  bool enforce_ = false;
  std::int64_t now_ = 1'700'000'000'000;
};

INSTANTIATE_TEST_SUITE_P(All, DatabaseTest, ::testing::ValuesIn(kAllKinds), kind_name);

TEST_P(DatabaseTest, AppendMakesTheTableAndCountsVersions) {
  EXPECT_EQ(database_->exists(), !world_.is_sqlite());
  EXPECT_THAT(load(departments_name, departments_, Mode::Append, {{1, "Sales"}, {2, "Law"}}).findings,
              IsEmpty());
  EXPECT_THAT(load(departments_name, departments_, Mode::Append, {{3, "Legal"}}).findings, IsEmpty());
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales", "2|Law", "3|Legal"));
  const auto state = database_->table(departments_name, Rows::Counted);
  ASSERT_TRUE(state && *state);
  EXPECT_EQ((*state)->rows, 3u);
  EXPECT_EQ((*state)->version, 2u);
  EXPECT_THAT((*state)->schema_json.value_or(""), HasSubstr("\"fields\""));
}

TEST_P(DatabaseTest, KeysOfTheTableRefuseTheirRowsByLine) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}, {2, "Law"}});
  const Loaded second = load(departments_name, departments_, Mode::Append,
                             {{1, "Other"}, {3, "Law"}, {2, "Sales"}, {4, nullptr}, {5, nullptr}});
  EXPECT_THAT(second.findings, ElementsAre("2:key.duplicate_in_table:0", "3:key.not_unique:0",
                                           "4:key.duplicate_in_table:0", "4:key.not_unique:0"));
  EXPECT_EQ(second.counts.refused, 3u);
  EXPECT_EQ(second.counts.written, 2u);
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales", "2|Law", "4|-", "5|-"));
}

TEST_P(DatabaseTest, ParentsAreJudgedAfterKeys) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  load(hires_name, hires_, Mode::Append, {{10, 1}});
  const Loaded second = load(hires_name, hires_, Mode::Append, {{10, 99}, {11, 99}, {12, nullptr}, {13, 1}});
  EXPECT_THAT(second.findings, ElementsAre("2:key.duplicate_in_table:0", "3:key.no_parent:0"));
  EXPECT_THAT(rows_of("hires"), ElementsAre("10|1", "12|-", "13|1"));
}

TEST_P(DatabaseTest, AMissingParentTableCountsAsEmpty) {
  const Loaded loaded = load(hires_name, hires_, Mode::Append, {{10, 1}, {11, nullptr}});
  EXPECT_THAT(loaded.findings, ElementsAre("2:key.no_parent:0"));
  EXPECT_THAT(rows_of("hires"), ElementsAre("11|-"));
}

TEST_P(DatabaseTest, AnEnforcedReferenceNeedsItsTable) {
  enforce_ = true;
  const auto is_unknown = [](const std::optional<Error>& error) {
    return error && error->code == Code::TableUnknown && error->message.contains("`departments`") &&
           error->hint.contains("load departments first");
  };
  EXPECT_TRUE(is_unknown(load(hires_name, hires_, Mode::Append, {{10, 1}, {11, nullptr}}).error));
  {
    Result<std::unique_ptr<Transaction>> dry = database_->begin_dry_run(std::span(&hires_name, 1));
    ASSERT_TRUE(dry) << to_text(dry.error());
    Loaded judged;
    const Result<void> done =
        write_and_settle(**dry, target(hires_name, hires_, Mode::Append), {{10, 1}}, 0, judged);
    EXPECT_TRUE(!done && is_unknown(done.error()));
  }
  EXPECT_TRUE(!database_->exists() || database_->tables(Rows::Counted)->empty());
  load(departments_name, departments_, Mode::Append, {});
  EXPECT_THAT(load(hires_name, hires_, Mode::Append, {{10, 1}, {11, nullptr}}).findings,
              ElementsAre("2:key.no_parent:0"));
  EXPECT_THAT(rows_of("hires"), ElementsAre("11|-"));
}

TEST_P(DatabaseTest, RowsOfOneFileMayBeEachOthersParents) {
  const TableName people{.name = "people"};
  const Loaded first = load(people, people_, Mode::Append, {{2, 1}, {1, nullptr}, {3, 2}});
  EXPECT_THAT(first.findings, IsEmpty());
  // 5 has no boss, 6 has 5, 7 has 6: refused with it. 8 has a boss in the table; 2 is in the table already.
  const Loaded second =
      load(people, people_, Mode::Append, {{7, 6}, {6, 5}, {5, 99}, {8, 3}, {2, 1}, {9, 9}});
  EXPECT_THAT(second.findings, ElementsAre("2:key.no_parent:0", "3:key.no_parent:0", "4:key.no_parent:0",
                                           "6:key.duplicate_in_table:0"));
  EXPECT_EQ(second.counts.refused, 4u);
  EXPECT_THAT(rows_of("people"), ElementsAre("1|-", "2|1", "3|2", "8|3", "9|9"));
}

TEST_P(DatabaseTest, ReplaceOfATableThatReferencesItselfForgetsTheOldRows) {
  const TableName people{.name = "people"};
  load(people, people_, Mode::Append, {{1, nullptr}, {2, 1}});
  const Loaded second = load(people, people_, Mode::Replace, {{3, 1}, {4, nullptr}, {5, 4}});
  EXPECT_THAT(second.findings, ElementsAre("2:key.no_parent:0"));
  EXPECT_THAT(rows_of("people"), ElementsAre("4|-", "5|4"));
}

TEST_P(DatabaseTest, AnEnforcedReferenceToItselfFollowsTheTable) {
  enforce_ = true;
  const TableName people{.name = "people"};
  EXPECT_THAT(load(people, people_, Mode::Append, {{2, 1}, {1, nullptr}}).findings, IsEmpty());
  for (const Mode mode : {Mode::Append, Mode::Upsert, Mode::Replace}) {
    const Loaded next = load(people, people_, mode, {{3, 9}, {5, 4}, {4, 7}, {7, nullptr}});
    ASSERT_FALSE(next.error) << to_text(*next.error);
    EXPECT_EQ(next.findings.front(), "2:key.no_parent:0");
  }
  EXPECT_THAT(rows_of("people"), ElementsAre("4|7", "5|4", "7|-"));
  EXPECT_THAT(*database_->differences(target(people, people_, Mode::Append)), IsEmpty());
}

TEST_P(DatabaseTest, UpsertInsertsAndUpdates) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}, {2, "Law"}});
  // 2 takes the name of 1, which was there before the load: refused, whatever becomes of 1.
  const Loaded second =
      load(departments_name, departments_, Mode::Upsert, {{1, "Trade"}, {2, "Sales"}, {3, "Legal"}});
  EXPECT_THAT(second.findings, ElementsAre("3:key.not_unique:0"));
  EXPECT_EQ(second.counts.inserted, 1u);
  EXPECT_EQ(second.counts.updated, 1u);
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Trade", "2|Law", "3|Legal"));
  load(hires_name, hires_, Mode::Append, {{10, 1}});
  const Loaded third = load(hires_name, hires_, Mode::Upsert, {{10, 2}, {11, 3}, {12, 99}});
  EXPECT_THAT(third.findings, ElementsAre("4:key.no_parent:0"));
  EXPECT_EQ(third.counts.inserted, 1u);
  EXPECT_EQ(third.counts.updated, 1u);
  EXPECT_THAT(rows_of("hires"), ElementsAre("10|2", "11|3"));
}

TEST_P(DatabaseTest, UpsertNeedsAPrimaryKey) {
  departments_.primary_key = {};
  EXPECT_EQ(load(departments_name, departments_, Mode::Upsert, {{1, "Sales"}}).error.value().code,
            Code::ConfigInvalid);
}

TEST_P(DatabaseTest, ReadersSeeTheOldTableUntilTheNewOneIsCommitted) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  const LoadTarget where = target(departments_name, departments_, Mode::Replace);
  Result<std::unique_ptr<Transaction>> transaction = database_->begin(std::span(&departments_name, 1));
  ASSERT_TRUE(transaction);
  Loaded loaded;
  ASSERT_TRUE(write_and_settle(**transaction, where, {{7, "New"}}, 0, loaded));
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales"));
  const RunRecord run = record_of(where, 1);
  ASSERT_TRUE((*transaction)->commit(std::span(&run, 1)));
  EXPECT_THAT(rows_of("departments"), ElementsAre("7|New"));
  EXPECT_EQ((*database_->table(departments_name))->version, 2u);
}

TEST_P(DatabaseTest, ReplaceMakesTheTableAnewFromTheSchema) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  table::TableSchema other = make_schema({{"code", Type::String}, {"seats", Type::Number}});
  other.fields[0].constraints.max_length = 10;
  EXPECT_FALSE(load(departments_name, other, Mode::Replace, {{"a", 1.5}}).error);
  EXPECT_THAT(rows_of("departments"), ElementsAre("a|1.500000"));
}

TEST_P(DatabaseTest, DroppedTransactionsLeaveNothing) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  {
    Result<std::unique_ptr<Transaction>> transaction = database_->begin(std::span(&departments_name, 1));
    ASSERT_TRUE(transaction);
    Loaded loaded;
    ASSERT_TRUE(write_and_settle(**transaction, target(departments_name, departments_, Mode::Replace),
                                 {{7, "New"}}, 0, loaded));
  }
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales"));
  EXPECT_EQ(database_->ledger().runs(std::nullopt, 10)->size(), 1u);
}

TEST_P(DatabaseTest, AReferencedTableIsExchangedInPlace) {
  enforce_ = true;
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}, {2, "Law"}});
  load(hires_name, hires_, Mode::Append, {{10, 1}});
  EXPECT_FALSE(load(departments_name, departments_, Mode::Replace, {{1, "Trade"}, {3, "Sales"}}).error);
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Trade", "3|Sales"));
  const Loaded orphaning = load(departments_name, departments_, Mode::Replace, {{3, "Sales"}});
  ASSERT_TRUE(orphaning.error);
  EXPECT_EQ(orphaning.error->code, Code::KeyHasChildren);
  EXPECT_THAT(orphaning.error->message, HasSubstr("department_id 1"));
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Trade", "3|Sales"));
}

TEST_P(DatabaseTest, RowsOutOfOrderAreSortedInLargeFiles) {
  load(departments_name, departments_, Mode::Append, {{5, "Five"}});
  const Loaded loaded = load(departments_name, departments_, Mode::Append,
                             {{9, "Nine"}, {5, "Again"}, {1, "One"}, {2, "Five"}}, 100 << 20);
  EXPECT_THAT(loaded.findings, ElementsAre("3:key.duplicate_in_table:0", "5:key.not_unique:0"));
  EXPECT_EQ(loaded.counts.written, 2u);
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|One", "5|Five", "9|Nine"));
}

TEST_P(DatabaseTest, DryRunsJudgeAndLeaveNothing) {
  Result<std::unique_ptr<Transaction>> transaction =
      database_->begin_dry_run(std::span(&departments_name, 1));
  ASSERT_TRUE(transaction);
  Loaded parents, children;
  ASSERT_TRUE(write_and_settle(**transaction, target(departments_name, departments_, Mode::Append),
                               {{1, "Sales"}}, 0, parents));
  ASSERT_TRUE(write_and_settle(**transaction, target(hires_name, hires_, Mode::Append), {{1, 1}, {2, 2}}, 0,
                               children));
  EXPECT_THAT(children.findings, ElementsAre("3:key.no_parent:0"));
  EXPECT_FALSE((*transaction)->commit({}));
  transaction->reset();
  EXPECT_TRUE(database_->tables(Rows::Counted)->empty());
  EXPECT_EQ(database_->exists(), !world_.is_sqlite());
}

TEST_P(DatabaseTest, AnotherWriterMakesItBusy) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  const auto other = world_.open();
  Result<std::unique_ptr<Transaction>> held = other->begin(std::span(&departments_name, 1));
  ASSERT_TRUE(held);
  EXPECT_EQ(load(departments_name, departments_, Mode::Append, {{2, "Law"}}).error.value().code,
            Code::TableBusy);
  held->reset();
  EXPECT_FALSE(load(departments_name, departments_, Mode::Append, {{2, "Law"}}).error);
}

TEST_P(DatabaseTest, TheLedgerKeepsEveryRun) {
  const Loaded loaded = load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  ASSERT_FALSE(loaded.error);
  RunRecord failed{
      .id = "run_ZZZ", .status = RunStatus::Failed, .table = "departments", .file_name = "b.csv"};
  failed.created_at = {now_ * 1000};
  failed.rejects = {{Code::RuleRequired, "id", 3, 7}};
  failed.warnings = {{Code::RecordBlank, "1 blank line was skipped", 1, 4}};
  failed.error = Error{Code::HeaderMismatch, "no", "try", Position{1, 5}, "b.csv"};
  ASSERT_TRUE(database_->ledger().record(failed));
  const Result<std::vector<RunRecord>> runs = database_->ledger().runs(departments_name, 10);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_EQ(to_json((*runs)[0]), to_json(failed));
  EXPECT_EQ(database_->ledger().find("zz")->size(), 1u);
  EXPECT_EQ(database_->ledger().find("run_z")->size(), 1u);
  EXPECT_EQ(database_->ledger().find("%")->size(), 0u);
  EXPECT_EQ(*database_->ledger().find_same_file(departments_name, "f00d"), (*runs)[1].id);
  EXPECT_FALSE(database_->ledger().find_same_file(hires_name, "f00d")->has_value());
}

TEST_P(DatabaseTest, RunsArePagedById) {
  for (const char* id : {"run_1", "run_3", "run_2", "run_4"})
    ASSERT_TRUE(database_->ledger().record(
        {.id = id, .status = RunStatus::Failed, .table = id == std::string("run_3") ? "hires" : "jobs"}));
  const auto ids = [&](const std::optional<TableName>& table, std::size_t limit,
                       const std::optional<std::string>& before) {
    std::vector<std::string> found;
    for (const RunRecord& run : *database_->ledger().runs(table, limit, before)) found.push_back(run.id);
    return found;
  };
  EXPECT_THAT(ids({}, 2, {}), ElementsAre("run_4", "run_3"));
  EXPECT_THAT(ids({}, 2, "run_3"), ElementsAre("run_2", "run_1"));
  EXPECT_THAT(ids(TableName{{}, "jobs"}, 2, "run_4"), ElementsAre("run_2", "run_1"));
  EXPECT_THAT(ids({}, 2, "run_1"), IsEmpty());
}

RunRecord keyed_run(std::string id, std::string key, std::string fingerprint = "f") {
  RunRecord run{.id = std::move(id), .status = RunStatus::Failed, .table = "departments"};
  run.created_at = {2'000'000'000'000'000};
  run.idempotency = {"ada", "POST", "/v1/loads", std::move(key), std::move(fingerprint)};
  return run;
}

TEST_P(DatabaseTest, AnIdempotencyKeyBelongsToOneRun) {
  Ledger& ledger = database_->ledger();
  EXPECT_FALSE(ledger.find_by_key({"ada", "POST", "/v1/loads", "k1"}, {})->has_value()) << "no database yet";
  ASSERT_TRUE(ledger.record(keyed_run("run_1", "k1", "abc")));
  ASSERT_TRUE(ledger.record(keyed_run("run_1", "k1", "abc"))) << "the same run again";
  const Result<RunRecord> second = ledger.record(keyed_run("run_2", "k1"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::RunIdempotencyInProgress);
  RunRecord elsewhere = keyed_run("run_3", "k1");
  elsewhere.idempotency.path = "/v1/other";
  ASSERT_TRUE(ledger.record(elsewhere));
  ASSERT_TRUE(ledger.record(keyed_run("run_4", "")));
  ASSERT_TRUE(ledger.record(keyed_run("run_5", "")));

  const auto found = ledger.find_by_key({"ada", "POST", "/v1/loads", "k1", "another"}, {});
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, "run_1");
  EXPECT_EQ((*found)->idempotency.fingerprint, "abc");
  EXPECT_FALSE(ledger.find_by_key({"bob", "POST", "/v1/loads", "k1"}, {})->has_value());
  EXPECT_FALSE(ledger.find_by_key({"ada", "POST", "/v1/loads", ""}, {})->has_value());
  EXPECT_FALSE(ledger.find_by_key({"ada", "POST", "/v1/loads", "k1"}, {2'000'001'000'000'000})->has_value());
}

TEST_P(DatabaseTest, AnIdempotencyKeyIsFreeAfterSevenDays) {
  ASSERT_TRUE(database_->ledger().record(keyed_run("run_1", "k1")));
  RunRecord late = keyed_run("run_2", "k1");
  const std::chrono::microseconds kept = kIdempotencyKept;
  late.created_at.micros += kept.count();
  EXPECT_FALSE(database_->ledger().record(late));
  late.created_at.micros += 1'000'000;
  EXPECT_TRUE(database_->ledger().record(late));
  EXPECT_EQ((*database_->ledger().find_by_key(late.idempotency, {}))->id, "run_2");
  EXPECT_EQ((*database_->ledger().find("run_1"))[0].idempotency.key, "");
}

TEST_P(DatabaseTest, ACommitWithATakenKeyLoadsNothing) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  ASSERT_TRUE(database_->ledger().record(keyed_run("run_1", "k1")));
  Result<std::unique_ptr<Transaction>> transaction = database_->begin(std::span(&departments_name, 1));
  ASSERT_TRUE(transaction);
  Loaded loaded;
  const LoadTarget where = target(departments_name, departments_, Mode::Append);
  ASSERT_TRUE(write_and_settle(**transaction, where, {{2, "Law"}}, 0, loaded));
  RunRecord run = record_of(where, 1);
  run.created_at = {2'000'000'000'000'000};
  run.idempotency = keyed_run("", "k1").idempotency;
  const Result<void> committed = (*transaction)->commit(std::span(&run, 1));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::RunIdempotencyInProgress);
  transaction->reset();
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales"));
}

TEST_P(DatabaseTest, RecordingNeverWaitsForALoad) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  Result<std::unique_ptr<Transaction>> held = database_->begin(std::span(&departments_name, 1));
  ASSERT_TRUE(held);
  const Result<RunRecord> recorded = database_->ledger().record({.id = "run_1"});
  if (world_.is_sqlite())
    EXPECT_EQ(recorded.error().code, Code::TableBusy);
  else
    EXPECT_TRUE(recorded) << "only the table is locked";
  held->reset();
  EXPECT_TRUE(database_->ledger().record({.id = "run_1"}));
}

TEST_P(DatabaseTest, DifferencesAreToldInWords) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  table::TableSchema other =
      make_schema({{"id", Type::Integer}, {"name", Type::Integer}, {"seats", Type::Number}});
  const Loaded loaded = load(departments_name, other, Mode::Append, {{1, 2, 3.0}});
  ASSERT_TRUE(loaded.error);
  EXPECT_EQ(loaded.error->code, Code::TableDiffers);
  const std::string types =
      world_.any("column `name` is TEXT in the database, INTEGER in the schema",
                 "column `name` is varchar(100) utf8mb4_nopad_bin in the database, BIGINT in the",
                 "column `name` is text C in the database, bigint in the schema");
  for (const std::string& part :
       {types, std::string("column `seats` is missing"), std::string("unique key (name)")})
    EXPECT_THAT(loaded.error->message, HasSubstr(part));
}

TEST_P(DatabaseTest, QueriesOnlyRead) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  const auto code_of = [&](const Query& query) {
    Result<std::unique_ptr<Cursor>> cursor = database_->query(query);
    return cursor ? Code::InternalError : cursor.error().code;
  };
  for (const char* sql :
       {"DELETE FROM departments", "SELECT 1; SELECT 2", "SELEC 1", "", "-- nothing", "SELECT :missing",
        "SELECT ?", "CREATE TABLE x (a)", "WITH a AS (SELECT 1) INSERT INTO departments SELECT 9, 'x'",
        "SELECT \"no such column\" FROM departments"})
    EXPECT_EQ(code_of({.sql = sql}), Code::ReportBadSql) << sql;
  EXPECT_THAT(read_rows(*database_, "SELECT 1;  -- done\n;"), ElementsAre("1"));
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales"));
}

TEST_P(DatabaseTest, QueriesBindTypedParameters) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}, {2, "O'Law"}});
  Result<std::unique_ptr<Cursor>> cursor =
      database_->query({.sql = "SELECT id FROM departments WHERE name = :name AND id >= :least",
                        .params = {{"least", std::int64_t{1}}, {"name", std::string("O'Law")}}});
  ASSERT_TRUE(cursor);
  std::vector<ResultCell> row;
  ASSERT_TRUE(*(*cursor)->next(row));
  EXPECT_EQ(row[0].integer, 2);
  EXPECT_FALSE(*(*cursor)->next(row));
}

TEST_P(DatabaseTest, LongQueriesEnd) {
  load(departments_name, departments_, Mode::Append, {{1, "Sales"}});
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  const auto run = [&](const std::string& sql) -> Result<bool> {
    TRY_ASSIGN(const std::unique_ptr<Cursor> cursor,
               database_->query({.sql = sql, .timeout = std::chrono::milliseconds(50)}));
    std::vector<ResultCell> row;
    return cursor->next(row);
  };
  const Result<bool> ended =
      run(world_.any(endless.c_str(), "SELECT BENCHMARK(2000000000, MD5('a'))", endless.c_str()));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::ReportTimeout) << to_text(ended.error());
}

TEST_P(DatabaseTest, NothingIsThereBeforeTheFirstLoad) {
  EXPECT_TRUE(database_->tables(Rows::Counted)->empty());
  EXPECT_FALSE(database_->table(departments_name)->has_value());
  EXPECT_TRUE(database_->ledger().runs(std::nullopt, 5)->empty());
  EXPECT_EQ(database_->query({.sql = "SELECT 1"}).has_value(), !world_.is_sqlite());
  EXPECT_EQ(database_->exists(), !world_.is_sqlite());
}

}  // namespace
}  // namespace rowgate::db

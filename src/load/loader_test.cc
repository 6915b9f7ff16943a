#include "load/loader.h"

#include "db/sqlite/database.h"
#include "io/digest.h"
#include "load/run_state.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>

namespace rowgate::load {
namespace {

using db::RunStatus;
using ::testing::ElementsAre;
using testing::exported;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::schema_of;
using ::testing::StartsWith;
using testing::stored;

const table::TableSchema kDepartments = schema_of(R"({
  "fields": [{"name": "id", "type": "integer"}, {"name": "name", "type": "string", "constraints": {"required": true}}],
  "primaryKey": ["id"], "uniqueKeys": [["name"]]})");
const table::TableSchema kHires = schema_of(R"({
  "fields": [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"},
             {"name": "department_id", "type": "integer"}],
  "primaryKey": ["id"],
  "foreignKeys": [{"fields": ["department_id"], "reference": {"resource": "departments", "fields": ["id"]}}]})");
const table::TableSchema kPeopleSchema = schema_of(R"({
  "fields": [{"name": "id", "type": "integer"}, {"name": "boss_id", "type": "integer"}],
  "primaryKey": ["id"],
  "foreignKeys": [{"fields": ["boss_id"], "reference": {"resource": "", "fields": ["id"]}}]})",
                                                   "people");

class LoaderTest : public ::testing::Test {
 protected:
  LoadRequest request(const std::string& table, const table::TableSchema* schema, const std::string& csv,
                      db::Mode mode = db::Mode::Append) const {
    return {.table = {.name = table},
            .schema = schema,
            .file = io::memory_file(csv, table + ".csv"),
            .mode = mode,
            .max_rejects = {.percent = 100}};
  }

  LoadOutcome load(const LoadRequest& request, std::stop_token stop = {}) {
    told_.clear();
    Loader loader(*database_, *store_, clock_, {.spool = spool()});
    Result<LoadOutcome> outcome = loader.load(request, progress_, observer_, std::move(stop));
    EXPECT_TRUE(outcome) << (outcome ? "" : to_text(outcome.error()));
    return outcome ? *std::move(outcome) : LoadOutcome{};
  }
  std::vector<LoadOutcome> dry_run(const std::vector<LoadRequest>& requests, std::stop_token stop = {}) {
    told_.clear();
    Loader loader(*database_, *store_, clock_, {.spool = spool()});
    auto outcomes = loader.dry_run(requests, progress_, observer_, std::move(stop));
    EXPECT_TRUE(outcomes) << (outcomes ? "" : to_text(outcomes.error()));
    return outcomes ? *std::move(outcomes) : std::vector<LoadOutcome>{};
  }

  std::vector<std::string> rows_of(const std::string& table) {
    return db::testing::read_rows(*database_, "SELECT * FROM \"" + table + "\" ORDER BY 1");
  }
  std::string rejects_csv(const LoadOutcome& outcome) {
    return exported(export_csv, stored(*store_, reject_file_key(outcome.run.id)));
  }
  db::RunRecord in_ledger(const std::string& id) {
    const auto found = database_->ledger().find(id);
    EXPECT_TRUE(found && found->size() == 1);
    return found && found->size() == 1 ? (*found)[0] : db::RunRecord{};
  }
  std::filesystem::path spool() const { return folder_.path() / "spool"; }

  testing::TempFolder folder_;
  testing::TickingClock clock_;
  std::unique_ptr<db::Database> database_ =
      db::sqlite_database(folder_.path() / "rowgate.db", std::chrono::milliseconds(50));
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "store");
  Progress progress_;
  std::vector<std::string> told_;  ///< "request: line code field, ..." of every reject
  RejectObserver observer_ = [this](std::size_t index, const RefusedRecord& record) {
    std::string line = fmt::format("{}: {}", index, record.line);
    for (const RejectProblem& problem : record.problems)
      line += fmt::format(" {} {}", text(problem.code), problem.field);
    told_.push_back(std::move(line));
  };
};

/// "status read=a+r+s, version" and the error's code.
std::string summary(const LoadOutcome& outcome) {
  const db::RunRecord& run = outcome.run;
  return fmt::format("{} {}={}+{}+{} v{}{}", db::name(run.status), run.rows_read, run.rows_accepted,
                     run.rows_rejected, run.rows_skipped, run.version_after,
                     run.error ? fmt::format(" {}", text(run.error->code)) : "");
}

TEST_F(LoaderTest, AppendLoadsWhatIsSoundAndKeepsTheRest) {
  const std::string csv = "id,name\n1,Sales\nx,Law\n\n3,\n4,Legal\n";
  const LoadOutcome outcome = load(request("departments", &kDepartments, csv));
  EXPECT_EQ(summary(outcome), "succeeded_with_rejects 5=2+2+1 v1");
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales", "4|Legal"));
  EXPECT_THAT(told_, ElementsAre("0: 3 value.not_integer id", "0: 5 rule.required name"));
  EXPECT_THAT(rejects_csv(outcome), HasSubstr("\r\nx,Law," + outcome.run.id + ",3,value.not_integer,id,"));
  ASSERT_EQ(outcome.run.warnings.size(), 1u);
  EXPECT_EQ(outcome.run.warnings[0].code, Code::RecordBlank);
  EXPECT_EQ(outcome.run.warnings[0].first_line, 4u);
  EXPECT_EQ(outcome.run.rejects.size(), 2u);
}

TEST_F(LoaderTest, TheLedgerHasTheOutcomeWordForWord) {
  const LoadOutcome good = load(request("departments", &kDepartments, "id,name\n1,Sales\nx,Law\n"));
  const LoadOutcome failed = load(request("departments", &kDepartments, "id,nam\n1,Sales\n"));
  EXPECT_EQ(summary(failed), "failed 0=0+0+0 v0 header.mismatch");
  ASSERT_TRUE(failed.header_trouble);
  EXPECT_EQ(failed.header_trouble->suggested_map, "nam:name");
  for (const LoadOutcome* outcome : {&good, &failed})
    EXPECT_EQ(db::to_state_json(in_ledger(outcome->run.id)), db::to_state_json(outcome->run));
  EXPECT_FALSE(good.run.file_sha256.empty());
  EXPECT_THAT(in_flight(spool()), IsEmpty());
}

TEST_F(LoaderTest, TheSameBytesAgainAreTold) {
  const LoadRequest first = request("departments", nullptr, "id,name\n1,Sales\n");
  const std::string id = load(first).run.id;
  const LoadOutcome second = load(request("departments", nullptr, "id,name\n1,Sales\n"));
  EXPECT_EQ(second.run.duplicate_of, id);
  EXPECT_EQ(load(request("jobs", nullptr, "id,name\n1,Sales\n")).run.duplicate_of, "");
}

TEST_F(LoaderTest, ReplaceIsJudgedAgainstNothing) {
  load(request("departments", &kDepartments, "id,name\n1,Sales\n2,Law\n"));
  const LoadOutcome outcome =
      load(request("departments", &kDepartments, "id,name\n2,Sales\n2,Law\n", db::Mode::Replace));
  EXPECT_EQ(summary(outcome), "succeeded_with_rejects 2=1+1+0 v2");
  EXPECT_THAT(told_, ElementsAre("0: 3 key.duplicate_in_file id"));
  EXPECT_THAT(rows_of("departments"), ElementsAre("2|Sales"));
}

TEST_F(LoaderTest, UpsertCountsWhatIsNewAndWhatIsChanged) {
  load(request("departments", &kDepartments, "id,name\n1,Sales\n2,Law\n"));
  const LoadOutcome outcome = load(
      request("departments", &kDepartments, "id,name\n2,Legal\n3,Press\n4,Sales\n5,\n", db::Mode::Upsert));
  EXPECT_EQ(summary(outcome), "succeeded_with_rejects 4=2+2+0 v2");
  EXPECT_EQ(outcome.run.rows_inserted, 1u);
  EXPECT_EQ(outcome.run.rows_updated, 1u);
  EXPECT_THAT(told_, ElementsAre("0: 4 key.not_unique name", "0: 5 rule.required name"));
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales", "2|Legal", "3|Press"));
}

/// Stage 3: the first record that reached the stage wins, even if stage 4 then refuses it.
TEST_F(LoaderTest, TheFirstOfEqualKeysWinsThoughTheTableRefusesIt) {
  load(request("departments", &kDepartments, "id,name\n7,Sales\n"));
  const LoadOutcome outcome = load(request("departments", &kDepartments,
                                           "id,name\n"
                                           "x,Law\n"       // 2: refused in stage 2, so it holds no key
                                           "5,Law\n"       // 3
                                           "7,Press\n"     // 4: the table has 7
                                           "7,Legal\n"     // 5: twice in the file
                                           "8,Press\n"     // 6: its name is that of line 4
                                           "9,Sales\n"     // 7: the table has the name
                                           "9,Sales\n"));  // 8: both keys twice
  EXPECT_THAT(told_, ElementsAre("0: 2 value.not_integer id", "0: 4 key.duplicate_in_table id",
                                 "0: 5 key.duplicate_in_file id", "0: 6 key.duplicate_in_file name",
                                 "0: 7 key.not_unique name",
                                 "0: 8 key.duplicate_in_file id key.duplicate_in_file name"));
  EXPECT_THAT(rows_of("departments"), ElementsAre("5|Law", "7|Sales"));
  EXPECT_EQ(summary(outcome), "succeeded_with_rejects 7=1+6+0 v2");
}

/// Stage 5, with the parents in the file itself.
TEST_F(LoaderTest, ARecordWhoseParentIsRefusedIsRefusedToo) {
  load(request("people", &kPeopleSchema, "id,boss_id\n1,\n"));
  load(request("people", &kPeopleSchema,
               "id,boss_id\n"
               "5,4\n"    // 2: before its parent, which is fine
               "4,1\n"    // 3: its parent is in the table
               "1,5\n"    // 4: in the table already
               "6,6\n"    // 5: its own parent
               "7,99\n"   // 6: no such parent
               "8,7\n"    // 7: the parent is refused
               "9,8\n"    // 8: and so on
               "10,x\n"   // 9
               "11,10\n"  // 10
               ));
  EXPECT_THAT(told_, ElementsAre("0: 4 key.duplicate_in_table id", "0: 6 key.no_parent boss_id",
                                 "0: 7 key.no_parent boss_id", "0: 8 key.no_parent boss_id",
                                 "0: 9 value.not_integer boss_id", "0: 10 key.no_parent boss_id"));
  EXPECT_THAT(rows_of("people"), ElementsAre("1|-", "4|1", "5|4", "6|6"));
}

struct LimitCase {
  const char* name;
  std::function<void(LoadRequest&)> set;
  const char* summary;
  std::size_t told;
};

/// Ten records, three of them refused (lines 4, 6 and 9) and one blank line.
TEST_F(LoaderTest, TooManyRejectsLoadNothing) {
  const std::string csv = "id,name\n1,a\n2,b\nx,c\n\nx,d\n5,e\n6,f\nx,g\n8,h\n9,i\n10,j\n";
  const LimitCase cases[] = {
      {"exactly as many as are allowed", [](LoadRequest& r) { r.max_rejects = {.count = 3}; },
       "succeeded_with_rejects 11=7+3+1 v1", 3},
      {"a count stops at the record that exceeds it", [](LoadRequest& r) { r.max_rejects = {.count = 1}; },
       "failed 5=2+2+1 v0 limit.rejects", 2},
      {"none allowed", [](LoadRequest& r) { r.max_rejects = {.count = 0}; },
       "failed 3=2+1+0 v0 limit.rejects", 1},
      {"a share of what was read less what was skipped",
       [](LoadRequest& r) { r.max_rejects = {.percent = 30}; }, "succeeded_with_rejects 11=7+3+1 v1", 3},
      {"a share is judged at the end", [](LoadRequest& r) { r.max_rejects = {.percent = 29.9}; },
       "failed 11=7+3+1 v0 limit.rejects", 3},
      {"abort tells every reject too", [](LoadRequest& r) { r.abort_on_reject = true; },
       "failed 11=7+3+1 v0 limit.rejects", 3},
  };
  for (const LimitCase& c : cases) {
    SCOPED_TRACE(c.name);
    LoadRequest limited = request("t" + std::to_string(&c - cases), &kDepartments, csv);
    c.set(limited);
    const LoadOutcome outcome = load(limited);
    EXPECT_EQ(summary(outcome), c.summary);
    EXPECT_EQ(told_.size(), c.told);
    const auto table = database_->table(limited.table, db::Rows::Counted);
    ASSERT_TRUE(table);
    EXPECT_EQ(*table ? (*table)->rows : 0, outcome.run.error ? 0u : 7u);
    EXPECT_EQ(db::to_state_json(in_ledger(outcome.run.id)), db::to_state_json(outcome.run));
    EXPECT_THAT(rejects_csv(outcome), StartsWith("id,name,rg_run,"));  // kept, though nothing was loaded
  }
}

TEST_F(LoaderTest, ACountIsJudgedAgainWhenTheKeysAreKnown) {
  load(request("departments", &kDepartments, "id,name\n1,a\n2,b\n"));
  LoadRequest limited = request("departments", &kDepartments, "id,name\n1,c\n2,d\n3,e\n");
  limited.max_rejects = {.count = 1};
  EXPECT_EQ(summary(load(limited)), "failed 3=1+2+0 v1 limit.rejects");
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|a", "2|b"));
}

TEST_F(LoaderTest, WhenNothingIsAcceptableNothingIsReplaced) {
  load(request("departments", &kDepartments, "id,name\n1,a\n"));
  EXPECT_EQ(summary(load(request("departments", &kDepartments, "id,name\nx,a\n", db::Mode::Replace))),
            "failed 1=0+1+0 v1 limit.rejects");
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|a"));
  EXPECT_EQ(summary(load(request("departments", &kDepartments, "id,name\n", db::Mode::Replace))),
            "succeeded 0=0+0+0 v2");  // a header alone is a valid load of no rows
  EXPECT_THAT(rows_of("departments"), IsEmpty());
}

/// Gives a stop after some reads.
class StoppingFile : public io::SourceFile {
 public:
  StoppingFile(std::shared_ptr<io::SourceFile> file, std::stop_source stop, int reads)
      : file_(std::move(file)), stop_(std::move(stop)), reads_(reads) {}
  Result<std::unique_ptr<io::Source>> open(std::uint64_t offset) const override {
    class Reader : public io::Source {
     public:
      Reader(std::unique_ptr<io::Source> source, const StoppingFile& of)
          : source_(std::move(source)), of_(of) {}
      Result<std::size_t> read(std::span<char> into) override {
        if (of_.reads_-- == 0) of_.stop_.request_stop();
        return source_->read(into.first(std::min<std::size_t>(into.size(), 64 << 10)));
      }

     private:
      std::unique_ptr<io::Source> source_;
      const StoppingFile& of_;
    };
    TRY_ASSIGN(std::unique_ptr<io::Source> source, file_->open(offset));
    return std::unique_ptr<io::Source>(new Reader(std::move(source), *this));
  }
  std::uint64_t stored_size() const override { return file_->stored_size(); }
  std::uint64_t stored_bytes_read() const override { return file_->stored_bytes_read(); }
  Result<std::string> sha256() const override { return file_->sha256(); }
  const std::string& name() const override { return file_->name(); }

 private:
  std::shared_ptr<io::SourceFile> file_;
  mutable std::stop_source stop_;
  mutable std::atomic<int> reads_;
};

std::string many_rows(int count, std::function<int(int)> id) {
  std::string csv = "id,name\n";
  for (int i = 0; i < count; ++i) csv += fmt::format("{0},name of the department {1:060}\n", id(i), i);
  return csv;
}

TEST_F(LoaderTest, AStopLoadsNothingWhereverItComes) {
  const std::string orderly = many_rows(60'000, [](int i) { return i; });         // about 5 MB
  const std::string shuffled = many_rows(60'000, [](int i) { return i ^ 0x5; });  // with a pass for its keys
  for (const std::string* csv : {&orderly, &shuffled})
    for (const int reads : {0, 1, 2, 20, 70, 100}) {
      if (reads == 100 && csv == &orderly) continue;  // it is read once only
      SCOPED_TRACE(reads);
      std::stop_source stop;
      LoadRequest stopped = request("departments", &kDepartments, "");
      stopped.file = std::make_shared<StoppingFile>(io::memory_file(*csv, "departments.csv"), stop, reads);
      const LoadOutcome outcome = load(stopped, stop.get_token());
      ASSERT_TRUE(stop.stop_requested());
      EXPECT_EQ(outcome.run.status, RunStatus::Interrupted);
      EXPECT_EQ(outcome.run.error->code, Code::RunInterrupted);
      EXPECT_EQ(in_ledger(outcome.run.id).status, RunStatus::Interrupted);
      const auto table = database_->table({.name = "departments"});
      ASSERT_TRUE(table);
      EXPECT_FALSE(*table);
    }
  EXPECT_EQ(summary(load(request("departments", &kDepartments, shuffled))), "succeeded 60000=60000+0+0 v1");
}

TEST_F(LoaderTest, ABusyDatabaseIsToldAndTheRunWaitsInItsStateFile) {
  load(request("departments", &kDepartments, "id,name\n1,a\n"));
  const db::TableName table{.name = "departments"};
  const auto other = db::sqlite_database(folder_.path() / "rowgate.db");
  std::string id;
  {
    const auto transaction = other->begin(std::span(&table, 1));
    ASSERT_TRUE(transaction);
    const LoadOutcome outcome = load(request("departments", &kDepartments, "id,name\n2,b\n"));
    EXPECT_EQ(summary(outcome), "failed 0=0+0+0 v0 table.busy");
    id = outcome.run.id;
    const std::vector<InFlight> waiting = in_flight(spool());
    ASSERT_EQ(waiting.size(), 1u);
    EXPECT_EQ(waiting[0].run.status, RunStatus::Failed);
    EXPECT_FALSE(waiting[0].owner_alive);
  }
  recover(spool(), *database_, clock_);
  EXPECT_EQ(in_ledger(id).error->code, Code::TableBusy);
  EXPECT_THAT(in_flight(spool()), IsEmpty());
}

TEST_F(LoaderTest, ARunThatCannotBeNotedIsNotBegun) {
  Loader loader(*database_, *store_, clock_, {.spool = "/proc/rowgate"});
  EXPECT_FALSE(
      loader.load(request("departments", &kDepartments, "id,name\n1,a\n"), progress_, observer_, {}));
  EXPECT_FALSE(database_->exists());
}

TEST_F(LoaderTest, RejectsThatCannotBeStoredPreventTheLoad) {
  store_ = store::dir_store("/proc/rowgate");
  const LoadOutcome outcome = load(request("departments", &kDepartments, "id,name\n1,a\nx,b\n"));
  EXPECT_EQ(outcome.run.status, RunStatus::Failed);
  const auto table = database_->table({.name = "departments"});
  ASSERT_TRUE(table);
  EXPECT_FALSE(*table);
}

/// Nothing of a table's name reaches the database that could not be one.
TEST_F(LoaderTest, ANameThatCannotBeATablesIsRefused) {
  for (const char* name : {"rowgate_runs", "a b", "", "a\"b", "__rg_x"})
    EXPECT_THAT(summary(load(request(name, &kDepartments, "id,name\n1,a\n"))), HasSubstr("table.unknown"))
        << name;
}

TEST_F(LoaderTest, WithoutASchemaTheTypesAreInferredAndThenKept) {
  const LoadOutcome first = load(request("jobs", nullptr, "id,title\n1,Engineer\n2,\n"));
  EXPECT_TRUE(first.inferred);
  EXPECT_EQ(first.schema.fields[0].type, table::Type::Integer);
  EXPECT_EQ(first.schema.fields[1].type, table::Type::String);
  EXPECT_EQ(summary(first), "succeeded 2=2+0+0 v1");
  const LoadOutcome second = load(request("jobs", nullptr, "id,title\n3,Clerk\nx,y\n"));
  EXPECT_FALSE(second.inferred);  // append goes by the schema kept in the database
  EXPECT_EQ(summary(second), "succeeded_with_rejects 2=1+1+0 v2");
  const LoadOutcome third = load(request("jobs", nullptr, "id,title\nx,y\n", db::Mode::Replace));
  EXPECT_TRUE(third.inferred);  // replace looks again
  EXPECT_EQ(third.schema.fields[0].type, table::Type::String);
  EXPECT_THAT(rows_of("jobs"), ElementsAre("x|y"));
}

TEST_F(LoaderTest, InferenceReadsTheWholeFileAndSaysWhatWasNearlyNarrower) {
  std::string csv = "zip,n\n";
  for (int i = 10'000; i < 60'000; ++i) csv += fmt::format("{},{}\n", i, i);
  csv += "01234,1.5\n";
  const LoadOutcome outcome = load(request("places", nullptr, csv));
  EXPECT_EQ(outcome.schema.fields[0].type, table::Type::String);
  EXPECT_EQ(outcome.schema.fields[1].type, table::Type::Number);
  EXPECT_THAT(outcome.notes, ::testing::Contains(HasSubstr("line 50,002")));
  EXPECT_EQ(summary(outcome), "succeeded 50001=50001+0+0 v1");
}

TEST_F(LoaderTest, ADryRunJudgesAsALoadAndLeavesNothing) {
  const std::string csv = "id,name\n1,Sales\n1,Law\nx,y\n";
  const std::vector<LoadOutcome> outcomes = dry_run({request("departments", &kDepartments, csv)});
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(outcomes[0].run.dry_run);
  EXPECT_EQ(summary(outcomes[0]), "succeeded_with_rejects 3=1+2+0 v0");
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_FALSE(database_->exists());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "store"));
  EXPECT_THAT(in_flight(spool()), IsEmpty());
  const std::vector<std::string> told = told_;
  load(request("departments", &kDepartments, csv));
  EXPECT_EQ(told_, told);
  EXPECT_EQ(summary(dry_run({request("departments", &kDepartments, csv)})[0]),
            "failed 3=0+3+0 v1 limit.rejects");
}

TEST_F(LoaderTest, ADryRunOfSeveralFilesFindsTheParentsInTheOthers) {
  const LoadRequest departments = request("departments", &kDepartments, "id,name\n1,Sales\nx,Law\n2,Legal\n");
  const LoadRequest hires =
      request("hires", &kHires, "id,name,department_id\n10,Ada,1\n11,Grace,3\n12,Alan,2\n");
  const auto outcomes = dry_run({departments, hires});
  EXPECT_THAT(told_, ElementsAre("0: 3 value.not_integer id", "1: 3 key.no_parent department_id"));
  EXPECT_EQ(summary(outcomes[1]), "succeeded_with_rejects 3=2+1+0 v0");
  dry_run({hires, departments});  // in their order: the parents are not there yet
  EXPECT_THAT(told_, ElementsAre("0: 2 key.no_parent department_id", "0: 3 key.no_parent department_id",
                                 "0: 4 key.no_parent department_id", "1: 3 value.not_integer id"));
}

/// As after loads: of a file that was refused as a whole no row counts as a parent.
TEST_F(LoaderTest, ADryRunGoesOnBehindAFileThatFails) {
  const LoadRequest unreadable = request("jobs", &kDepartments, "a,b\n1,2\n");
  LoadRequest dirty = request("departments", &kDepartments, "id,name\n1,Sales\nx,Law\n2,Legal\n");
  dirty.max_rejects = {.percent = 1};
  const LoadRequest hires = request("hires", &kHires, "id,name,department_id\n10,Ada,1\n11,Grace,3\n");
  const auto outcomes = dry_run({unreadable, dirty, hires});
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(summary(outcomes[0]), "failed 0=0+0+0 v0 header.mismatch");
  EXPECT_EQ(summary(outcomes[1]), "failed 3=2+1+0 v0 limit.rejects");
  EXPECT_EQ(summary(outcomes[2]), "failed 2=0+2+0 v0 limit.rejects");
}

TEST_F(LoaderTest, AStoppedDryRunSaysSo) {
  std::stop_source stop;
  stop.request_stop();
  const auto outcomes = dry_run({request("departments", &kDepartments, "id,name\n1,a\n"),
                                 request("jobs", &kDepartments, "id,name\n1,a\n")},
                                stop.get_token());
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].run.status, RunStatus::Interrupted);
}

/// The reject file, repaired and loaded, gives the table that the clean file would have given.
TEST_F(LoaderTest, ARepairedRejectFileMakesTheTableWhole) {
  const LoadOutcome first = load(request(
      "departments", &kDepartments, "id,name\n1,=1+1\nx,'quoted\n3,\"a \"\"b\"\"\",c\n4,\"line\nend\"\n5\n"));
  EXPECT_EQ(summary(first), "succeeded_with_rejects 5=2+3+0 v1");
  std::string rejects = rejects_csv(first);
  const auto repair = [&rejects](std::string_view from, std::string_view to) {
    const std::size_t at = rejects.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in\n" << rejects;
    rejects.replace(at, from.size(), to);
  };
  repair("\r\nx,''quoted,", "\r\n2,''quoted,");
  repair("\"3,\"\"a \"\"\"\"b\"\"\"\"\"\",c\"", "\"3,\"\"a \"\"\"\"b\"\"\"\"\"\"\"");
  repair(",5\r\n", ",\"5,five\"\r\n");
  const LoadOutcome second = load(request("departments", &kDepartments, rejects));
  EXPECT_EQ(summary(second), "succeeded 3=3+0+0 v2");
  EXPECT_EQ(second.run.parent, first.run.id);
  EXPECT_THAT(rows_of("departments"),
              ElementsAre("1|=1+1", "2|'quoted", "3|a \"b\"", "4|line\nend", "5|five"));
}

TEST_F(LoaderTest, ARejectFileOfAFileWithoutHeaderHasOneAndIsLoadedByIt) {
  LoadRequest bare = request("departments", &kDepartments, "1;Sales\nx;Law\n");
  bare.dialect = {.delimiter = ';', .header = false};
  const LoadOutcome first = load(bare);
  EXPECT_EQ(summary(first), "succeeded_with_rejects 2=1+1+0 v1");
  std::string rejects = rejects_csv(first);
  EXPECT_THAT(rejects, StartsWith("id;name;rg_run;"));
  rejects.replace(rejects.find("\nx;"), 2, "\n2");
  LoadRequest again = request("departments", &kDepartments, rejects);
  again.dialect = bare.dialect;
  EXPECT_EQ(summary(load(again)), "succeeded 1=1+0+0 v2");
  EXPECT_THAT(rows_of("departments"), ElementsAre("1|Sales", "2|Law"));
}

TEST_F(LoaderTest, AHeaderThatASpreadsheetWouldExecuteIsGuardedAndKnownAgain) {
  LoadRequest odd = request("departments", &kDepartments, "=id,@name\n1,a\nx,b\n");
  odd.map = {{"=id", "id"}, {"@name", "name"}};
  const LoadOutcome first = load(odd);
  const std::string rejects = rejects_csv(first);
  EXPECT_THAT(rejects, StartsWith("'=id,'@name,rg_run,"));
  LoadRequest again = request("departments", &kDepartments, rejects);
  again.map = odd.map;
  const LoadOutcome second = load(again);
  EXPECT_EQ(summary(second), "failed 1=0+1+0 v1 limit.rejects");  // not repaired, but read
  EXPECT_THAT(rejects_csv(second), StartsWith("'=id,'@name,rg_run,"));
}

TEST_F(LoaderTest, ProgressEndsWithAllThatWasRead) {
  const std::string csv = many_rows(30'000, [](int i) { return i / 2; });
  load(request("departments", &kDepartments, csv));
  EXPECT_EQ(progress_.phase, Progress::Phase::Done);
  EXPECT_EQ(progress_.rows_read, 30'000u);
  EXPECT_EQ(progress_.rows_rejected, 15'000u);
  EXPECT_EQ(progress_.bytes_total, csv.size());
}

}  // namespace
}  // namespace rowgate::load

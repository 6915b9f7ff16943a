#include "db/sqlite/database.h"
#include "db/testing.h"
#include "load/run_state.h"
#include "load/testing.h"
#include "load/upload.h"
#include "runs/known_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace rowgate::runs {
namespace {

namespace fs = std::filesystem;
using db::RunStatus;
using load::testing::take_orphans;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StateFilesTest : public ::testing::Test {
 protected:
  StateFilesTest()
      : database_(db::sqlite_database(folder_.path() / "rowgate.db", std::chrono::milliseconds(50))) {}
  const fs::path& spool() const { return folder_.path(); }
  fs::path file(const char* id) const { return folder_.path() / "runs" / (std::string(id) + ".json"); }
  /// As another process that dies with the run in hand.
  void leave(const db::RunRecord& run, std::optional<load::LoadOptions> options = {}) {
    ASSERT_TRUE(load::RunState::create(spool(), {run, std::move(options)}));
  }
  std::vector<std::string> ledger() {
    return db::testing::read_rows(*database_, "SELECT id, status FROM rowgate_runs ORDER BY id");
  }

  db::testing::TempFolder folder_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "files");
  SystemClock clock_;
};

TEST_F(StateFilesTest, EverythingThatIsNeededToGoOnIsKept) {
  db::RunRecord run{.id = "run_1", .status = RunStatus::Queued, .space = "hr", .table = "people"};
  run.file_name = "people \"2021\".csv";
  run.file_bytes = 20;
  run.file_sha256 = "abc";
  run.principal = "key:ada";
  run.created_at = {1'700'000'000'000'000};
  run.idempotency = {"key:ada", "POST", "/v1/tables/people/loads", "k 1", "f00d"};
  const load::LoadOptions options{.mode = "upsert",
                                  .on_reject = "abort",
                                  .max_rejects = "5%",
                                  .delimiter = "tab",
                                  .encoding = "utf-16",
                                  .map = "a:b,c:d",
                                  .parent = "run_0",
                                  .dry_run = true};
  leave(run, options);
  const std::vector<load::Orphan> orphans = take_orphans(spool());
  ASSERT_EQ(orphans.size(), 1U);
  EXPECT_EQ(db::to_state_json(orphans[0].kept.run), db::to_state_json(run));
  EXPECT_EQ(orphans[0].kept.run.idempotency.fingerprint, "f00d");
  const load::LoadOptions& kept = orphans[0].kept.options.value();
  EXPECT_EQ(kept.mode, "upsert");
  EXPECT_EQ(kept.on_reject, "abort");
  EXPECT_EQ(kept.max_rejects, "5%");
  EXPECT_EQ(kept.delimiter, "tab");
  EXPECT_EQ(kept.encoding, "utf-16");
  EXPECT_EQ(kept.map, "a:b,c:d");
  EXPECT_EQ(kept.parent, "run_0");
  EXPECT_TRUE(kept.dry_run);
}

TEST_F(StateFilesTest, TheLastWholeLineCounts) {
  db::RunRecord run{.id = "run_1", .status = RunStatus::Queued, .table = "people"};
  {
    Result<load::RunState> state =
        load::RunState::create(spool(), {run, load::LoadOptions{.mode = "replace"}});
    ASSERT_TRUE(state);
    run.status = RunStatus::Running;
    ASSERT_TRUE(state->update(run));
    ASSERT_TRUE(state->flush());
  }
  std::ofstream(file("run_1"), std::ios::app) << R"({"id":"run_1","status":"fai)";  // torn
  EXPECT_EQ(load::in_flight(spool()).at(0).run.status, RunStatus::Running);
  {
    std::vector<load::Orphan> orphans = take_orphans(spool());
    ASSERT_EQ(orphans.size(), 1U);
    EXPECT_EQ(orphans[0].kept.run.status, RunStatus::Running);
    EXPECT_EQ(orphans[0].kept.options.value().mode, "replace");
    run.status = RunStatus::Queued;
    ASSERT_TRUE(orphans[0].state.update(run));
  }
  const std::vector<load::Orphan> again = take_orphans(spool());
  EXPECT_EQ(again.at(0).kept.run.status, RunStatus::Queued) << "the torn end does not run into it";
  EXPECT_EQ(again.at(0).kept.options.value().mode, "replace");
}

TEST_F(StateFilesTest, AFileWithoutAWholeLineIsRemoved) {
  fs::create_directories(spool() / "runs");
  std::ofstream(file("run_1"));
  std::ofstream(file("run_2")) << "{\"id\":\"run";
  EXPECT_THAT(load::in_flight(spool()), IsEmpty());
  EXPECT_THAT(take_orphans(spool()), IsEmpty());
  EXPECT_FALSE(fs::exists(file("run_1")));
  EXPECT_FALSE(fs::exists(file("run_2")));
}

TEST_F(StateFilesTest, WhatWasLeftWhileItWasMadeGoesAfterAWhile) {
  fs::create_directories(spool() / "runs");
  for (const char* name : {"run_1.new", "run_2.new"}) std::ofstream(spool() / "runs" / name) << "{";
  fs::last_write_time(spool() / "runs" / "run_1.new",
                      fs::file_time_type::clock::now() - std::chrono::minutes(2));
  EXPECT_THAT(take_orphans(spool()), IsEmpty());
  EXPECT_FALSE(fs::exists(spool() / "runs" / "run_1.new"));
  EXPECT_TRUE(fs::exists(spool() / "runs" / "run_2.new")) << "its owner may be alive";
}

TEST_F(StateFilesTest, ALiveOwnerIsLeftAloneAndLookingDoesNotDisturb) {
  Result<load::RunState> mine = load::RunState::create(spool(), {{.id = "run_1", .table = "people"}});
  ASSERT_TRUE(mine);
  EXPECT_TRUE(load::in_flight(spool()).at(0).owner_alive);
  EXPECT_THAT(take_orphans(spool()), IsEmpty());
  EXPECT_EQ(unsettled_runs(load::in_flight(spool()), load::home_of(*database_)).at(0).status,
            RunStatus::Running);
  mine = load::RunState::create(spool(), {{.id = "run_2"}});  // drops the first
  ASSERT_TRUE(mine);
  EXPECT_FALSE(load::in_flight(spool()).at(1).owner_alive);
  EXPECT_EQ(unsettled_runs(load::in_flight(spool()), load::home_of(*database_)).at(1).status,
            RunStatus::Interrupted);
}

TEST_F(StateFilesTest, TheLockDiesWithItsProcess) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Result<load::RunState> state =
        load::RunState::create(spool(), {{.id = "run_1", .table = "people"}});
    ::_exit(state ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_FALSE(load::in_flight(spool()).at(0).owner_alive);
}

TEST_F(StateFilesTest, RecoverWritesEndsAndLeavesQueuesAlone) {
  leave({.id = "run_1", .status = RunStatus::Running, .table = "people"});
  leave({.id = "run_2", .status = RunStatus::Receiving, .table = "people"});
  fs::create_directories(spool() / "uploads");
  std::ofstream(load::upload_path(spool(), "run_2")) << "half";
  db::RunRecord failed{.id = "run_3", .status = RunStatus::Failed, .table = "people"};
  failed.error = Error{Code::HeaderMismatch, "no"};
  leave(failed);
  leave({.id = "run_4", .status = RunStatus::Queued, .table = "people"}, load::LoadOptions{});
  load::recover(spool(), *database_, clock_);
  EXPECT_THAT(ledger(), ElementsAre("run_1|interrupted", "run_2|interrupted", "run_3|failed"));
  EXPECT_FALSE(fs::exists(file("run_1")));
  EXPECT_FALSE(fs::exists(load::upload_path(spool(), "run_2")));
  EXPECT_TRUE(fs::exists(file("run_4")));
  EXPECT_EQ(database_->ledger().find("run_1")->at(0).error.value().code, Code::RunInterrupted);
}

TEST_F(StateFilesTest, ReceivedFilesOfNobodyGoAfterAMinute) {
  fs::create_directories(spool() / "uploads");
  leave({.id = "run_1", .status = RunStatus::Queued, .table = "people"}, load::LoadOptions{});
  for (const char* id : {"run_1", "run_2", "run_3"}) std::ofstream(load::upload_path(spool(), id)) << "id\n";
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::seconds(61);
  for (const char* id : {"run_1", "run_2"}) fs::last_write_time(load::upload_path(spool(), id), long_ago);
  load::recover(spool(), *database_, clock_);
  EXPECT_TRUE(fs::exists(load::upload_path(spool(), "run_1")));
  EXPECT_FALSE(fs::exists(load::upload_path(spool(), "run_2")));
  EXPECT_TRUE(fs::exists(load::upload_path(spool(), "run_3")));
}

TEST_F(StateFilesTest, RecoverWaitsForTheDatabase) {
  ASSERT_TRUE(database_->ledger().record({.id = "run_0"}));
  leave({.id = "run_1", .table = "people"});
  const auto other = db::sqlite_database(folder_.path() / "rowgate.db", std::chrono::milliseconds(50));
  Result<std::unique_ptr<db::Transaction>> held = other->begin({});
  ASSERT_TRUE(held);
  load::recover(spool(), *database_, clock_);
  EXPECT_TRUE(fs::exists(file("run_1")));
  held->reset();
  load::recover(spool(), *database_, clock_);
  EXPECT_FALSE(fs::exists(file("run_1")));
}

TEST_F(StateFilesTest, RunsInFlightAndInTheLedgerAreOneList) {
  for (const char* id : {"run_1", "run_3"})
    ASSERT_TRUE(database_->ledger().record({.id = id, .status = RunStatus::Failed, .table = "people"}));
  leave({.id = "run_2", .table = "jobs"});
  leave({.id = "run_3", .table = "people"});  // in the ledger already
  leave({.id = "run_4", .table = "people"});
  const auto ids = [&](const RunFilter& filter) {
    std::vector<std::string> found;
    for (const db::RunRecord& run :
         list_runs(database_->ledger(), unsettled_runs(load::in_flight(spool()), load::home_of(*database_)),
                   filter)
             .value())
      found.push_back(run.id);
    return found;
  };
  EXPECT_THAT(ids({}), ElementsAre("run_4", "run_3", "run_2", "run_1"));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre("run_4", "run_3"));
  EXPECT_THAT(ids({.before = "run_3", .limit = 2}), ElementsAre("run_2", "run_1"));
  EXPECT_THAT(ids({.table = db::TableName{{}, "people"}}), ElementsAre("run_4", "run_3", "run_1"));
  EXPECT_EQ(find_runs(database_->ledger(),
                      unsettled_runs(load::in_flight(spool()), load::home_of(*database_)), "RUN_3")
                ->size(),
            1U);
  EXPECT_EQ(
      find_runs(database_->ledger(), unsettled_runs(load::in_flight(spool()), load::home_of(*database_)), "4")
          ->size(),
      1U);
  EXPECT_EQ(find_runs(database_->ledger(),
                      unsettled_runs(load::in_flight(spool()), load::home_of(*database_)), "run_")
                ->size(),
            4U);
}

}  // namespace
}  // namespace rowgate::runs

#include "load/run_state.h"

#include "base/ids.h"
#include "db/sqlite/database.h"
#include "load/testing.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace rowgate::load {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::take_orphans;

class RunStateTest : public ::testing::Test {
 protected:
  db::RunRecord a_run() {
    db::RunRecord run{.table = "hires", .file_name = "hires.csv"};
    run.created_at = run.started_at = clock_.now();
    run.id = new_id("run_", run.created_at);
    return run;
  }

  /// In a child process that dies at once, without a chance to tidy up.
  template <class Work>
  void in_dying_process(Work work) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(work() ? 0 : 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  void leave_dead(const db::RunRecord& run) {
    in_dying_process([&] { return RunState::create(spool(), {run}).has_value(); });
  }

  std::filesystem::path spool() const { return folder_.path() / "spool"; }
  /// "id alive" of all in flight.
  std::vector<std::string> seen() const {
    std::vector<std::string> out;
    for (const InFlight& flying : in_flight(spool()))
      out.push_back(flying.run.id + (flying.owner_alive ? " alive" : " dead"));
    return out;
  }
  std::vector<std::string> ledger() {
    std::vector<std::string> out;
    for (const db::RunRecord& run :
         database_->ledger().runs(std::nullopt, 100).value_or(std::vector<db::RunRecord>{}))
      out.push_back(run.id + " " + std::string(db::name(run.status)) +
                    (run.error ? " " + std::string(text(run.error->code)) : ""));
    return out;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(spool() / "runs"), {}));
  }

  testing::TempFolder folder_;
  testing::TickingClock clock_;
  std::unique_ptr<db::Database> database_ = db::sqlite_database(folder_.path() / "rowgate.db");
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "files");
};

TEST_F(RunStateTest, ARunIsSeenWhileItsOwnerLives) {
  EXPECT_THAT(seen(), IsEmpty());  // no folder yet
  const db::RunRecord first = a_run(), second = a_run();
  Result<RunState> one = RunState::create(spool(), {first}), two = RunState::create(spool(), {second});
  ASSERT_TRUE(one && two);
  EXPECT_THAT(seen(), ElementsAre(second.id + " alive", first.id + " alive"));  // newest first
  EXPECT_EQ(in_flight(spool())[1].run.file_name, "hires.csv");
  two->remove();
  EXPECT_THAT(seen(), ElementsAre(first.id + " alive"));
}

TEST_F(RunStateTest, AnUpdateReplacesTheRecordShorterOrLonger) {
  db::RunRecord run = a_run();
  Result<RunState> state = RunState::create(spool(), {run});
  ASSERT_TRUE(state);
  for (const std::size_t size : {5000u, 3u, 200u}) {
    run.file_name = std::string(size, 'x');
    run.status = db::RunStatus::Failed;
    ASSERT_TRUE(state->update(run));
    const std::vector<InFlight> flying = in_flight(spool());
    ASSERT_EQ(flying.size(), 1u);
    EXPECT_EQ(flying[0].run.file_name, run.file_name);
    EXPECT_EQ(flying[0].run.status, db::RunStatus::Failed);
  }
}

TEST_F(RunStateTest, ADroppedStateKeepsItsFileAndFreesIt) {
  const db::RunRecord run = a_run();
  {
    Result<RunState> state = RunState::create(spool(), {run});
    ASSERT_TRUE(state);
    RunState moved = *std::move(state);
    EXPECT_THAT(seen(), ElementsAre(run.id + " alive"));
  }
  EXPECT_THAT(seen(), ElementsAre(run.id + " dead"));
}

TEST_F(RunStateTest, WhatADeadOwnerLeftIsInterrupted) {
  const db::RunRecord run = a_run();
  leave_dead(run);
  EXPECT_THAT(seen(), ElementsAre(run.id + " dead"));
  recover(spool(), *database_, clock_);
  EXPECT_THAT(ledger(), ElementsAre(run.id + " interrupted run.interrupted"));
  EXPECT_THAT(seen(), IsEmpty());
  EXPECT_EQ(files(), 0u);
  recover(spool(), *database_, clock_);  // nothing is left to be done
  EXPECT_EQ(ledger().size(), 1u);
}

TEST_F(RunStateTest, ALiveOwnersRunIsLeftAlone) {
  const db::RunRecord alive = a_run(), dead = a_run();
  Result<RunState> state = RunState::create(spool(), {alive});
  ASSERT_TRUE(state);
  leave_dead(dead);
  recover(spool(), *database_, clock_);
  EXPECT_THAT(seen(), ElementsAre(alive.id + " alive"));
  EXPECT_THAT(ledger(), ElementsAre(dead.id + " interrupted run.interrupted"));
}

TEST_F(RunStateTest, AnEndThatCouldNotBeWrittenThenIsWrittenNow) {
  db::RunRecord run = a_run();
  in_dying_process([&] {
    Result<RunState> state = RunState::create(spool(), {run});
    run.status = db::RunStatus::Failed;
    run.error = Error{Code::TableBusy, "busy"};
    return state && state->update(run);
  });
  recover(spool(), *database_, clock_);
  EXPECT_THAT(ledger(), ElementsAre(run.id + " failed table.busy"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RunStateTest, ARunThatTheLedgerHasWasCommitted) {
  db::RunRecord run = a_run();
  leave_dead(run);  // killed between the commit and the removal of its file
  run.status = db::RunStatus::Succeeded;
  ASSERT_TRUE(database_->ledger().record(run));
  recover(spool(), *database_, clock_);
  EXPECT_THAT(ledger(), ElementsAre(run.id + " succeeded"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(RunStateTest, WithoutADatabaseThatCanBeWrittenItIsLeftForLater) {
  const db::RunRecord run = a_run();
  leave_dead(run);
  const auto unwritable = db::sqlite_database("/proc/rowgate/rowgate.db");
  recover(spool(), *unwritable, clock_);
  EXPECT_THAT(seen(), ElementsAre(run.id + " dead"));
}

TEST_F(RunStateTest, ADamagedFileIsRemoved) {
  std::filesystem::create_directories(spool() / "runs");
  std::ofstream(spool() / "runs" / "run_x.json") << "{\"id\":";
  EXPECT_THAT(seen(), IsEmpty());
  recover(spool(), *database_, clock_);
  EXPECT_EQ(files(), 0u);
  EXPECT_THAT(ledger(), IsEmpty());
}

TEST_F(RunStateTest, AFolderThatCannotBeMadeIsTold) {
  const Result<RunState> state = RunState::create("/proc/rowgate", {a_run()});
  ASSERT_FALSE(state);
  EXPECT_NE(state.error().code, Code::RunInterrupted);
}

TEST_F(RunStateTest, FilesOfSettledRunsAreUsedAgain) {
  const db::RunRecord first = a_run(), second = a_run(), third = a_run();
  {
    RunStates states(spool());
    Result<RunState> one = states.create({first, LoadOptions{.mode = "replace"}}),
                     two = states.create({second});
    ASSERT_TRUE(one && two);
    states.put_away(*std::move(one));
    EXPECT_THAT(seen(), ElementsAre(second.id + " alive"));
    EXPECT_EQ(files(), 2U);
    one = states.create({third});
    ASSERT_TRUE(one);
    EXPECT_THAT(seen(), ElementsAre(third.id + " alive", second.id + " alive"));
    EXPECT_EQ(files(), 2U);
    states.put_away(*std::move(two));
  }
  EXPECT_EQ(files(), 1U) << "what is not used goes with its owner";
  const std::vector<Orphan> orphans = take_orphans(spool());
  ASSERT_EQ(orphans.size(), 1U);
  EXPECT_EQ(orphans[0].kept.run.id, third.id);
  EXPECT_FALSE(orphans[0].kept.options) << "nothing of the file's earlier run is left";
}

TEST_F(RunStateTest, WhoeverTidiesTheFolderDoesNotHinderTheNextRun) {
  RunStates states(spool());
  Result<RunState> state = states.create({a_run()});
  ASSERT_TRUE(state);
  states.put_away(*std::move(state));
  for (const auto& file : std::filesystem::directory_iterator(spool() / "runs"))
    std::filesystem::remove(file.path());
  const db::RunRecord next = a_run();
  state = states.create({next});
  ASSERT_TRUE(state) << to_text(state.error());
  EXPECT_THAT(seen(), ElementsAre(next.id + " alive"));
}

/// A file that was opened by the name of one run and is another's by now.
TEST_F(RunStateTest, AFileOfAnotherRunThanItsNameSaysIsPassedOver) {
  const db::RunRecord run = a_run();
  leave_dead(run);
  const std::filesystem::path file = spool() / "runs" / (run.id + ".json");
  std::filesystem::rename(file, spool() / "runs" / "run_other.json");
  EXPECT_THAT(seen(), IsEmpty());
  EXPECT_TRUE(take_orphans(spool()).empty());
}

/// A file that can be seen is whole and locked, and those who look do not stand for its owner.
TEST_F(RunStateTest, NobodySeesALiveRunAsDeadOrHalfWritten) {
  std::atomic<bool> done = false;
  std::atomic<int> looks = 0;
  std::vector<std::jthread> others;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&] {
      while (!done) {
        for (const InFlight& flying : in_flight(spool())) {
          EXPECT_TRUE(flying.owner_alive);
          EXPECT_FALSE(flying.run.id.empty());
        }
        ++looks;
        recover(spool(), *database_, clock_);
      }
    });
  db::RunRecord run = a_run();
  RunStates states(spool());
  for (int i = 0; i < 200 || looks < 20; ++i) {
    const bool is_used_again = i % 3 != 0;
    run.id = new_id("run_", clock_.now());
    Result<RunState> state = is_used_again ? states.create({run}) : RunState::create(spool(), {run});
    ASSERT_TRUE(state) << to_text(state.error());
    run.file_name = std::string(static_cast<std::size_t>(i % 7) * 100, 'x');
    ASSERT_TRUE(state->update(run));
    EXPECT_EQ(std::ranges::count(seen(), run.id + " alive"), 1);
    is_used_again ? states.put_away(*std::move(state)) : state->remove();
  }
  done = true;
  others.clear();
  EXPECT_THAT(ledger(), IsEmpty());
}

}  // namespace
}  // namespace rowgate::load

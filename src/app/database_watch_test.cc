#include "app/database_watch.h"

#include "db/sqlite/database.h"
#include "db/testing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace rowgate::app {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class DatabaseWatchTest : public ::testing::Test {
 protected:
  fs::path file() const { return folder_.path() / "rowgate.db"; }
  DatabaseWatch watch() { return {*database_, file(), folder_.path() / "spool", 10s}; }
  void load() {
    const db::RunRecord run{.id = "run_1", .kind = "load", .status = db::RunStatus::Failed, .table = "jobs"};
    ASSERT_TRUE(database_->ledger().record(run));
  }
  void remove_database() {
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(file().string() + ending);
  }

  db::testing::TempFolder folder_;
  std::unique_ptr<db::Database> database_ = db::sqlite_database(file());
  DatabaseWatch::Moment now_ = {};
};

TEST_F(DatabaseWatchTest, OneThatIsNotThereYetCanBeMade) {
  DatabaseWatch fresh = watch();
  EXPECT_TRUE(fresh.check(false, now_));
  EXPECT_FALSE(fs::exists(file())) << "nothing is made by looking";
  EXPECT_TRUE(fresh.is_recognized());
}

TEST_F(DatabaseWatchTest, OthersMayLockItAsLongAsALoadWaits) {
  load();
  DatabaseWatch looking = watch();
  const std::unique_ptr<db::Database> other = db::sqlite_database(file());
  auto held = other->begin({});
  ASSERT_TRUE(held);
  EXPECT_TRUE(looking.check(false, now_));
  EXPECT_TRUE(looking.check(false, now_ + 9s));
  EXPECT_EQ(looking.check(false, now_ + 10s).error().code, Code::TableBusy);
  EXPECT_TRUE(looking.check(true, now_ + 11s)) << "a load of ours has it";
  EXPECT_TRUE(looking.check(false, now_ + 12s)) << "counted anew";
  held->reset();
  EXPECT_TRUE(looking.check(false, now_ + 30s));
  EXPECT_TRUE(looking.is_recognized());
}

TEST_F(DatabaseWatchTest, AnotherOneInItsPlaceIsNotIt) {
  load();
  EXPECT_TRUE(watch().recognize());  // and another watch, of a later process, knows it
  remove_database();
  DatabaseWatch later = watch();
  EXPECT_EQ(later.recognize().error().code, Code::DatabaseUnreachable) << "vanished";
  EXPECT_FALSE(later.is_recognized());
  std::ofstream(file()).close();
  EXPECT_EQ(later.check(false, now_).error().code, Code::DatabaseUnreachable) << "empty";
  load();
  EXPECT_EQ(later.check(false, now_).error().code, Code::DatabaseUnreachable) << "begun anew";

  fs::remove_all(folder_.path() / "spool" / "databases");
  EXPECT_TRUE(watch().recognize()) << "that is wanted";
  EXPECT_EQ(later.recognize().error().code, Code::DatabaseUnreachable) << "until it is started again";
}

TEST_F(DatabaseWatchTest, ItsNoteIsReadThroughNoLink) {
  load();
  EXPECT_TRUE(watch().recognize());
  const fs::path note = fs::directory_iterator(folder_.path() / "spool" / "databases")->path();
  fs::rename(note, folder_.path() / "elsewhere");
  fs::create_symlink(folder_.path() / "elsewhere", note);
  remove_database();
  EXPECT_TRUE(watch().recognize()) << "as if there were none";
}

}  // namespace
}  // namespace rowgate::app

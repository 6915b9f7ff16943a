#include "db/sqlite/kept_connections.h"

#include "db/testing.h"

#include <gtest/gtest.h>

namespace rowgate::db::sqlite {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kWait{50};

class KeptConnectionsTest : public ::testing::Test {
 protected:
  /// A database in which `pet` is the only one.
  static void make_database(const fs::path& path, const std::string& pet) {
    const auto connection = Connection::open(path, Access::Write, kWait);
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->run("CREATE TABLE pets (name TEXT); INSERT INTO pets VALUES ('" + pet + "')"));
  }
  static std::string pets(const KeptConnections::Lease& lease) {
    return lease->first_text("SELECT group_concat(name) FROM pets").value().value_or("");
  }
  fs::path path() const { return folder_.path() / "pets.db"; }

  testing::TempFolder folder_;
  KeptConnections kept_{path(), kWait};
};

TEST_F(KeptConnectionsTest, AConnectionIsUsedAgainAndSeesWhatOthersWrite) {
  make_database(path(), "Rex");
  const sqlite3* first = nullptr;
  {
    const auto lease = kept_.reader();
    ASSERT_TRUE(lease);
    first = (*lease)->get();
    EXPECT_EQ(pets(*lease), "Rex");
  }
  ASSERT_TRUE(kept_.writer(kWait).value()->run("INSERT INTO pets VALUES ('Ada')"));
  const auto one = kept_.reader(), two = kept_.reader();
  ASSERT_TRUE(one && two);
  EXPECT_EQ((*one)->get(), first);
  EXPECT_NE((*two)->get(), first) << "it is in use";
  EXPECT_EQ(pets(*one), "Rex,Ada");
}

TEST_F(KeptConnectionsTest, AFileThatWasReplacedIsOpenedAnew) {
  make_database(path(), "Rex");
  make_database(folder_.path() / "other.db", "Bo");
  EXPECT_EQ(pets(kept_.reader().value()), "Rex");
  EXPECT_TRUE(kept_.writer(kWait));
  fs::rename(folder_.path() / "other.db", path());
  EXPECT_EQ(pets(kept_.reader().value()), "Bo");
  EXPECT_EQ(pets(kept_.writer(kWait).value()), "Bo");
  fs::remove(path());
  EXPECT_FALSE(kept_.reader());
}

TEST_F(KeptConnectionsTest, NoLogIsLeftAtTheEnd) {
  {
    KeptConnections kept(path(), kWait);
    ASSERT_TRUE(
        kept.writer(kWait).value()->run("CREATE TABLE pets (name TEXT); INSERT INTO pets VALUES ('Rex')"));
    EXPECT_EQ(pets(kept.reader().value()), "Rex");
    EXPECT_TRUE(fs::exists(path().string() + "-wal"));
  }
  EXPECT_FALSE(fs::exists(path().string() + "-wal"));
}

TEST_F(KeptConnectionsTest, AnUnfinishedTransactionIsRolledBack) {
  make_database(path(), "Rex");
  ASSERT_TRUE(kept_.writer(kWait).value()->run("BEGIN; INSERT INTO pets VALUES ('Ada')"));
  EXPECT_EQ(pets(kept_.writer(kWait).value()), "Rex");
}

TEST_F(KeptConnectionsTest, NothingTemporaryIsHandedOn) {
  make_database(path(), "Rex");
  ASSERT_TRUE(kept_.writer(kWait).value()->run("CREATE TEMP TABLE pets AS SELECT 'Ada' AS name"));
  EXPECT_EQ(pets(kept_.writer(kWait).value()), "Rex");
}

}  // namespace
}  // namespace rowgate::db::sqlite

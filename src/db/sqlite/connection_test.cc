#include "db/sqlite/connection.h"

#include "db/testing.h"

#include <gtest/gtest.h>

namespace rowgate::db::sqlite {
namespace {

namespace fs = std::filesystem;

/// `name` and its journal as a process leaves them that is killed while it writes.
void leave_hot_journal(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / "written.db";
  const auto connection = Connection::open(path, Access::Write, std::chrono::milliseconds(50));
  ASSERT_TRUE(connection);
  ASSERT_TRUE(
      connection->run("PRAGMA journal_mode=DELETE; CREATE TABLE pets (name TEXT);"
                      "INSERT INTO pets VALUES ('Rex'); PRAGMA cache_size=1; BEGIN;"
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                      "INSERT INTO pets SELECT hex(zeroblob(2000)) FROM n"));
  fs::copy_file(path, folder / name);
  fs::copy_file(path.string() + "-journal", folder / (name + "-journal"));
}

TEST(Connection, AReaderRollsBackWhatAKilledWriterLeft) {
  const testing::TempFolder folder;
  leave_hot_journal(folder.path(), "left.db");
  const auto reader =
      Connection::open(folder.path() / "left.db", Access::Read, std::chrono::milliseconds(50));
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->first_text("SELECT group_concat(name) FROM pets").value(), "Rex");
  EXPECT_FALSE(fs::exists(folder.path() / "left.db-journal"));
}

}  // namespace
}  // namespace rowgate::db::sqlite

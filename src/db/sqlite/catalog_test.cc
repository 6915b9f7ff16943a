#include "db/sqlite/catalog.h"

#include "db/testing.h"

#include <gtest/gtest.h>

namespace rowgate::db::sqlite {
namespace {

/// Two connections to one database, each of which may know what the other one changes.
class OwnTables : public ::testing::Test {
 protected:
  Connection open() const {
    return std::move(
        Connection::open(folder_.path() / "x.db", Access::Write, std::chrono::milliseconds(50)).value());
  }
  std::string own_tables() const {
    return one_
        .first_text(
            "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE name GLOB 'rowgate_*' "
            "ORDER BY name)")
        .value()
        .value_or("");
  }
  std::string identities() const {
    return one_.first_text("SELECT count(*) FROM rowgate_schema WHERE table_name = ''").value().value_or("");
  }

  testing::TempFolder folder_;
  Connection one_ = open(), other_ = open();
};

constexpr std::string_view kAll =
    "rowgate_runs,rowgate_runs_by_key,rowgate_runs_by_loaded_file,rowgate_schema";

TEST_F(OwnTables, AreMadeAgainWhenSomebodyDropsThem) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(make_own_tables(one_));
  EXPECT_EQ(own_tables(), kAll);
  EXPECT_EQ(one_.looked_over(), one_.schema_version().value());

  for (const char* sql :
       {"DROP INDEX rowgate_runs_by_key", "DROP TABLE rowgate_schema", "DROP TABLE rowgate_runs"}) {
    ASSERT_TRUE(other_.run(sql));
    ASSERT_TRUE(make_own_tables(one_));
    EXPECT_EQ(own_tables(), kAll) << sql;
  }
  EXPECT_EQ(identities(), "1");
}

TEST_F(OwnTables, AreMadeAgainAfterARollback) {
  ASSERT_TRUE(one_.run("BEGIN IMMEDIATE"));
  ASSERT_TRUE(make_own_tables(one_));
  ASSERT_TRUE(one_.run("ROLLBACK"));

  ASSERT_TRUE(one_.run("BEGIN IMMEDIATE"));
  ASSERT_TRUE(make_own_tables(one_));
  ASSERT_TRUE(one_.run("COMMIT"));
  EXPECT_EQ(own_tables(), kAll);
  EXPECT_EQ(identities(), "1");
}

}  // namespace
}  // namespace rowgate::db::sqlite

#include "db/server/named_sql.h"

#include <gmock/gmock.h>

namespace rowgate::db::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kMy = SqlFlavour::MySql;
constexpr auto kPg = SqlFlavour::PostgreSql;

TEST(NamedSql, PlacesAreNumberedInTheServersWay) {
  const std::string_view sql = "SELECT :a, b FROM t WHERE c = :b AND d < :a";
  const auto mysql = read_query(sql, kMy), postgresql = read_query(sql, kPg);
  ASSERT_TRUE(mysql && postgresql);
  EXPECT_EQ(mysql->sql, "SELECT ?, b FROM t WHERE c = ? AND d < ?");
  EXPECT_THAT(mysql->names, ElementsAre("a", "b", "a"));
  EXPECT_EQ(postgresql->sql, "SELECT $1, b FROM t WHERE c = $2 AND d < $1");
  EXPECT_THAT(postgresql->names, ElementsAre("a", "b"));
}

struct Kept {
  const char* what;
  const char* sql;
  SqlFlavour flavour;
};

TEST(NamedSql, TextsNamesAndCastsAreLeftAlone) {
  const Kept kept[] = {{"a text", "SELECT ':a', 'it''s :a'", kMy},
                       {"a text", "SELECT ':a', 'it''s :a'", kPg},
                       {"a backslash in a text", "SELECT '\\':a'", kMy},
                       {"a backslash in an E text", "SELECT E'\\':a'", kPg},
                       {"a quoted name", "SELECT \":a\" FROM t", kMy},
                       {"a name in backticks", "SELECT `:a` FROM t", kMy},
                       {"a cast", "SELECT '1'::int", kPg},
                       {"a dollar-quoted text", "SELECT $x$ :a ' $x$", kPg},
                       {"a slice", "SELECT a[1:2] FROM t", kPg},
                       {"a text that ends with a backslash", "SELECT 'a\\', ':b'", kPg}};
  for (const Kept& c : kept) {
    const auto read = read_query(c.sql, c.flavour);
    ASSERT_TRUE(read) << c.what;
    EXPECT_EQ(read->sql, c.sql) << c.what;
    EXPECT_TRUE(read->names.empty()) << c.what;
  }
}

TEST(NamedSql, CommentsCountAsNothing) {
  EXPECT_EQ(read_query("SELECT 1 -- :a ; x\n;  /* ; :b */ ;", kMy)->sql, "SELECT 1 \n    ");
  EXPECT_EQ(read_query("SELECT 1 # :a\n", kMy)->sql, "SELECT 1 \n");
  EXPECT_EQ(read_query("SELECT 1 /* a /* b */ :c */", kPg)->sql, "SELECT 1  ");
  EXPECT_EQ(read_query("SELECT 3--2", kMy)->sql, "SELECT 3--2") << "two signs";
}

TEST(NamedSql, OneStatementThatReads) {
  for (const SqlFlavour flavour : {kMy, kPg}) {
    for (const char* sql : {"", "  ", "-- nothing", ";", "SELECT 1; SELECT 2", "DELETE FROM t",
                            "INSERT INTO t VALUES (1)", "WITH a AS (SELECT 1) INSERT INTO t SELECT 9",
                            "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT a INTO b FROM c", "SET x = 1",
                            "(DELETE FROM t)", "CALL p()", "COPY t TO STDOUT", "KILL 1"}) {
      const auto read = read_query(sql, flavour);
      ASSERT_FALSE(read) << sql;
      EXPECT_EQ(read.error().code, Code::ReportBadSql) << sql;
    }
    for (const char* sql : {"SELECT 1", "(SELECT 1)", "WITH a AS (SELECT 1) SELECT * FROM a", "VALUES (1)",
                            "TABLE t", "select 'DELETE'", " \n select 1 ; "})
      EXPECT_TRUE(read_query(sql, flavour)) << sql;
  }
  EXPECT_THAT(read_query("SELECT ?", kMy).error().message, HasSubstr(":name"));
  EXPECT_THAT(read_query("SELECT $1", kPg).error().message, HasSubstr(":name"));
}

TEST(NamedSql, EveryPlaceNeedsItsValue) {
  const auto read = read_query("SELECT :b, :a", kMy);
  const auto values = values_of(*read, {{"a", std::int64_t{1}}, {"b", std::string("x")}, {"c", 2.0}});
  ASSERT_TRUE(values);
  EXPECT_THAT(*values, ElementsAre(Value(std::string("x")), Value(std::int64_t{1})));
  EXPECT_THAT(values_of(*read, {{"a", std::int64_t{1}}}).error().message, HasSubstr(":b"));
}

TEST(NamedSql, TellsTheWordsOutsideOfTexts) {
  const auto read = read_query("SELECT Max(\"Pay Day\") FROM t -- late\n WHERE s = 'early' AND k = :k", kPg);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->words,
            (std::vector<std::string>{"select", "max", "from", "t", "where", "s", "and", "k", "Pay Day"}));
}

}  // namespace
}  // namespace rowgate::db::server

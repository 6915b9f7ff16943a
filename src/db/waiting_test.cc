// Waiting for a database ends: when nobody wants the result, and when the database says nothing.

#include "db/server/watch.h"
#include "db/test_proxy.h"
#include "db/test_world.h"
#include "io/descriptor.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <thread>

namespace rowgate::db {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* kEndless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
    "SELECT COUNT(*) AS slow_query FROM n a, n b, n c, n d WHERE a.i + b.i <> c.i + d.i";

/// Runs it to its end.
Result<void> run(Database& database, const Query& query) {
  TRY_ASSIGN(const std::unique_ptr<Cursor> cursor, database.query(query));
  std::vector<ResultCell> row;
  for (;;) {
    TRY_ASSIGN(const bool more, cursor->next(row));
    if (!more) return {};
  }
}

class StoppedQueryTest : public ::testing::TestWithParam<Kind> {
 protected:
  /// Statements of this test at the server; false where it has none.
  bool is_running() const {
    const std::unique_ptr<server::Session> session = world_.connect();
    const auto count = session->count(
        GetParam() == Kind::MySql
            ? "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%slow\\_query%' AND info "
              "NOT LIKE '%processlist%'"
            : "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow\\_query%' "
              "AND query NOT LIKE '%pg_stat%'");
    EXPECT_TRUE(count);
    return count && *count > 0;
  }

  World world_{GetParam()};
  std::unique_ptr<Database> database_ = world_.open();
};

INSTANTIATE_TEST_SUITE_P(All, StoppedQueryTest, ::testing::ValuesIn(kAllKinds), kind_name);

TEST_P(StoppedQueryTest, EndsAtTheServerToo) {
  if (world_.is_sqlite()) std::filesystem::create_directories(world_.file().parent_path());
  if (world_.is_sqlite()) world_.run("CREATE TABLE t (a)");
  std::stop_source stop;
  std::jthread stopper([&] {
    while (!world_.is_sqlite() && !is_running()) std::this_thread::yield();
    stop.request_stop();
  });
  const Result<void> done = run(*database_, {.sql = kEndless, .timeout = 1h, .stop = stop.get_token()});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::RunInterrupted) << to_text(done.error());
  if (world_.is_sqlite()) return;
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (is_running() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_FALSE(is_running());
}

TEST_P(StoppedQueryTest, IsNotBegunWhereNobodyWantsIt) {
  if (world_.is_sqlite()) std::filesystem::create_directories(world_.file().parent_path());
  if (world_.is_sqlite()) world_.run("CREATE TABLE t (a)");
  std::stop_source stop;
  stop.request_stop();
  const Result<void> done = run(*database_, {.sql = "SELECT 1", .stop = stop.get_token()});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::RunInterrupted) << to_text(done.error());
}

TEST_P(StoppedQueryTest, AStopAfterItsEndDoesNothing) {
  if (world_.is_sqlite()) std::filesystem::create_directories(world_.file().parent_path());
  if (world_.is_sqlite()) world_.run("CREATE TABLE t (a)");
  std::stop_source stop;
  EXPECT_TRUE(run(*database_, {.sql = "SELECT 1", .stop = stop.get_token()}));
  stop.request_stop();
  EXPECT_TRUE(run(*database_, {.sql = "SELECT 1"}));
}

class SilenceTest : public ::testing::TestWithParam<Kind> {
 protected:
  SilenceTest() : database_(open(1100ms)) {}
  std::unique_ptr<Database> open(std::chrono::milliseconds load_silence,
                                 std::chrono::milliseconds silence = 1100ms) {
    ServerAddress address = world_.address();
    address.port = proxy_.port();
    return server_database({.address = address,
                            .lock_wait = 50ms,
                            .load_silence = load_silence,
                            .silence = silence,
                            .first_retry = 1ms});
  }
  ~SilenceTest() override { proxy_.watch({}); }
  /// From now on what the server says does not come through.
  void fall_silent() {
    proxy_.watch({}, [](std::string& bytes) {
      bytes.clear();
      return true;
    });
  }

  World world_{GetParam()};
  FaultProxy proxy_{world_.address().port};
  std::unique_ptr<Database> database_;
  const TableName table_{.name = "departments"};
};

INSTANTIATE_TEST_SUITE_P(Servers, SilenceTest, ::testing::ValuesIn(kServers), kind_name);

TEST_P(SilenceTest, EndsALoad) {
  const auto transaction = database_->begin(std::span(&table_, 1));
  ASSERT_TRUE(transaction) << to_text(transaction.error());
  fall_silent();
  const Result<std::uint64_t> version = (*transaction)->table_version(table_);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, Code::DatabaseUnreachable);
  EXPECT_THAT(version.error().message, HasSubstr("said nothing for 1."));
}

TEST_P(SilenceTest, OfALongStatementEndsItWhereTheServerDoesNotAnswerOthersEither) {
  database_ = open(1h);
  const auto transaction = database_->begin(std::span(&table_, 1));
  ASSERT_TRUE(transaction) << to_text(transaction.error());
  fall_silent();
  const Result<std::uint64_t> version = (*transaction)->table_version(table_);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, Code::DatabaseUnreachable) << to_text(version.error());
}

TEST_P(SilenceTest, OfALongStatementIsBorneWhereTheServerAnswersOthers) {
  database_ = open(1h, 3s);  // which the server answers others within, on a busy machine too
  ASSERT_TRUE(run(*database_, {.sql = GetParam() == Kind::MySql ? "SELECT SLEEP(7)" : "SELECT pg_sleep(7)"}));
}

TEST_P(SilenceTest, EndsALogin) {
  fall_silent();
  const Result<void> done = run(*database_, {.sql = "SELECT 1"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::DatabaseUnreachable) << to_text(done.error());
}

TEST_P(SilenceTest, IsNotWaitedForByAProgramThatEnds) {
  const auto transaction = database_->begin(std::span(&table_, 1));
  ASSERT_TRUE(transaction) << to_text(transaction.error());
  fall_silent();
  database_->stop_waiting();
  const Result<std::uint64_t> version = (*transaction)->table_version(table_);
  ASSERT_FALSE(version);
  EXPECT_THAT(version.error().message, HasSubstr("the program ends"));
  proxy_.watch({});
  EXPECT_FALSE(database_->table(table_));
}

/// A statement that is sent in the middle of another wait does not end the watch over that.
TEST(Expecting, GoesOnWhenOneWithinItEnds) {
  const io::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  server::WatchedSocket watched(std::make_shared<server::SocketWatch>(1h, [] { return true; }), socket.get(),
                                1h);
  {
    const server::Expecting outer(watched);
    { const server::Expecting inner(watched); }
    EXPECT_TRUE(watched.is_expected());
  }
  EXPECT_FALSE(watched.is_expected());
}

}  // namespace
}  // namespace rowgate::db

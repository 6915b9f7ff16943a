// What happens when connections break, others hold locks, or a server does what it should not.

#include "base/ids.h"
#include "db/server/transaction.h"
#include "db/test_proxy.h"
#include "db/test_world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>

namespace rowgate::db {
namespace {

using namespace testing;
using table::Type;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FaultsTest : public ::testing::TestWithParam<Kind> {
 protected:
  FaultsTest() {
    address_.port = proxy_.port();
    through_proxy_ = world_.open_at(address_);
    schema_.fields[1].constraints.max_length = 100;
  }

  Result<void> load(Database& database, const std::vector<TestRow>& rows, Mode mode = Mode::Append,
                    const char* table_name = "departments") {
    const TableName table{.name = table_name};
    const LoadTarget target{.table = table,
                            .schema = &schema_,
                            .mode = mode,
                            .scratch = world_.scratch(),
                            .run_id = new_id("run_", {++now_ * 1000})};
    run_id_ = target.run_id;
    TRY_ASSIGN(const std::unique_ptr<Transaction> transaction, database.begin(std::span(&table, 1)));
    RunRecord run{.id = target.run_id, .status = RunStatus::Succeeded, .table = table.name};
    TRY_ASSIGN(run.version_before, transaction->table_version(table));
    TRY_ASSIGN(const std::unique_ptr<Sink> sink, transaction->open_sink(target));
    const TestBatch batch(rows);
    TRY(sink->write(batch.get()));
    TRY_ASSIGN(KeyFindings * findings, sink->settle());
    found_ = read_findings(*findings);
    run.version_after = run.version_before + 1;
    run.created_at = run.started_at = run.finished_at = {now_ * 1000};
    return transaction->commit(std::span(&run, 1));
  }

  std::vector<std::string> rows() {
    return read_rows(*direct_, "SELECT id, name FROM departments ORDER BY id");
  }
  std::vector<std::string> staging_tables() {
    std::vector<std::string> names;
    const std::unique_ptr<server::Session> session = world_.connect();
    const auto found =
        session->rows(GetParam() == Kind::MySql
                          ? "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
                          : "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                            "CURRENT_SCHEMA()");
    for (const server::TextRow& row : *found)
      if (row[0]->starts_with("__rg_")) names.push_back(*row[0]);
    return names;
  }
  std::uint64_t version() {
    const auto state = direct_->table({.name = "departments"});
    return state && *state ? (*state)->version : 0;
  }

  World world_{GetParam()};
  ServerAddress address_ = world_.address();
  FaultProxy proxy_{address_.port};
  std::unique_ptr<Database> direct_ = world_.open(std::chrono::seconds(5)), through_proxy_;
  table::TableSchema schema_ = make_schema({{"id", Type::Integer}, {"name", Type::String}});
  std::vector<std::string> found_;
  std::string run_id_;
  std::int64_t now_ = 1'700'000'000'000;
};

INSTANTIATE_TEST_SUITE_P(Servers, FaultsTest, ::testing::ValuesIn(kServers), kind_name);

/// The end of a load, as it stands in a packet of either protocol: behind a length or a command.
bool is_commit(Kind kind, const std::string& bytes) {
  return bytes.find(kind == Kind::MySql ? "\x03"
                                          "COMMIT"
                                        : "\x0b"
                                          "COMMIT") != std::string::npos;
}

/// Breaks the connection at the first packet with this statement.
FaultProxy::Watch cut_at(std::string statement, std::shared_ptr<std::atomic<int>> seen) {
  return [=](std::string& bytes) { return bytes.find(statement) == std::string::npos || ++*seen > 1; };
}

TEST_P(FaultsTest, ACommitThatNeverArrivedLoadsNothing) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const auto seen = std::make_shared<std::atomic<int>>(0);
  proxy_.watch([=](std::string& bytes) { return !is_commit(GetParam(), bytes) || ++*seen > 1; });
  const Result<void> loaded = load(*through_proxy_, {{2, "Law"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::DatabaseUnreachable);
  EXPECT_THAT(rows(), ElementsAre("1|Sales"));
  EXPECT_EQ(version(), 1u);
  EXPECT_TRUE(load(*direct_, {{2, "Law"}})) << "the table's lock is free again";
}

TEST_P(FaultsTest, ACommitWhoseAnswerWasLostIsLookedUpInTheLedger) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const auto seen = std::make_shared<std::atomic<int>>(0);
  const auto committed = std::make_shared<std::atomic<bool>>(false);
  proxy_.watch(
      [=](std::string& bytes) {
        if (is_commit(GetParam(), bytes) && ++*seen == 1) *committed = true;
        return true;
      },
      [=](std::string&) { return !committed->exchange(false); });
  const Result<void> loaded = load(*through_proxy_, {{2, "Law"}});
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_THAT(rows(), ElementsAre("1|Sales", "2|Law"));
  EXPECT_EQ(version(), 2u);
  EXPECT_EQ(direct_->ledger().find(run_id_)->size(), 1u);
}

TEST_P(FaultsTest, AConnectionLostWhileRowsAreSentIsMadeAnew) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const auto seen = std::make_shared<std::atomic<int>>(0);
  proxy_.watch(cut_at(GetParam() == Kind::MySql ? "LOAD DATA" : "COPY ", seen));
  const Result<void> loaded = load(*through_proxy_, {{2, "Law"}, {1, "Again"}});
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_THAT(found_, ElementsAre("3:key.duplicate_in_table:0"));
  EXPECT_THAT(rows(), ElementsAre("1|Sales", "2|Law"));
  EXPECT_GE(*seen, 2);
}

TEST_P(FaultsTest, AReplaceWhoseConnectionBreaksAtAnyStatementIsAllOrNothing) {
  // Breaks the connection at the 1st, 2nd, 3rd ... packet of the client, until a load goes through without.
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}, {2, "Law"}}));
  for (int packet = 1;; ++packet) {
    const auto seen = std::make_shared<std::atomic<int>>(0);
    proxy_.watch([=](std::string&) { return ++*seen != packet; });
    const std::uint64_t before = version();
    const Result<void> loaded =
        load(*world_.open_at(address_), {{3, fmt::format("Legal {}", packet)}, {4, "Trade"}}, Mode::Replace);
    const bool has_new = rows() == std::vector<std::string>{fmt::format("3|Legal {}", packet), "4|Trade"};
    EXPECT_EQ(loaded.has_value(), has_new) << "packet " << packet;
    // What broke at the commit is settled as failed, so that it cannot come in later.
    const std::vector<RunRecord> runs = direct_->ledger().find(run_id_).value();
    const auto committed = std::ranges::count_if(runs, [](const RunRecord& run) { return !run.error; });
    EXPECT_EQ(committed, loaded ? 1 : 0) << "packet " << packet;
    EXPECT_EQ(version(), before + (loaded ? 1 : 0)) << "packet " << packet;
    EXPECT_EQ(rows().size(), 2u);
    if (*seen < packet) {
      EXPECT_GT(packet, 10);
      break;
    }
  }
  ASSERT_TRUE(load(*direct_, {{5, "Last"}}, Mode::Replace));
  EXPECT_THAT(staging_tables(), IsEmpty());
}

TEST_P(FaultsTest, AServerThatIsGoneForGoodLeavesNothingHalfDone) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  // The connection breaks at one packet and nobody gets through afterwards: as a rowgate that was killed
  // there.
  for (int packet = 1;; ++packet) {
    const auto seen = std::make_shared<std::atomic<int>>(0);
    proxy_.open_door();
    proxy_.watch([=, this](std::string&) {
      if (++*seen != packet) return true;
      proxy_.close_door();
      return false;
    });
    const std::vector<std::string> before = rows();
    const Result<void> loaded =
        load(*world_.open_at(address_), {{3, fmt::format("Legal {}", packet)}, {4, "Trade"}}, Mode::Replace);
    const std::string id = run_id_;
    const auto known = direct_->ledger().find(id);
    ASSERT_TRUE(known) << to_text(known.error());
    const std::vector<std::string> wanted{fmt::format("3|Legal {}", packet), "4|Trade"};
    const bool committed = !known->empty() && !known->front().error;
    EXPECT_EQ(rows(), committed ? wanted : before) << "packet " << packet;
    if (loaded) EXPECT_EQ(known->size(), 1u);
    if (*seen < packet) break;
  }
  ASSERT_TRUE(load(*direct_, {{5, "Last"}}, Mode::Replace));
  EXPECT_THAT(staging_tables(), IsEmpty());
}

TEST_P(FaultsTest, ALockOfSomebodyElseEndsInTime) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const std::unique_ptr<server::Session> other = world_.connect();
  ASSERT_TRUE(other->run("BEGIN"));
  ASSERT_TRUE(other->run("INSERT INTO departments (id, name) VALUES (2, 'Other')"));
  const auto impatient = world_.open(std::chrono::milliseconds(50));
  const Result<void> loaded = load(*impatient, {{2, "Law"}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::DatabaseDeadlock) << to_text(loaded.error());
  ASSERT_TRUE(other->run("ROLLBACK"));
  EXPECT_TRUE(load(*impatient, {{2, "Law"}}));
  EXPECT_THAT(rows(), ElementsAre("1|Sales", "2|Law"));
}

TEST_P(FaultsTest, ADeadlockIsTriedAgain) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const std::unique_ptr<server::Session> other = world_.connect();
  ASSERT_TRUE(other->run("BEGIN"));
  std::string many = "INSERT INTO departments (id, name) VALUES (30, 'Other')";
  for (int i = 31; i < 600; ++i) many += fmt::format(", ({}, 'Other {}')", i, i);
  ASSERT_TRUE(other->run(many));  // more than the load has done, so that InnoDB ends the load and not this
  std::jthread blocker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    (void)other->run(
        "INSERT INTO departments (id, name) VALUES (10, 'Other')");  // waits for the load, which waits
    (void)other->run("ROLLBACK");
  });
  const Result<void> loaded = load(*direct_, {{10, "Law"}, {30, "Legal"}});
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_THAT(rows(), ElementsAre("1|Sales", "10|Law", "30|Legal"));
}

TEST_P(FaultsTest, WrongPasswordsAndMissingRightsAreSaid) {
  ServerAddress wrong = world_.address();
  wrong.password = "open barley";
  EXPECT_EQ(world_.open_at(wrong)->tables(Rows::Counted).error().code, Code::DatabasePrivilege);
  ServerAddress nowhere = world_.address();
  nowhere.port = 1;
  const auto away = world_.open_at(nowhere);
  EXPECT_EQ(away->tables(Rows::Counted).error().code, Code::DatabaseUnreachable);
  EXPECT_THAT(away->tables(Rows::Counted).error().message, Not(HasSubstr("sesame")));
}

TEST_P(FaultsTest, ConnectionsAreAsSafeAsAsked) {
  const auto version_with = [&](Tls tls, const std::string& ca) {
    ServerAddress address = world_.address();
    address.tls = tls;
    address.ca = ca;
    return world_.open_at(address)->server_version();
  };
  const std::string ca = from_servers("TESTDB_CA");
  EXPECT_TRUE(version_with(Tls::Require, ""));
  const auto verified = version_with(Tls::VerifyFull, ca);
  EXPECT_TRUE(verified) << to_text(verified.error());
  const auto unknown = version_with(Tls::VerifyFull, "");
  ASSERT_FALSE(unknown) << "the certificate is of nobody whom the system knows";
  EXPECT_EQ(unknown.error().code, Code::DatabaseUnreachable);
  proxy_.watch({}, [](std::string& bytes) { return bytes.find("loader") == std::string::npos; });
  ServerAddress encrypted = address_;
  encrypted.tls = Tls::VerifyFull;
  encrypted.ca = ca;
  EXPECT_TRUE(world_.open_at(encrypted)->server_version());
}

TEST_P(FaultsTest, AServerThatWasRestartedIsFoundAgain) {
  ASSERT_TRUE(through_proxy_->server_version());  // now a connection waits for its next use
  const auto cut = std::make_shared<std::atomic<bool>>(true);
  proxy_.watch([=](std::string&) { return !cut->exchange(false); });
  EXPECT_TRUE(through_proxy_->server_version());
}

/// What a check of ours would have to have let through never reaches the table changed.
TEST_P(FaultsTest, AValueThatTheDatabaseWouldChangeIsNeverStored) {
  schema_ = make_schema({{"id", Type::Integer}, {"name", Type::String}});
  schema_.fields[1].constraints.max_length = 5;
  for (const auto& [name, type] :
       {std::pair{"day", Type::Date}, {"at", Type::Datetime}, {"share", Type::Number}})
    schema_.fields.push_back({.name = name, .type = type});
  schema_.fields.push_back({.name = "pay", .type = Type::Number, .decimal = table::Decimal{6, 2}});
  const TestRow good = {1, "Sales", "2021-02-28", "2021-02-28T10:00:00Z", 0.5, "12.50"};
  ASSERT_TRUE(load(*direct_, {good}));
  const std::pair<std::size_t, TestCell> bad[] = {
      {1, "\xFF\xFE"}, {2, "2021-02-31"}, {3, "2021-02-30T10:00:00Z"}, {5, "123456789.00"}, {0, nullptr}};
  for (const auto& [field, value] : bad) {
    TestRow row = good;
    row[0] = 2;
    row[field] = value;
    const Result<void> loaded = load(*direct_, {row});
    ASSERT_FALSE(loaded) << field;
    EXPECT_EQ(loaded.error().code, Code::DatabaseRefused) << to_text(loaded.error());
  }
  if (GetParam() == Kind::MySql) {
    for (const auto& [field, value] :
         {std::pair<std::size_t, TestCell>{1, "too long"}, {4, std::numeric_limits<double>::infinity()}}) {
      TestRow row = good;
      row[0] = 2;
      row[field] = value;
      EXPECT_EQ(load(*direct_, {row}).error().code, Code::DatabaseRefused) << field;
    }
  }
  EXPECT_THAT(read_rows(*direct_, "SELECT COUNT(*) FROM departments"), ElementsAre("1"));
}

TEST_P(FaultsTest, ReplaceKeepsViewsWorking) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  world_.run("CREATE VIEW names AS SELECT name FROM departments");
  const Result<void> loaded = load(*direct_, {{2, "Law"}}, Mode::Replace);
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_THAT(read_rows(*direct_, "SELECT name FROM names"), ElementsAre("Law"));
}

// The MySQL family only.

class SwapTest : public FaultsTest {
 protected:
  /// A replace of departments that broke off at its exchange of names, before the server got that or after.
  void leave_a_swap(bool is_done) {
    ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
    proxy_.watch(
        [=, this](std::string& bytes) {
          if (bytes.find("RENAME TABLE") == std::string::npos) return true;
          proxy_.close_door();
          return is_done;
        },
        [=, this](std::string&) { return !proxy_.is_closed(); });
    ASSERT_FALSE(load(*through_proxy_, {{2, "Law"}}, Mode::Replace));
    left_ = run_id_;
    proxy_.open_door();
    wait_until_its_owner_is_gone();
  }
  void wait_until_its_owner_is_gone() const {
    const auto engine = mysql::make_engine(world_.address(), std::chrono::seconds(10));
    const std::unique_ptr<server::Session> session = world_.connect();
    const std::string lock = server::lock_name(*engine, {"", "__rg_" + left_});
    for (int tries = 0; !*engine->is_free(*session, lock); ++tries) {
      ASSERT_LT(tries, 1000);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  /// Looks for the run, and does this between having seen the swap and taking its table's lock.
  std::vector<std::string> found_after(const std::function<void()>& meanwhile) {
    int seen = 0;
    proxy_.watch([&](std::string& bytes) {
      if (bytes.find("GET_LOCK") != std::string::npos && ++seen == 1) meanwhile();
      return true;
    });
    const Result<std::vector<RunRecord>> found = through_proxy_->ledger().find(left_);
    proxy_.watch({});
    EXPECT_GT(seen, 0);
    std::vector<std::string> told;
    if (!found) told.push_back(to_text(found.error()));
    if (found)
      for (const RunRecord& run : *found) told.emplace_back(name(run.status));
    return told;
  }

  std::string left_;
};
INSTANTIATE_TEST_SUITE_P(Servers, SwapTest, ::testing::Values(Kind::MySql), kind_name);

TEST_P(SwapTest, WhatAnotherHasSettledIsNotSettledAgain) {
  leave_a_swap(true);
  EXPECT_THAT(found_after([&] { ASSERT_TRUE(load(*direct_, {{3, "Trade"}})); }), ElementsAre("succeeded"));
  EXPECT_THAT(rows(), ElementsAre("2|Law", "3|Trade"));
  EXPECT_EQ(version(), 3u);
}

TEST_P(SwapTest, WhatAnotherHasForgottenIsNotDone) {
  leave_a_swap(false);
  EXPECT_THAT(found_after([&] { EXPECT_THAT(*direct_->ledger().find(left_), IsEmpty()); }), IsEmpty());
  EXPECT_THAT(rows(), ElementsAre("1|Sales"));
  EXPECT_EQ(version(), 1u) << "nothing was loaded";
}

TEST_P(SwapTest, ALoadThatTidiesUpLeavesASwapAlone) {
  FaultProxy watched(world_.address().port);
  ServerAddress address = address_;
  address.port = watched.port();
  int seen = 0;
  watched.watch([&](std::string& bytes) {
    const bool lists_tables = bytes.find("information_schema.tables") != std::string::npos &&
                              bytes.find("LOWER(table_name)") == std::string::npos;
    if (lists_tables && ++seen == 1) leave_a_swap(false);
    return true;
  });
  ASSERT_TRUE(load(*world_.open_at(address), {{1, "Clerk"}}, Mode::Append, "jobs"));
  EXPECT_GT(seen, 0);
  EXPECT_THAT(*direct_->ledger().find(left_), IsEmpty()) << "its names were not exchanged";
  EXPECT_EQ(version(), 1u);
  EXPECT_THAT(staging_tables(), IsEmpty());
}

class InfileTest : public FaultsTest {};
INSTANTIATE_TEST_SUITE_P(Servers, InfileTest, ::testing::Values(Kind::MySql), kind_name);

TEST_P(InfileTest, AnotherFileThanTheLoadsOwnIsNotSent) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const auto asked = std::make_shared<std::atomic<int>>(0);
  const auto sent = std::make_shared<std::string>();
  proxy_.watch(
      [=](std::string& bytes) {
        if (*asked > 0) *sent += bytes;
        return true;
      },
      [=](std::string& bytes) {
        const std::size_t at = bytes.find("\xFBrowgate-");
        if (at == std::string::npos) return true;
        ++*asked;
        bytes.replace(at + 1, 11, "/etc/passwd");  // of the same length in all: the rest of the name follows
        return true;
      });
  const Result<void> loaded = load(*through_proxy_, {{2, "Law"}});
  proxy_.watch({});  // so that nothing is written to `sent` any more
  ASSERT_FALSE(loaded);
  EXPECT_GE(*asked, 1);
  EXPECT_THAT(to_text(loaded.error()), HasSubstr("asked for a file"));
  EXPECT_EQ(sent->find("root:"), std::string::npos);
  EXPECT_EQ(sent->find("Law"), std::string::npos);
  EXPECT_THAT(rows(), ElementsAre("1|Sales"));
}

/// A server that speaks just enough to ask for a file at the first statement.
class RogueServer {
 public:
  RogueServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(listener_, 1) == 0)
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  RogueServer(const RogueServer&) = delete;
  RogueServer& operator=(const RogueServer&) = delete;
  ~RogueServer() {
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }
  /// What the client sent as the file.
  std::string take() {
    thread_.join();
    return got_;
  }

 private:
  static void send_packet(int to, char number, const std::string& body) {
    std::string packet;
    packet += static_cast<char>(body.size() & 0xff);
    packet += static_cast<char>(body.size() >> 8);
    packet += '\0';
    packet += number;
    packet += body;
    (void)::send(to, packet.data(), packet.size(), MSG_NOSIGNAL);
  }
  static std::string receive_packet(int from) {
    std::array<unsigned char, 4> head{};
    if (::recv(from, head.data(), head.size(), MSG_WAITALL) != 4) return "closed";
    std::string body(static_cast<std::size_t>(head[0] | (head[1] << 8) | (head[2] << 16)), '\0');
    if (!body.empty()) (void)::recv(from, body.data(), body.size(), MSG_WAITALL);
    return body;
  }

  void serve() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    using namespace std::string_literals;
    // Protocol 10, connection 1, capabilities with CLIENT_LOCAL_FILES, native passwords.
    std::string hello = "\x0a"s + "8.0.36\0"s + "\x01\0\0\0"s + "abcdefgh\0"s + "\xff\xf7"s + "\x2d"s +
                        "\x02\0"s + "\x0f\x80"s + "\x15"s + std::string(10, '\0') + "ijklmnopqrst\0"s +
                        "mysql_native_password\0"s;
    send_packet(client, 0, hello);
    (void)receive_packet(client);                             // who the client is
    send_packet(client, 2, "\x00\x00\x00\x02\x00\x00\x00"s);  // welcome
    (void)receive_packet(client);                             // its first statement
    send_packet(client, 1, "\xFB/etc/passwd"s);
    got_ = receive_packet(client);
    send_packet(client, 3, "\xff\x51\x04#42000no"s);
    ::close(client);
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string got_;
  std::thread thread_;
};

TEST_P(InfileTest, ARogueServerGetsNoFile) {
  RogueServer rogue;
  ServerAddress address = world_.address();
  address.port = rogue.port();
  const auto version = world_.open_at(address)->server_version();
  EXPECT_FALSE(version);
  EXPECT_EQ(rogue.take(), "");
}

TEST_P(InfileTest, AServerThatForbidsLoadDataGetsInserts) {
  ASSERT_TRUE(load(*direct_, {{1, "Sales"}}));
  const auto files = std::make_shared<std::atomic<int>>(0);
  proxy_.watch({}, [=](std::string& bytes) {
    if (bytes.find("\xFBrowgate-") != std::string::npos) ++*files;
    return true;
  });
  ServerAddress admin = world_.address();
  admin.user = "admin";
  const auto session = mysql::make_engine(admin, std::chrono::seconds(5))->connect(server::Access::Write);
  ASSERT_TRUE(session);
  ASSERT_TRUE((*session)->run("SET GLOBAL local_infile = 0"));
  const Result<void> loaded = load(
      *through_proxy_, {{2, "it's\ta \\ \"tab\"\n"}, {3, nullptr}, {1, "Again"}, {4, "\xF0\x9F\x98\x80"}});
  ASSERT_TRUE((*session)->run("SET GLOBAL local_infile = 1"));
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_THAT(found_, ElementsAre("4:key.duplicate_in_table:0"));
  EXPECT_THAT(rows(), ElementsAre("1|Sales", "2|it's\ta \\ \"tab\"\n", "3|-", "4|\xF0\x9F\x98\x80"));
  EXPECT_EQ(*files, 0);
}

}  // namespace
}  // namespace rowgate::db

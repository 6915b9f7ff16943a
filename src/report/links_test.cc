#include "report/links.h"

#include "base/ids.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/database.h"
#include "db/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

namespace rowgate::report {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using db::testing::make_schema;
using db::testing::TempFolder;
using db::testing::TestBatch;
using db::testing::TestRow;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Verdict = store::LinkSigner::Verdict;

class FakeClock : public Clock {
 public:
  Timestamp now() const override { return {micros_.load()}; }
  void advance(std::chrono::microseconds by) { micros_ += by.count(); }

 private:
  std::atomic<std::int64_t> micros_{1'800'000'000'250'000};
};

/// A store that does something of its own around its calls.
class WatchedStore : public store::Store {
 public:
  explicit WatchedStore(fs::path folder) : inner_(store::dir_store(std::move(folder))) {}
  std::function<void()> after_close = [] {};
  std::atomic<int> created{0}, copied{0};

  Result<std::unique_ptr<store::StoreWriter>> create(const store::FileKey& key) override {
    ++created;
    TRY_ASSIGN(std::unique_ptr<store::StoreWriter> writer, inner_->create(key));
    return std::unique_ptr<store::StoreWriter>(new Writer(std::move(writer), *this));
  }
  Result<std::shared_ptr<io::SourceFile>> file(const store::FileKey& key) override {
    return inner_->file(key);
  }
  Result<void> copy(const store::FileKey& from, const store::FileKey& to) override {
    ++copied;
    return inner_->copy(from, to);
  }
  Result<void> remove(const store::FileKey& key) override { return inner_->remove(key); }
  Result<std::vector<store::StoredFile>> list(const store::FileKey& folder) override {
    return inner_->list(folder);
  }

 private:
  class Writer : public store::StoreWriter {
   public:
    Writer(std::unique_ptr<store::StoreWriter> inner, WatchedStore& watched)
        : inner_(std::move(inner)), watched_(watched) {}
    Result<void> write(std::string_view bytes) override { return inner_->write(bytes); }
    Result<void> close() override {
      TRY(inner_->close());
      watched_.after_close();
      return {};
    }

   private:
    std::unique_ptr<store::StoreWriter> inner_;
    WatchedStore& watched_;
  };
  std::unique_ptr<store::Store> inner_;
};

class LinksTest : public ::testing::Test {
 protected:
  LinksTest()
      : database_(db::sqlite_database(path("data/rowgate.db"), 120s)),
        store_(path("files")),
        signer_({{"1", std::string(32, 'a')}}),
        links_(*database_, store_, signer_, clock_, {.spool = path("spool")}) {
    jobs_ = make_schema({{"id", table::Type::Integer}, {"job", table::Type::String}});
    report_ = {.name = "jobs_from",
               .title = "Jobs",
               .filename = "jobs.csv",
               .sql = "SELECT id, job FROM jobs WHERE id >= :least ORDER BY id",
               .params = {{.name = "least", .type = table::Type::Integer, .default_text = "1"}}};
    load({{1, "Baker"}, {2, "Glazier"}});
  }

  fs::path path(std::string_view below) const { return folder_.path() / below; }

  Result<void> try_load(const std::vector<TestRow>& rows, const std::string& table) {
    const db::TableName name{.name = table};
    TRY_ASSIGN(const auto transaction, database_->begin(std::span(&name, 1)));
    TRY_ASSIGN(const std::uint64_t version, transaction->table_version(name));
    TRY_ASSIGN(const auto sink, transaction->open_sink({.table = name,
                                                        .schema = &jobs_,
                                                        .scratch = path("spool"),
                                                        .run_id = new_id("run_", clock_.now())}));
    const TestBatch batch(rows);
    TRY(sink->write(batch.get()));
    TRY(sink->settle());
    db::RunRecord run{.id = new_id("run_", clock_.now()), .status = db::RunStatus::Succeeded, .table = table};
    run.version_before = version;
    run.version_after = version + 1;
    return transaction->commit(std::span(&run, 1));
  }
  void load(const std::vector<TestRow>& rows, const std::string& table = "jobs") {
    const Result<void> loaded = try_load(rows, table);
    ASSERT_TRUE(loaded) << to_text(loaded.error());
  }

  LinkRequest request(std::vector<std::pair<std::string, std::string>> params = {}) const {
    return {.report = &report_, .params = std::move(params)};
  }
  MadeLink make(const LinkRequest& request) {
    Result<MadeLink> made = links_.make(request);
    EXPECT_TRUE(made) << to_text(made.error());
    return made.value_or(MadeLink{});
  }
  std::string refusal(const LinkRequest& request) {
    const Result<MadeLink> made = links_.make(request);
    return made ? "made" : std::string(text(made.error().code));
  }
  /// What a download of the signed path gives.
  std::string download(const std::string& target) {
    std::string object;
    switch (signer_.check_target(target, clock_.now(), &object)) {
      case Verdict::BadSignature:
        return "forged";
      case Verdict::Expired:
        return "expired";
      case Verdict::Ok:
        break;
    }
    const Result<std::unique_ptr<io::Source>> source = store_.open(object);
    if (!source) return std::string(text(source.error().code));
    return io::read_all(**source, 1 << 20).value_or("unreadable");
  }
  std::vector<std::string> listed(std::size_t limit = 100) {
    std::vector<std::string> ids;
    const auto links = links_.list(std::nullopt, limit);
    if (!links) return {to_text(links.error())};
    for (const db::LinkRecord& link : *links) ids.push_back(link.id);
    return ids;
  }
  std::vector<db::LinkRecord> in_ledger() {
    return database_->links().list(std::nullopt, 100).value_or(std::vector<db::LinkRecord>{});
  }
  std::size_t waiting() const { return PendingLinks(path("spool")).links().size(); }
  std::optional<db::RunRecord> run_of(const std::string& id) {
    const auto found = database_->ledger().find(id);
    if (!found || found->empty()) return std::nullopt;
    return found->front();
  }
  /// A load in the middle: the database's write lock is taken.
  std::unique_ptr<db::Transaction> hold_lock() {
    const db::TableName name{.name = "jobs"};
    auto transaction = database_->begin(std::span(&name, 1));
    EXPECT_TRUE(transaction);
    return transaction ? *std::move(transaction) : nullptr;
  }

  TempFolder folder_;
  FakeClock clock_;
  std::unique_ptr<db::Database> database_;
  WatchedStore store_;
  store::LinkSigner signer_;
  Links links_;
  table::TableSchema jobs_;
  Definition report_;
};

constexpr auto kBoth = "id,job\r\n1,Baker\r\n2,Glazier\r\n";
constexpr auto kSecond = "id,job\r\n2,Glazier\r\n";

TEST_F(LinksTest, RunsTheReportAndStoresItsBytes) {
  const MadeLink made = make(request());
  EXPECT_THAT(made.link.id, StartsWith("lnk_"));
  EXPECT_THAT(made.address, AllOf(StartsWith("/d/reports/" + made.link.id + "/jobs.csv?e=")));
  EXPECT_EQ(download(made.address), kBoth);
  EXPECT_EQ(made.link.rows, 2u);
  EXPECT_EQ(made.link.bytes, std::string(kBoth).size());
  EXPECT_EQ(made.link.params, R"({"least":1})");
  EXPECT_EQ(to_rfc3339(made.link.expires_at), "2027-01-16T08:00:00.000Z") << "24 hours, in whole seconds";
  EXPECT_FALSE(made.reused);

  const Result<db::LinkRecord> found = links_.find(made.link.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(db::to_state_json(*found), db::to_state_json(made.link)) << "the ledger gives back what it got";
  const std::optional<db::RunRecord> run = run_of(made.link.run);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->kind, "report");
  EXPECT_EQ(run->status, db::RunStatus::Succeeded);
  EXPECT_EQ(run->principal, "local");
  EXPECT_EQ(run->rows_read, 2u);
  EXPECT_EQ(run->file_sha256, made.link.sha256);
}

TEST_F(LinksTest, ALinkWorksUntilItsSecondAndNotLonger) {
  LinkRequest wanted = request();
  wanted.expires_in = 60s;
  const MadeLink made = make(wanted);
  clock_.advance(59'749'999us);  // one microsecond before
  EXPECT_EQ(download(made.address), kBoth);
  EXPECT_TRUE(links_.is_live(made.link));
  clock_.advance(1us);
  EXPECT_EQ(download(made.address), "expired");
  EXPECT_FALSE(links_.is_live(made.link));
}

TEST_F(LinksTest, RefusesLivesNamesAndParametersThatAreNotAllowed) {
  const auto with = [&](auto change) {
    LinkRequest wanted = request();
    change(wanted);
    return refusal(wanted);
  };
  for (const std::chrono::seconds life : {0s, -1s, 604'801s, std::chrono::seconds::max()})
    EXPECT_EQ(with([&](LinkRequest& wanted) { wanted.expires_in = life; }), "report.bad_parameter");
  for (const std::chrono::seconds life : {1s, 604'800s})
    EXPECT_EQ(with([&](LinkRequest& wanted) { wanted.expires_in = life; }), "made");
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".csv"), std::string("a/b.csv"),
        std::string("a b.csv"), std::string("\"a\".csv"), std::string("a\r\nX: y.csv"), std::string("%2e%2e"),
        std::string("\xC3\xA9.csv"), std::string("a\0.csv", 6), std::string(101, 'a')})
    EXPECT_EQ(with([&](LinkRequest& wanted) { wanted.filename = name; }), "report.bad_parameter") << name;
  EXPECT_EQ(with([](LinkRequest& wanted) { wanted.filename = std::string(100, 'a'); }), "made");
  using Params = std::vector<std::pair<std::string, std::string>>;
  for (const Params& params : {Params{{"least", "two"}}, Params{{"most", "2"}}, Params{{"least", "1 OR 1=1"}},
                               Params{{"least", "1"}, {"least", "2"}}})
    EXPECT_EQ(with([&](LinkRequest& wanted) { wanted.params = params; }), "report.bad_parameter");
}

TEST_F(LinksTest, AnUnchangedResultIsNotComputedTwice) {
  const MadeLink first = make(request());
  clock_.advance(200s);
  LinkRequest again = request({{"least", "1"}});
  again.filename = "other.csv";
  const MadeLink second = make(again);
  EXPECT_TRUE(second.reused);
  EXPECT_NE(second.link.id, first.link.id);
  EXPECT_EQ(second.link.run, first.link.run);
  EXPECT_EQ(second.link.computed_at, first.link.computed_at);
  EXPECT_EQ(second.link.sha256, first.link.sha256);
  EXPECT_EQ(download(second.address), kBoth);
  EXPECT_EQ(store_.created, 1);
  EXPECT_EQ(store_.copied, 1);

  clock_.advance(101s);  // more than five minutes since the bytes were computed, less since they were copied
  EXPECT_FALSE(make(request()).reused);
}

TEST_F(LinksTest, OnlyEqualReportsAreReused) {
  make(request());
  EXPECT_FALSE(make(request({{"least", "2"}})).reused);
  EXPECT_TRUE(make(request({{"least", "2"}})).reused);
  report_.sort = {{.column = "job", .descending = true}};
  EXPECT_FALSE(make(request()).reused) << "another definition under the same name";
  report_.name = "other";
  EXPECT_FALSE(make(request()).reused);
  report_.reuse = 0ms;
  EXPECT_FALSE(make(request()).reused);
}

TEST_F(LinksTest, ALoadEndsTheReuse) {
  make(request());
  load({{3, "Mason"}});
  const MadeLink fresh = make(request());
  EXPECT_FALSE(fresh.reused);
  EXPECT_EQ(download(fresh.address), "id,job\r\n1,Baker\r\n2,Glazier\r\n3,Mason\r\n");
  EXPECT_TRUE(make(request()).reused);
  load({{1, "Anything"}}, "other_table");
  EXPECT_FALSE(make(request()).reused) << "a version of any table counts";
}

TEST_F(LinksTest, NothingIsReusedWhereATableIsNotRowgates) {
  make(request());
  {
    const auto stranger =
        db::sqlite::Connection::open(path("data/rowgate.db"), db::sqlite::Access::Write, 1s);
    ASSERT_TRUE(stranger);
    ASSERT_TRUE(stranger->run("CREATE TABLE foreign_one (a)"));
  }
  EXPECT_FALSE(make(request()).reused);
  EXPECT_FALSE(make(request()).reused);
}

TEST_F(LinksTest, ALoadThatCommitsWhileTheReportRunsLeavesNothingToReuse) {
  store_.after_close = [&] { load({{3, "Mason"}}); };
  EXPECT_THAT(make(request()).link.basis, IsEmpty());
  store_.after_close = [] {};
  EXPECT_FALSE(make(request()).reused);
}

TEST_F(LinksTest, EqualReportsAtOnceAreComputedOnce) {
  std::vector<MadeLink> made(6);
  {
    std::vector<std::jthread> threads;
    for (MadeLink& one : made) threads.emplace_back([&] { one = make(request()); });
  }
  EXPECT_EQ(store_.created, 1);
  EXPECT_EQ(std::ranges::count(made, true, &MadeLink::reused), 5);
  for (const MadeLink& one : made) EXPECT_EQ(download(one.address), kBoth);
  EXPECT_EQ(listed().size(), 6u);
}

TEST_F(LinksTest, RevokingALinkLeavesTheOthers) {
  const MadeLink first = make(request()), second = make(request());
  ASSERT_TRUE(second.reused);
  ASSERT_TRUE(links_.revoke(first.link.id));
  EXPECT_EQ(download(first.address), "file.not_found");
  EXPECT_EQ(download(second.address), kBoth);
  EXPECT_TRUE(links_.find(first.link.id)->revoked_at);
  EXPECT_FALSE(links_.find(second.link.id)->revoked_at);
  EXPECT_FALSE(links_.is_live(*links_.find(first.link.id)));
  EXPECT_TRUE(links_.revoke(first.link.id)) << "again: nothing happens";
  EXPECT_TRUE(make(request()).reused) << "from the second";
  EXPECT_EQ(links_.revoke("lnk_unknown").error().code, Code::ReportLinkUnknown);
  EXPECT_EQ(links_.find("../../etc/passwd").error().code, Code::ReportLinkUnknown);
}

TEST_F(LinksTest, ListsTheNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.insert(ids.begin(), make(request()).link.id);
  EXPECT_EQ(listed(), ids);
  EXPECT_EQ(listed(2), std::vector<std::string>(ids.begin(), ids.begin() + 2));
  const auto rest = links_.list(ids[1], 2);
  ASSERT_TRUE(rest && rest->size() == 2);
  EXPECT_EQ((*rest)[0].id, ids[2]);
  EXPECT_EQ((*rest)[1].id, ids[3]);
}

TEST_F(LinksTest, DoesNotWaitForALoadThatHoldsTheLock) {
  const MadeLink before = make(request());
  std::unique_ptr<db::Transaction> load = hold_lock();
  const auto begin = std::chrono::steady_clock::now();
  const MadeLink made = make(request({{"least", "2"}}));
  const MadeLink copy = make(request({{"least", "2"}}));
  report_.sql = "SELECT broken";
  EXPECT_EQ(refusal(request()), "report.bad_sql");
  ASSERT_TRUE(links_.revoke(before.link.id));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s) << "a load waits 120 s for the lock";

  EXPECT_TRUE(copy.reused) << "also of a link that waits";
  EXPECT_EQ(download(made.address), kSecond);
  EXPECT_EQ(download(before.address), "file.not_found");
  EXPECT_THAT(listed(), ElementsAre(copy.link.id, made.link.id, before.link.id));
  EXPECT_TRUE(links_.find(before.link.id)->revoked_at);
  EXPECT_EQ(db::to_state_json(*links_.find(made.link.id)), db::to_state_json(made.link));
  EXPECT_EQ(in_ledger().size(), 1u);
  EXPECT_EQ(waiting(), 3u);
  std::ostringstream state;
  state << std::ifstream(path("spool/runs/" + made.link.run + ".json")).rdbuf();
  EXPECT_TRUE(state.str().ends_with("}\n")) << "where runs are looked for, and in the form of a run's state";
  EXPECT_EQ(db::run_from_state_json(state.str()).value_or(db::RunRecord{}).kind, "report");
  links_.flush();
  EXPECT_EQ(waiting(), 3u);

  load.reset();
  links_.flush();
  EXPECT_EQ(waiting(), 0u);
  EXPECT_TRUE(fs::is_empty(path("spool/runs")));
  EXPECT_THAT(listed(), ElementsAre(copy.link.id, made.link.id, before.link.id));
  EXPECT_EQ(in_ledger().size(), 3u);
  EXPECT_TRUE(in_ledger().back().revoked_at);
  EXPECT_EQ(run_of(made.link.run)->status, db::RunStatus::Succeeded);
  const auto runs = database_->ledger().runs(std::nullopt, 10);
  ASSERT_TRUE(runs);
  EXPECT_EQ(std::ranges::count(*runs, db::RunStatus::Failed, &db::RunRecord::status), 1)
      << "the failed report's run too";
}

TEST_F(LinksTest, ALinkThatWaitsIsRevokedAsWell) {
  std::unique_ptr<db::Transaction> load = hold_lock();
  const MadeLink made = make(request());
  ASSERT_TRUE(links_.revoke(made.link.id));
  EXPECT_TRUE(links_.find(made.link.id)->revoked_at);
  load.reset();
  links_.flush();
  ASSERT_EQ(in_ledger().size(), 1u);
  EXPECT_TRUE(in_ledger()[0].revoked_at);
  EXPECT_TRUE(run_of(made.link.run)) << "its run came along";
}

TEST_F(LinksTest, TheSameRequestAgainGetsTheSameLink) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  const MadeLink first = make(wanted);
  load({{3, "Mason"}});
  const MadeLink again = make(wanted);
  EXPECT_TRUE(again.replayed);
  EXPECT_FALSE(first.replayed);
  EXPECT_EQ(again.address, first.address);
  EXPECT_EQ(db::to_state_json(again.link), db::to_state_json(first.link));
  EXPECT_EQ(listed().size(), 1u);

  LinkRequest other = wanted;
  other.idempotency.fingerprint = "beef";
  EXPECT_EQ(refusal(other), "run.idempotency_reused");
  other.idempotency.principal = "key:b";
  EXPECT_FALSE(make(other).replayed) << "keys belong to their principals";
  clock_.advance(7 * 24h + 1s);
  EXPECT_FALSE(make(wanted).replayed) << "a key is kept for seven days";
  EXPECT_EQ(listed().size(), 3u);
}

TEST_F(LinksTest, AKeyIsKnownWhileItsLinkWaits) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  const std::unique_ptr<db::Transaction> load = hold_lock();
  const MadeLink first = make(wanted);
  EXPECT_EQ(make(wanted).link.id, first.link.id);
  LinkRequest other = wanted;
  other.idempotency.fingerprint = "beef";
  EXPECT_EQ(refusal(other), "run.idempotency_reused");
}

TEST_F(LinksTest, TwoProcessesWithOneKeyMakeOneLink) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  Links other(*database_, store_, signer_, clock_, {.spool = path("other_spool")});
  std::string first;
  bool in_other = false;
  store_.after_close = [&] {
    if (std::exchange(in_other, true)) return;
    const Result<MadeLink> made = other.make(wanted);
    ASSERT_TRUE(made) << to_text(made.error());
    first = made->link.id;
  };
  EXPECT_EQ(refusal(wanted), "run.idempotency_in_progress");
  EXPECT_THAT(listed(), ElementsAre(first));
  EXPECT_EQ(store_.list("reports")->size(), 1u) << "the other file is gone";
  EXPECT_EQ(make(wanted).link.id, first);
}

TEST_F(LinksTest, AKeyThatWasUsedWhileItsLinkWaitedStaysWithTheOther) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  std::unique_ptr<db::Transaction> load = hold_lock();
  const MadeLink waited = make(wanted);
  load.reset();
  Links other(*database_, store_, signer_, clock_, {.spool = path("other_spool")});
  const Result<MadeLink> second = other.make(wanted);
  ASSERT_TRUE(second);
  links_.flush();
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(make(wanted).link.id, second->link.id);
  EXPECT_EQ(download(waited.address), kBoth) << "both were given away, both work";
  EXPECT_EQ(listed().size(), 2u);
}

TEST_F(LinksTest, AFailedReportLeavesNoFileAndItsKeyFree) {
  const std::string good = report_.sql;
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  report_.sql = "SELECT id FROM jobs WHERE id >= :least AND abs(-9223372036854775808) > 0";
  EXPECT_EQ(refusal(wanted), "report.bad_sql");
  report_.sql = good;
  report_.max_rows = 1;
  EXPECT_EQ(refusal(request()), "report.too_large");
  EXPECT_TRUE(store_.list("reports")->empty());
  EXPECT_THAT(listed(), IsEmpty());
  report_.max_rows = 10;
  EXPECT_FALSE(make(wanted).replayed);
}

TEST_F(LinksTest, ALinkThatNobodyWantsLeavesNothingAndItsKeyFree) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  std::stop_source unwanted;
  unwanted.request_stop();
  wanted.stop = unwanted.get_token();
  EXPECT_EQ(refusal(wanted), "run.interrupted");
  EXPECT_TRUE(store_.list("reports")->empty());
  EXPECT_THAT(listed(), IsEmpty());
  wanted.stop = {};
  EXPECT_FALSE(make(wanted).replayed);
}

TEST_F(LinksTest, AProcessThatDiesBetweenFileAndLedgerLeavesNoLink) {
  LinkRequest wanted = request();
  wanted.idempotency = {"key:a", "POST", "/v1/reports/jobs_from/links", "one", "f00d"};
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    store_.after_close = [] { ::_exit(9); };
    (void)links_.make(wanted);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);

  (void)new_id("run_", clock_.now());  // the child has counted the same ids
  EXPECT_THAT(listed(), IsEmpty());
  ASSERT_EQ(store_.list("reports")->size(), 1u) << "its file is there, but nobody was given its address";
  const MadeLink made = make(wanted);
  EXPECT_FALSE(made.replayed);
  EXPECT_EQ(listed().size(), 1u);

  for (const store::StoredFile& file : *store_.list("reports"))
    fs::last_write_time(path("files") / file.key, fs::file_time_type::clock::now() - 25h);
  clock_.advance(std::chrono::microseconds(SystemClock().now().micros - clock_.now().micros));
  EXPECT_EQ(links_.sweep().value_or(99), 1u);
  EXPECT_EQ(store_.list("reports")->size(), 1u);
  EXPECT_EQ(store_.list("reports")->front().key, object_of(made.link));
}

TEST_F(LinksTest, SweepingTakesTheFilesOfEndedLinksAndForgetsThemInTheEnd) {
  LinkRequest brief = request();
  brief.expires_in = 60s;
  const MadeLink first = make(brief), second = make(request());
  EXPECT_EQ(links_.sweep().value_or(99), 0u);
  clock_.advance(60s);
  EXPECT_EQ(links_.sweep().value_or(99), 1u);
  EXPECT_EQ(download(second.address), kBoth);
  EXPECT_EQ(listed().size(), 2u) << "still told";
  EXPECT_TRUE(make(request()).reused) << "from the other one";
  clock_.advance(30 * 24h);
  EXPECT_TRUE(links_.sweep());
  EXPECT_THAT(listed().size(), 2u) << "the first one is forgotten";
  clock_.advance(24h + 1s);
  EXPECT_TRUE(links_.sweep());
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_TRUE(store_.list("reports")->empty());
}

TEST_F(LinksTest, WhereTheBytesAreGoneTheReportRunsAgain) {
  const MadeLink first = make(request());
  ASSERT_TRUE(store_.remove(object_of(first.link)));
  const MadeLink second = make(request());
  EXPECT_FALSE(second.reused);
  EXPECT_EQ(download(second.address), kBoth);
}

TEST_F(LinksTest, AReportBeforeTheFirstLoadMakesNoDatabase) {
  const auto none = db::sqlite_database(path("data/none.db"), 50ms);
  Links links(*none, store_, signer_, clock_, {.spool = path("spool")});
  const Result<MadeLink> made = links.make(request());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::DatabaseUnreachable);
  EXPECT_FALSE(none->exists());
  EXPECT_TRUE(links.list(std::nullopt, 10)->empty());
  EXPECT_TRUE(links.sweep());
  EXPECT_FALSE(none->exists());
}

TEST_F(LinksTest, ManyThreadsAtOnceLoseNothing) {
  std::atomic<bool> done = false;
  std::jthread loader([&] {
    while (!done) {
      const std::unique_ptr<db::Transaction> load = hold_lock();
      std::this_thread::yield();
    }
  });
  std::vector<std::vector<std::string>> made(3);
  {
    std::vector<std::jthread> threads;
    for (std::vector<std::string>& mine : made)
      threads.emplace_back([&] {
        for (int i = 0; i < 6; ++i) {
          mine.push_back(make(request({{"least", std::to_string(i % 3)}})).link.id);
          if (i % 2 == 0) EXPECT_TRUE(links_.revoke(mine.back()));
          links_.flush();
        }
      });
  }
  done = true;
  loader.join();
  links_.flush();
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(listed().size(), 18u);
  for (const std::vector<std::string>& mine : made)
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const Result<db::LinkRecord> link = links_.find(mine[i]);
      ASSERT_TRUE(link);
      EXPECT_EQ(link->revoked_at.has_value(), i % 2 == 0) << mine[i];
      EXPECT_EQ(store_.file(object_of(*link)).has_value(), i % 2 != 0);
    }
}

// The state file's form, as docs/formats.md tells it.
constexpr std::string_view kGolden =
    R"({"format":"rowgate link state 1","link":{"id":"lnk_06FAQ3T9Z8V4N1H7C2XKJ5M0RW","report":"hires",)"
    R"("filename":"hires.csv","params":{"year":2021},"run":"run_06FAQ3T9Z8V4N1H7C2XKJ5M0RV","rows":7,)"
    R"("bytes":208,"sha256":"f00d","created_at":"2026-03-01T12:00:00.250Z",)"
    R"("computed_at":"2026-03-01T12:00:00.250Z","expires_at":"2026-03-02T12:00:00.000Z","revoked_at":null,)"
    R"("principal":"key:loader","basis":"beef","idempotency":{"principal":"key:loader","method":"POST",)"
    R"("path":"/v1/reports/hires/links","key":"one","fingerprint":"cafe"}},"run":null})"
    "\n";

TEST(PendingLinks, ReadsAndWritesTheFormThatIsDocumented) {
  const TempFolder folder;
  const fs::path file = folder.path() / "links" / "lnk_06FAQ3T9Z8V4N1H7C2XKJ5M0RW.json";
  fs::create_directories(file.parent_path());
  std::ofstream(file) << kGolden;
  const PendingLinks pending(folder.path());
  ASSERT_EQ(pending.links().size(), 1u);
  const std::optional<db::LinkRecord> link = pending.find("lnk_06FAQ3T9Z8V4N1H7C2XKJ5M0RW");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->idempotency.path, "/v1/reports/hires/links");

  const auto none = db::sqlite_database(folder.path() / "none.db", 50ms);
  fs::remove(file);
  ASSERT_TRUE(pending.record(none->links(), {.link = link}));
  std::ostringstream written;
  written << std::ifstream(file).rdbuf();
  EXPECT_EQ(written.str(), kGolden);
}

TEST(PendingLinks, FilesThatAreNoneOfOursAreLeftAlone) {
  const TempFolder folder;
  fs::create_directories(folder.path() / "links");
  const auto database = db::sqlite_database(folder.path() / "none.db", 50ms);
  const PendingLinks pending(folder.path());
  const std::string golden(kGolden);
  for (const std::string& bytes : {std::string(), golden.substr(0, golden.size() / 2), std::string("[]"),
                                   std::string(R"({"format":"rowgate link state 2"})")}) {
    std::ofstream(folder.path() / "links" / "lnk_1.json") << bytes;
    EXPECT_THAT(pending.links(), IsEmpty());
    pending.flush(database->links());
    EXPECT_TRUE(fs::exists(folder.path() / "links" / "lnk_1.json"));
  }
}

// --- links that lead to the store itself

/// A store of its own addresses, whose credentials end when the test says.
class FakeSigner : public store::AddressSigner {
 public:
  Result<store::SignedAddress> address(std::string_view method, const store::FileKey& key,
                                       std::string_view filename, Timestamp until) override {
    if (!is_able) return fail(Code::StorageUnreachable, "no credentials");
    const Timestamp end = std::min(until, credentials_end);
    return store::SignedAddress{
        .url = fmt::format("https://bucket.example.org/{}?{}&{}&{}", key, method, filename, to_rfc3339(end)),
        .expires = end,
        .is_end_known = is_end_known};
  }
  Result<store::SignedAddress> address_to_put(const store::FileKey&, std::string_view, Timestamp) override {
    return fail(Code::InternalError, "nothing is put here");
  }
  Result<bool> is_there(const store::FileKey&) override { return true; }

  Timestamp credentials_end{std::numeric_limits<std::int64_t>::max()};
  bool is_able = true, is_end_known = true;
};

class DirectLinksTest : public LinksTest {
 protected:
  FakeSigner direct_;
  Links direct_links_{*database_, store_, signer_, clock_, {.spool = path("spool"), .direct = &direct_}};
};

TEST_F(DirectLinksTest, LeadToTheStore) {
  const Result<MadeLink> made = direct_links_.make(request());
  ASSERT_TRUE(made);
  EXPECT_EQ(
      made->address,
      fmt::format("https://bucket.example.org/reports/{}/jobs.csv?GET&jobs.csv&2027-01-16T08:00:00.000Z",
                  made->link.id));
  EXPECT_EQ(direct_links_.address(made->link), made->address);
  EXPECT_EQ(url_of("http://here", made->address), made->address);
  EXPECT_EQ(url_of("http://here", links_.address(made->link)), "http://here" + links_.address(made->link));
  EXPECT_EQ(url_of("http://here", ""), "");
}

TEST_F(DirectLinksTest, EndWithTheCredentialsOfTheStore) {
  direct_.credentials_end = *from_rfc3339("2027-01-15T09:00:00.000Z");
  const Result<MadeLink> made = direct_links_.make(request());
  ASSERT_TRUE(made);
  EXPECT_EQ(to_rfc3339(made->link.expires_at), "2027-01-15T09:00:00.000Z");
  EXPECT_EQ(direct_links_.find(made->link.id)->expires_at, made->link.expires_at) << "as it is in the ledger";
  // Later credentials do not make an old link live longer.
  direct_.credentials_end = *from_rfc3339("2027-01-17T00:00:00.000Z");
  EXPECT_THAT(direct_links_.address(made->link), HasSubstr("2027-01-15T09:00:00.000Z"));
}

TEST_F(DirectLinksTest, AreNotMadeWhereTheirEndIsNotKnown) {
  direct_.is_end_known = false;
  const Result<MadeLink> made = direct_links_.make(request());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::StorageDenied);
  EXPECT_THAT(made.error().hint, HasSubstr("links.mode: redirect"));
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_TRUE(store_.list("reports")->empty());
}

TEST_F(DirectLinksTest, NeedCredentials) {
  const Result<MadeLink> made = direct_links_.make(request());
  ASSERT_TRUE(made);
  direct_.is_able = false;
  EXPECT_EQ(direct_links_.address(made->link), "");
  const Result<MadeLink> none = direct_links_.make(request());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::StorageUnreachable);
  EXPECT_THAT(listed(), ElementsAre(made->link.id));
}

}  // namespace
}  // namespace rowgate::report

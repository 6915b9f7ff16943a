#include "runs/run_queue.h"

#include "base/ids.h"
#include "db/sqlite/database.h"
#include "db/testing.h"
#include "load/kept_files.h"
#include "load/run_end.h"
#include "load/run_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

namespace rowgate::runs {
namespace {

namespace fs = std::filesystem;
using db::RunStatus;
using db::testing::read_rows;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RunQueueTest : public ::testing::Test {
 protected:
  RunQueueTest()
      : database_(db::sqlite_database(path("rowgate.db"))), store_(store::dir_store(path("files"))) {
    load::TableConfig& people = catalog_.tables.emplace_back(load::TableConfig{.name = {{}, "people"}});
    people.schema = db::testing::make_schema({{"id", table::Type::Integer}, {"name", table::Type::String}});
    settings_.spool = path("spool");
    settings_.check_threads = 1;
    make_queue();
  }
  ~RunQueueTest() override {
    release_database();
    queue_.reset();
  }

  fs::path path(const char* name) const { return folder_.path() / name; }

  void make_queue() {
    queue_ = std::make_unique<RunQueue>(*database_, *store_, catalog_, clock_, settings_,
                                        [this](const db::RunRecord& run) {
                                          const std::scoped_lock lock(told_mutex_);
                                          told_.push_back(run.id + " " + std::string(db::name(run.status)));
                                        });
  }
  /// As after a restart: another queue over the same folders.
  void restart() {
    queue_.reset();
    make_queue();
    queue_->start();
  }

  /// As another process that writes to the database.
  void hold_database() {
    other_ = db::sqlite_database(path("rowgate.db"), std::chrono::seconds(60));
    auto held = other_->begin({});
    ASSERT_TRUE(held);
    held_ = *std::move(held);
  }
  void release_database() { held_.reset(); }

  NewLoad load_of(const std::string& bytes, load::LoadOptions options = {}, const std::string& key = {},
                  const std::string& principal = "ada") {
    const std::string id = new_id("run_", clock_.now());
    db::RunRecord run{.id = id, .table = "people", .file_name = "people.csv", .principal = principal};
    if (!key.empty()) run.idempotency = {principal, "POST", "/v1/tables/people/loads", key, bytes};
    Result<load::Upload> upload = queue_->receive(run, 1'000'000);
    if (!upload) upload = load::Upload::create({.spool = settings_.spool, .limit_bytes = 1'000'000}, id);
    EXPECT_TRUE(upload) << to_text(upload.error());
    EXPECT_TRUE(upload->write(bytes));
    return {run, std::move(options), upload->finish().value()};
  }
  std::string submit(const std::string& bytes, load::LoadOptions options = {}, const std::string& key = {},
                     const std::string& principal = "ada") {
    const Result<std::string> id = queue_->submit(load_of(bytes, std::move(options), key, principal));
    return id ? *id : std::string(text(id.error().code));
  }
  RunView wait(const std::string& id) {
    std::promise<void> done;
    queue_->when_done(id, Wait::ForEnd, [&] { done.set_value(); });
    done.get_future().wait();
    return view(id);
  }
  RunView view(const std::string& id) {
    const Result<RunView> found = queue_->find(id);
    EXPECT_TRUE(found) << to_text(found.error());
    return found ? *found : RunView{};
  }
  std::vector<std::string> people() {
    return read_rows(*database_, "SELECT id, name FROM people ORDER BY id");
  }
  std::vector<std::string> ledger() {
    return read_rows(*database_, "SELECT status FROM rowgate_runs ORDER BY id");
  }
  std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(folder, ignored)) names.push_back(file.path().filename());
    std::ranges::sort(names);
    return names;
  }
  /// Those of runs; others are kept to be used again.
  std::vector<std::string> state_files() {
    std::vector<std::string> names = files_in(path("spool") / "runs");
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".json"); });
    return names;
  }
  std::vector<std::string> uploads() { return files_in(path("spool") / "uploads"); }
  std::vector<std::string> sources() { return files_in(path("files") / "sources"); }

  db::testing::TempFolder folder_;
  std::unique_ptr<db::Database> database_, other_;
  std::unique_ptr<store::Store> store_;
  load::Catalog catalog_;
  SystemClock clock_;
  RunQueue::Settings settings_;
  std::mutex told_mutex_;
  std::vector<std::string> told_;
  std::unique_ptr<RunQueue> queue_;
  std::unique_ptr<db::Transaction> held_;
};

constexpr const char* kTwo = "id,name\n1,Ada\n2,Bob\n";

TEST_F(RunQueueTest, AFileBecomesRowsALedgerRowAndASource) {
  queue_->start();
  const std::string id = submit(kTwo);
  const RunView done = wait(id);
  EXPECT_EQ(done.run.status, RunStatus::Succeeded);
  EXPECT_EQ(done.run.rows_accepted, 2U);
  EXPECT_EQ(done.run.file_bytes, 20U);
  EXPECT_EQ(done.run.principal, "ada");
  EXPECT_EQ(done.run.version_after, 1U);
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
  EXPECT_THAT(ledger(), ElementsAre("succeeded"));
  EXPECT_THAT(sources(), ElementsAre(id));
  EXPECT_THAT(uploads(), IsEmpty());
  EXPECT_THAT(state_files(), IsEmpty());
  const Result<std::shared_ptr<io::SourceFile>> source =
      load::open_source(*store_, settings_.spool, done.run);
  ASSERT_TRUE(source);
  EXPECT_EQ(io::read_all(**(*source)->open(0), 100).value(), kTwo);
  const std::scoped_lock lock(told_mutex_);
  EXPECT_THAT(told_, ElementsAre(id + " receiving", id + " queued", id + " running", id + " succeeded"));
}

TEST_F(RunQueueTest, SourcesAreKeptOnlyWhereWanted) {
  settings_.keep_sources = false;
  make_queue();
  queue_->start();
  const RunView done = wait(submit(kTwo));
  EXPECT_EQ(done.run.status, RunStatus::Succeeded);
  EXPECT_THAT(sources(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
  EXPECT_EQ(load::open_source(*store_, settings_.spool, done.run).error().code, Code::RunRejectsExpired);
}

/// A store on another machine, which takes files only when it is told to.
class FarStore : public store::Store {
 public:
  explicit FarStore(store::Store& near) : near_(near) {}
  Result<std::unique_ptr<store::StoreWriter>> create(const store::FileKey& key) override {
    return near_.create(key);
  }
  Result<std::shared_ptr<io::SourceFile>> file(const store::FileKey& key) override { return near_.file(key); }
  Result<void> copy(const store::FileKey& from, const store::FileKey& to) override {
    return near_.copy(from, to);
  }
  Result<void> remove(const store::FileKey& key) override { return near_.remove(key); }
  Result<std::vector<store::StoredFile>> list(const store::FileKey& folder) override {
    return near_.list(folder);
  }
  Result<void> adopt(const store::FileKey& key, const fs::path& file) override {
    std::unique_lock lock(mutex_);
    was_asked = true;
    changed_.wait(lock, [this] { return open_; });
    if (away_) return fail(Code::StorageUnreachable, "the storage does not answer");
    return near_.adopt(key, file);
  }
  bool is_remote() const override { return true; }
  std::atomic<bool> was_asked = false;  ///< somebody has begun to store a file
  void open(bool away = false) {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    away_ = away;
    changed_.notify_all();
  }

 private:
  store::Store& near_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, away_ = false;
};

class FarStoreTest : public RunQueueTest {
 protected:
  FarStoreTest() { use_far_store(); }
  ~FarStoreTest() override {
    far_->open();
    queue_.reset();
  }
  /// As after a restart, the store closed again.
  void use_far_store() {
    if (far_) far_->open();
    queue_.reset();
    far_ = std::make_unique<FarStore>(*store_);
    queue_ = std::make_unique<RunQueue>(
        *database_, *far_, catalog_, clock_, settings_, [](const db::RunRecord&) {},
        [this](const db::RunRecord& run, const Error& error) {
          const std::scoped_lock lock(told_mutex_);
          told_.push_back(run.id + " " + std::string(text(error.code)));
        });
    queue_->start();
  }
  void wait_until_settled() {
    while (!state_files().empty()) std::this_thread::yield();
  }
  std::unique_ptr<FarStore> far_;
};

TEST_F(FarStoreTest, NobodyWaitsUntilAFileIsKept) {
  const std::string first = submit(kTwo), second = submit("id,name\n3,Cleo\n");
  EXPECT_EQ(wait(first).run.status, RunStatus::Succeeded);
  const RunView done = wait(second);
  EXPECT_EQ(done.run.status, RunStatus::Succeeded);
  EXPECT_THAT(sources(), IsEmpty());
  EXPECT_EQ(uploads().size(), 2U);
  const Result<std::shared_ptr<io::SourceFile>> source = load::open_source(*far_, settings_.spool, done.run);
  ASSERT_TRUE(source) << to_text(source.error());
  EXPECT_EQ(io::read_all(**(*source)->open(0), 100).value(), "id,name\n3,Cleo\n");
  EXPECT_EQ(queue_->list({}, {}, 10)->size(), 2U);
  far_->open();
  wait_until_settled();
  EXPECT_THAT(sources(), ElementsAre(first, second));
  EXPECT_THAT(uploads(), IsEmpty());
  EXPECT_THAT(view(second).run.warnings, IsEmpty());
}

TEST_F(FarStoreTest, WhatCouldNotBeKeptIsSaid) {
  const std::string id = submit(kTwo);
  EXPECT_EQ(wait(id).run.status, RunStatus::Succeeded);
  far_->open(true);
  wait_until_settled();
  EXPECT_THAT(uploads(), IsEmpty());
  ASSERT_EQ(view(id).run.warnings.size(), 1U);
  EXPECT_EQ(view(id).run.warnings[0].message,
            "the file as it was received is not kept: the object storage does not answer");
  EXPECT_EQ(database_->ledger().find(id)->at(0).warnings.size(), 1U);
  EXPECT_EQ(database_->table({{}, "people"})->value().version, 1U);
  const std::scoped_lock lock(told_mutex_);
  EXPECT_THAT(told_, ElementsAre(id + " storage.unreachable"));
}

TEST_F(FarStoreTest, WhatIsNotKeptAtAStopIsKeptAfterTheNextStart) {
  const std::string first = submit(kTwo), second = submit("id,name\n3,Cleo\n");
  wait(first);
  wait(second);
  while (!far_->was_asked) std::this_thread::yield();
  std::jthread stopping([this] { queue_->stop(); });
  while (queue_->receive({.id = "run_x", .table = "people"}, 100)) std::this_thread::yield();
  far_->open();
  stopping.join();
  EXPECT_THAT(sources(), ElementsAre(first));
  EXPECT_EQ(uploads().size(), 1U);
  use_far_store();
  EXPECT_EQ(view(second).run.status, RunStatus::Succeeded);
  far_->open();
  wait_until_settled();
  EXPECT_THAT(sources(), ElementsAre(first, second));
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob", "3|Cleo"));
}

TEST_F(RunQueueTest, AFailedRunTellsItsFirstRejectsAndTheLedgerKnowsIt) {
  queue_->start();
  std::string bad = "id,name\n";
  for (int i = 0; i < 30; ++i) bad += "x,Ada\n";
  const std::string id = submit(bad);
  const RunView done = wait(id);
  EXPECT_EQ(done.run.status, RunStatus::Failed);
  EXPECT_EQ(done.run.error.value().code, Code::LimitRejects);
  ASSERT_EQ(done.first_rejects.size(), 20U);
  EXPECT_EQ(done.first_rejects[0].line, 2U);
  EXPECT_EQ(done.first_rejects[0].problems[0].code, Code::ValueNotInteger);
  EXPECT_EQ(done.first_rejects[0].raw, "");
  EXPECT_THAT(ledger(), ElementsAre("failed"));
  EXPECT_THAT(state_files(), IsEmpty());
  restart();  // what memory does not know any more is read from the store
  const RunView again = view(id);
  EXPECT_EQ(again.run.status, RunStatus::Failed);
  ASSERT_EQ(again.first_rejects.size(), 20U);
  EXPECT_EQ(again.first_rejects[19].line, 21U);
}

TEST_F(RunQueueTest, ADryRunHasARowAndRejectsButChangesNoTable) {
  queue_->start();
  wait(submit(kTwo));
  const RunView judged =
      wait(submit("id,name\n1,Again\n3,Cleo\n4,Dan\n5,Eve\n6,Fay\n7,Gus\n8,Hal\n9,Ida\n"
                  "10,Joe\n11,Kay\n12,Lea\n",
                  {.dry_run = true}));
  EXPECT_EQ(judged.run.status, RunStatus::SucceededWithRejects);
  EXPECT_TRUE(judged.run.dry_run);
  EXPECT_EQ(judged.run.rows_rejected, 1U);
  EXPECT_EQ(judged.run.version_after, 1U);
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
  EXPECT_THAT(read_rows(*database_, "SELECT dry_run, status FROM rowgate_runs ORDER BY id"),
              ElementsAre("0|succeeded", "1|succeeded_with_rejects"));
  EXPECT_EQ(database_->table({{}, "people"})->value().version, 1U);
  Result<load::RejectReader> rejects = load::open_rejects(*store_, judged.run);
  ASSERT_TRUE(rejects);
  ASSERT_TRUE(rejects->head());
  EXPECT_EQ(rejects->next()->value().raw, "1,Again");
}

TEST_F(RunQueueTest, WhatCannotBeLoadedAtAllFailsAsARun) {
  queue_->start();
  struct Case {
    std::string bytes;
    load::LoadOptions options;
    Code code;
  };
  const Case cases[] = {
      {"\n\n", {}, Code::FileEmpty},
      {"other,columns\n1,2\n", {}, Code::HeaderMismatch},
      {"\x1f\x8b\x08 no gzip", {}, Code::FileBadCompression},
      {"i", {.encoding = "utf-16"}, Code::FileBadEncoding},
      {"id,name\n1,Ada\n", {.mode = "append", .map = "nothing:id"}, Code::HeaderMismatch},
  };
  for (const Case& c : cases) {
    const RunView done = wait(submit(c.bytes, c.options));
    EXPECT_EQ(done.run.status, RunStatus::Failed);
    EXPECT_EQ(text(done.run.error.value().code), text(c.code));
  }
  EXPECT_EQ(ledger().size(), std::size(cases));
  EXPECT_EQ(submit(kTwo, {.mode = "merge"}), "request.invalid");
  EXPECT_THAT(uploads(), IsEmpty());
  EXPECT_THAT(state_files(), IsEmpty());
}

TEST_F(RunQueueTest, AnUploadIsListedWhileItComesAndForgottenWhenDropped) {
  queue_->start();
  const std::string id = new_id("run_", clock_.now());
  {
    const Result<load::Upload> upload = queue_->receive({.id = id, .table = "people"}, 100);
    ASSERT_TRUE(upload);
    EXPECT_EQ(view(id).run.status, RunStatus::Receiving);
    EXPECT_EQ(queue_->receiving(), 1U);
    EXPECT_EQ(queue_->list({}, {}, 10)->at(0).run.id, id);
    EXPECT_EQ(state_files().size(), 1U);
  }
  EXPECT_EQ(queue_->receiving(), 0U);
  EXPECT_EQ(queue_->find(id).error().code, Code::RunUnknown);
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
  {
    const NewLoad thrown_away = load_of(kTwo);
    EXPECT_EQ(queue_->receiving(), 1U);
  }
  EXPECT_EQ(queue_->receiving(), 0U);
  EXPECT_THAT(ledger(), ElementsAre(::testing::HasSubstr("no database")));
}

TEST_F(RunQueueTest, RunsAreFoundAndListedWhereverTheyAre) {
  queue_->start();
  const std::string done = submit(kTwo);
  wait(done);
  hold_database();
  const std::string running = submit("id,name\n3,Cleo\n");
  const std::string waiting = submit("id,name\n4,Dan\n");
  // Another process's view of the same folders; it learns of the start from the run's state file.
  RunQueue other(*database_, *store_, catalog_, clock_, settings_, {});
  while (other.find(running)->run.status != RunStatus::Running) std::this_thread::yield();
  for (RunQueue* queue : {queue_.get(), &other}) {
    const Result<std::vector<RunView>> all = queue->list({}, {}, 10);
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3U);
    EXPECT_EQ((*all)[0].run.id, waiting);
    EXPECT_EQ((*all)[0].run.status, RunStatus::Queued);
    EXPECT_EQ((*all)[1].run.status, RunStatus::Running);
    EXPECT_EQ((*all)[2].run.status, RunStatus::Succeeded);
    EXPECT_EQ(queue->list({}, running, 10)->size(), 1U);
    EXPECT_EQ(queue->list(db::TableName{{}, "other"}, {}, 10)->size(), 0U);
    EXPECT_EQ(queue->list({}, {}, 1)->at(0).run.id, waiting);
    EXPECT_EQ(queue->find(running)->run.status, RunStatus::Running);
  }
  EXPECT_EQ(queue_->find("run_0").error().code, Code::RunUnknown);
  EXPECT_EQ(queue_->waiting(), 1U);
  release_database();
  EXPECT_EQ(wait(waiting).run.status, RunStatus::Succeeded);
}

TEST_F(RunQueueTest, TheQueueHasAnEnd) {
  settings_.queue_limit = 2;
  make_queue();  // not started: everything waits
  EXPECT_TRUE(submit(kTwo).starts_with("run_"));
  EXPECT_TRUE(submit(kTwo).starts_with("run_"));
  EXPECT_EQ(submit(kTwo), "run.queue_full");
  EXPECT_EQ(queue_->receive({.id = "run_x"}, 100).error().code, Code::RunQueueFull);
  EXPECT_EQ(uploads().size(), 2U);
  EXPECT_EQ(state_files().size(), 2U);
  queue_->stop();
  EXPECT_EQ(submit(kTwo), "run.draining");
  EXPECT_EQ(uploads().size(), 2U);
}

TEST_F(RunQueueTest, WhatWaitsBeginsWithWhatIsConfiguredThen) {
  const auto submit_configured = [this] {
    NewLoad load = load_of(kTwo);
    load.was_configured = true;
    return queue_->submit(std::move(load)).value();
  };
  const std::string gone = submit_configured(), other = submit_configured();
  queue_->use(std::make_shared<const load::Catalog>(), 1);
  EXPECT_EQ(submit(kTwo), "run.queue_full") << "the line is shorter now";
  queue_->start();
  for (const std::string& run : {gone, other}) {
    const RunView view = wait(run);
    EXPECT_EQ(view.run.status, RunStatus::Failed);
    EXPECT_EQ(view.run.error.value().code, Code::TableUnknown);
  }
  const std::string never_configured = submit(kTwo);
  EXPECT_EQ(wait(never_configured).run.status, RunStatus::Succeeded) << "its types are inferred";
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(RunQueueTest, WhatWorksKeepsWhatItBeganWith) {
  hold_database();
  queue_->start();
  const std::string running = submit(kTwo);
  while (view(running).run.status != RunStatus::Running) std::this_thread::yield();
  queue_->use(std::make_shared<const load::Catalog>(), 8);
  release_database();
  EXPECT_EQ(wait(running).run.status, RunStatus::Succeeded);
}

TEST_F(RunQueueTest, ARepeatedRequestGetsTheSameRun) {
  queue_->start();
  const std::string first = submit(kTwo, {}, "k1");
  wait(first);
  EXPECT_EQ(submit(kTwo, {}, "k1"), first);
  EXPECT_EQ(submit("id,name\n9,Other\n", {}, "k1"), "run.idempotency_reused");
  const std::string of_bob = submit("id,name\n8,Hal\n", {}, "k1", "bob");
  EXPECT_NE(of_bob, first) << "another principal";
  EXPECT_EQ(wait(of_bob).run.status, RunStatus::Succeeded);
  restart();
  EXPECT_EQ(submit(kTwo, {}, "k1"), first) << "from the ledger";
  EXPECT_EQ(queue_->find_by_key({"ada", "POST", "/v1/tables/people/loads", "k1"})->value().run.id, first);
  EXPECT_FALSE(queue_->find_by_key({"ada", "POST", "/v1/tables/people/loads", "k2"})->has_value());
  EXPECT_THAT(uploads(), IsEmpty());
  EXPECT_EQ(queue_->receiving(), 0U);
}

TEST_F(RunQueueTest, AKeyOfARunInFlightIsTaken) {
  const std::string first = submit(kTwo, {}, "k1");  // not started yet
  EXPECT_EQ(submit(kTwo, {}, "k1"), "run.idempotency_in_progress");
  EXPECT_EQ(submit("id,name\n", {}, "k1"), "run.idempotency_reused");
  EXPECT_EQ(queue_->find_by_key({"ada", "POST", "/v1/tables/people/loads", "k1"})->value().run.id, first);
  queue_->start();
  EXPECT_EQ(wait(first).run.status, RunStatus::Succeeded);
  EXPECT_EQ(submit(kTwo, {}, "k1"), first);
}

TEST_F(RunQueueTest, AVerdictKeepsItsKeyAndTroubleFreesIt) {
  queue_->start();
  const std::string refused = submit("id,name\nx,Ada\n", {}, "k1");
  EXPECT_EQ(wait(refused).run.status, RunStatus::Failed);
  EXPECT_EQ(submit("id,name\nx,Ada\n", {}, "k1"), refused);
  // The rejects cannot be stored: no verdict on the file.
  fs::remove_all(path("files") / "rejects");
  std::ofstream(path("files") / "rejects") << "no folder";
  const std::string troubled = submit("id,name\ny,Ada\n", {}, "k2");
  const RunView ended = wait(troubled);
  EXPECT_EQ(ended.run.error.value().code, Code::StorageDenied);
  EXPECT_EQ(ended.run.idempotency.key, "");
  fs::remove(path("files") / "rejects");
  const std::string again = submit("id,name\ny,Ada\n", {}, "k2");
  EXPECT_TRUE(again.starts_with("run_"));
  EXPECT_NE(again, troubled);
  EXPECT_EQ(wait(again).run.error.value().code, Code::LimitRejects);
}

/// Two servers over one database took a request under one key: the ledger decides.
TEST_F(RunQueueTest, TheLedgerDecidesBetweenTwoServers) {
  for (const bool is_same_file : {true, false}) {
    const std::string number = is_same_file ? "1" : "2";
    const std::string file = "id,name\n" + number + ",Ada\n", key = "k" + number,
                      there = "run_there" + number;
    queue_.reset();
    make_queue();
    const std::string here = submit(file, {}, key);  // waits: not started yet

    RunQueue::Settings settings = settings_;
    settings.spool = path("spool2");
    RunQueue other(*database_, *store_, catalog_, clock_, settings, {});
    other.start();
    Result<load::Upload> upload = load::Upload::create({.spool = path("spool2"), .limit_bytes = 1000}, there);
    ASSERT_TRUE(upload);
    ASSERT_TRUE(upload->write(std::string_view(file)));
    db::RunRecord run{.id = there, .table = "people", .file_name = "people.csv", .principal = "ada"};
    run.idempotency = {"ada", "POST", "/v1/tables/people/loads", key, is_same_file ? file : "another"};
    ASSERT_TRUE(other.submit({run, {}, upload->finish().value()}));
    std::promise<void> done;
    other.when_done(there, Wait::ForEnd, [&] { done.set_value(); });
    done.get_future().wait();

    queue_->start();
    const RunView second = wait(here);
    EXPECT_EQ(second.run.idempotency.key, "");
    EXPECT_EQ(second.answered_by, is_same_file ? there : "");
    EXPECT_EQ(second.run.status, is_same_file ? RunStatus::Cancelled : RunStatus::Failed);
    EXPECT_EQ(second.run.error.value().code,
              is_same_file ? Code::RunIdempotencyInProgress : Code::RunIdempotencyReused);
  }
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Ada"));
}

/// SQLite, but for commits whose answer is lost and a ledger that cannot be reached for a while.
class LossyDatabase : public db::Database, public db::Ledger {
 public:
  explicit LossyDatabase(db::Database& real) : real_(real) {}
  std::atomic<bool> commits = true;   ///< whether a commit whose answer is lost happens
  std::atomic<bool> is_away = false;  ///< nothing of the ledger answers
  std::atomic<bool> goes_away_at_commit = false;

  class LossyTransaction : public db::Transaction {
   public:
    LossyTransaction(LossyDatabase& at, std::unique_ptr<Transaction> real)
        : at_(at), real_(std::move(real)) {}
    Result<std::unique_ptr<db::Sink>> open_sink(const db::LoadTarget& target) override {
      return real_->open_sink(target);
    }
    Result<std::uint64_t> table_version(const db::TableName& table) override {
      return real_->table_version(table);
    }
    Result<void> begin_part() override { return real_->begin_part(); }
    Result<void> undo_part() override { return real_->undo_part(); }
    Result<std::optional<db::RunRecord>> find_by_key(const db::Idempotency& key, Timestamp since) override {
      return real_->find_by_key(key, since);
    }
    Result<void> commit(std::span<const db::RunRecord> records) override {
      if (at_.commits || !at_.goes_away_at_commit) TRY(real_->commit(records));
      real_.reset();
      if (!at_.goes_away_at_commit) return {};
      at_.is_away = true;
      return std::unexpected(db::undecided(records.front(), away().error()));
    }

   private:
    LossyDatabase& at_;
    std::unique_ptr<Transaction> real_;
  };

  Result<std::unique_ptr<db::Transaction>> begin(std::span<const db::TableName> tables) override {
    TRY_ASSIGN(std::unique_ptr<db::Transaction> real, real_.begin(tables));
    return std::unique_ptr<db::Transaction>(new LossyTransaction(*this, std::move(real)));
  }
  Result<std::unique_ptr<db::Transaction>> begin_dry_run(std::span<const db::TableName> tables) override {
    return real_.begin_dry_run(tables);
  }
  Result<std::unique_ptr<db::Cursor>> query(const db::Query& query) override { return real_.query(query); }
  Result<std::vector<db::TableState>> tables(db::Rows rows) override { return real_.tables(rows); }
  Result<std::optional<db::TableState>> table(const db::TableName& table, db::Rows rows) override {
    return real_.table(table, rows);
  }
  Result<std::vector<db::TableName>> left_overs() override { return real_.left_overs(); }
  Result<std::vector<std::string>> differences(const db::LoadTarget& target) override {
    return real_.differences(target);
  }
  Result<std::vector<std::string>> plan(const db::LoadTarget& target) override { return real_.plan(target); }
  db::Ledger& ledger() override { return *this; }
  db::LinkLedger& links() override { return real_.links(); }
  const db::SqlDialect& dialect() const override { return real_.dialect(); }
  std::string script_head() const override { return real_.script_head(); }
  std::string place() const override { return real_.place(); }
  Result<std::string> identity() override { return real_.identity(); }
  std::string describe() const override { return real_.describe(); }
  Result<std::string> server_version() override { return real_.server_version(); }
  bool exists() const override { return real_.exists(); }
  unsigned writers() const override { return real_.writers(); }

  static std::unexpected<Error> away() { return fail(Code::DatabaseUnreachable, "the database is away"); }
  Result<std::vector<db::RunRecord>> runs(const std::optional<db::TableName>& table, std::size_t limit,
                                          const std::optional<std::string>& before) override {
    if (is_away) return away();
    return real_.ledger().runs(table, limit, before);
  }
  Result<std::vector<db::RunRecord>> find(std::string_view prefix) override {
    if (is_away) return away();
    return real_.ledger().find(prefix);
  }
  Result<db::RunRecord> record(const db::RunRecord& run) override {
    if (is_away) return away();
    return real_.ledger().record(run);
  }
  Result<void> set_warnings(const db::RunRecord& run) override { return real_.ledger().set_warnings(run); }
  Result<std::optional<db::RunRecord>> find_by_key(const db::Idempotency& key, Timestamp since) override {
    if (is_away) return away();
    return real_.ledger().find_by_key(key, since);
  }
  Result<std::optional<std::string>> find_same_file(const db::TableName& table,
                                                    std::string_view sha256) override {
    return real_.ledger().find_same_file(table, sha256);
  }

 private:
  db::Database& real_;
};

class UndecidedTest : public RunQueueTest, public ::testing::WithParamInterface<bool> {
 protected:
  UndecidedTest() {
    lossy_.commits = GetParam();
    settings_.settle_again = std::chrono::milliseconds(1);
    restart();
  }
  ~UndecidedTest() override { queue_.reset(); }
  /// As another process that takes up what this one left.
  void restart() {
    queue_.reset();
    queue_ = std::make_unique<RunQueue>(lossy_, *store_, catalog_, clock_, settings_, RunQueue::Observer());
    queue_->start();
  }
  RunStatus end() const { return GetParam() ? RunStatus::Succeeded : RunStatus::Failed; }
  void wait_for_news(const std::string& id) {
    std::promise<void> news;
    queue_->when_done(id, Wait::ForNews, [&] { news.set_value(); });
    news.get_future().wait();
  }
  LossyDatabase lossy_{*database_};
};
INSTANTIATE_TEST_SUITE_P(Commits, UndecidedTest, ::testing::Bool());
/// The database goes away with the answer to the commit.
TEST_P(UndecidedTest, IsSettledWhenTheDatabaseAnswers) {
  lossy_.goes_away_at_commit = true;
  const std::string id = submit(kTwo, {}, "k1");
  wait_for_news(id);
  EXPECT_EQ(view(id).run.status, RunStatus::Undecided);
  EXPECT_EQ(view(id).run.error.value().code, Code::RunUndecided);
  EXPECT_EQ(queue_->undecided(), 1U);
  EXPECT_THAT(state_files(), ElementsAre(id + ".json"));
  EXPECT_EQ(submit(kTwo, {}, "k1"), "run.undecided") << "the key is taken until it is decided";

  lossy_.is_away = false;
  const RunView settled = wait(id);
  EXPECT_EQ(settled.run.status, end());
  EXPECT_EQ(queue_->undecided(), 0U);
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(ledger(), ElementsAre(GetParam() ? "succeeded" : "failed"));

  // The same request again is answered by that run, or loads what was not loaded.
  lossy_.commits = true;
  lossy_.goes_away_at_commit = false;
  const std::string again = submit(kTwo, {}, "k1");
  wait(again);
  EXPECT_EQ(again == id, GetParam());
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
}

TEST_P(UndecidedTest, IsSettledByTheNextProcess) {
  lossy_.goes_away_at_commit = true;
  const std::string id = submit(kTwo, {}, "k1");
  wait_for_news(id);
  restart();
  EXPECT_EQ(view(id).run.status, RunStatus::Undecided) << "the server starts without its database";
  EXPECT_EQ(submit(kTwo, {}, "k1"), "run.undecided");
  lossy_.is_away = false;
  EXPECT_EQ(wait(id).run.status, end());
  if (GetParam()) EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
  EXPECT_THAT(ledger(), ElementsAre(GetParam() ? "succeeded" : "failed"));
  EXPECT_THAT(state_files(), IsEmpty());
}

TEST_P(UndecidedTest, WhoWaitsForTheEndIsToldAfterATime) {
  settings_.decide_wait = std::chrono::milliseconds(5);
  restart();
  lossy_.goes_away_at_commit = true;
  const std::string id = submit(kTwo);
  EXPECT_EQ(wait(id).run.status, RunStatus::Undecided);
  lossy_.is_away = false;
}

TEST_F(RunQueueTest, ARunThatTheLedgerRefusesIsRecordedWithoutItsTexts) {
  db::RunRecord refused{
      .id = "run_1", .status = RunStatus::Failed, .table = "people", .file_name = "caf\xe9"};
  refused.error = Error{Code::HeaderMismatch, "caf\xe9 is not a field"};
  class Refusing : public LossyDatabase {
   public:
    using LossyDatabase::LossyDatabase;
    Result<db::RunRecord> record(const db::RunRecord& run) override {
      if (!run.file_name.empty()) return fail(Code::DatabaseRefused, "invalid byte sequence");
      return LossyDatabase::record(run);
    }
  };
  Refusing refusing(*database_);
  ASSERT_TRUE(load::record_end(refusing.ledger(), refused));
  EXPECT_EQ(refused.file_name, "");
  EXPECT_EQ(refused.error.value().code, Code::HeaderMismatch);
  EXPECT_THAT(ledger(), ElementsAre("failed"));
}

TEST_F(RunQueueTest, StoppingPutsARunningLoadBackAndItGoesOn) {
  queue_->start();
  wait(submit(kTwo));
  hold_database();
  const std::string running = submit("id,name\n3,Cleo\n", {}, "k1");
  const std::string waiting = submit("id,name\n4,Dan\n");
  while (queue_->running() == 0) std::this_thread::yield();
  std::atomic<int> called = 0;
  for (const std::string& id : {running, waiting}) queue_->when_done(id, Wait::ForEnd, [&] { ++called; });
  std::thread stopper([&] { queue_->stop(); });
  while (queue_->receive({.id = "run_late"}, 100)) std::this_thread::yield();  // until it stops
  release_database();
  stopper.join();
  EXPECT_EQ(called, 2);
  queue_->when_done(waiting, Wait::ForEnd, [&] { ++called; });
  EXPECT_EQ(called, 3);
  EXPECT_EQ(view(waiting).run.status, RunStatus::Queued);
  EXPECT_TRUE(queue_->make_durable(waiting));
  EXPECT_TRUE(queue_->make_durable(running));
  restart();
  EXPECT_EQ(wait(running).run.status, RunStatus::Succeeded);
  EXPECT_EQ(wait(waiting).run.status, RunStatus::Succeeded);
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob", "3|Cleo", "4|Dan"));
  EXPECT_EQ(submit("id,name\n3,Cleo\n", {}, "k1"), running);
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(RunQueueTest, WhereNothingLastsAnInterruptedRunHasEnded) {
  settings_.resumes = false;
  make_queue();
  queue_->start();
  wait(submit(kTwo));
  hold_database();
  const std::string id = submit("id,name\n3,Cleo\n", {}, "k1");
  while (queue_->running() == 0) std::this_thread::yield();
  queue_->interrupt();
  release_database();
  const RunView ended = wait(id);
  EXPECT_EQ(ended.run.status, RunStatus::Interrupted);
  EXPECT_EQ(ended.run.error.value().message,
            "the time for the load was over before it was done; nothing was loaded");
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
  EXPECT_THAT(ledger(), ElementsAre("succeeded", "interrupted"));
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
  const std::string again = submit("id,name\n3,Cleo\n", {}, "k1");
  EXPECT_NE(again, id) << "its key is free";
  EXPECT_EQ(wait(again).run.status, RunStatus::Succeeded) << "the queue goes on";
}

TEST_F(RunQueueTest, WhatIsNotWholeIsInterruptedAndItsKeyIsFree) {
  const std::string cut = submit(kTwo, {}, "k1");
  const std::string damaged = submit(kTwo, {}, "k2");
  const std::string whole = submit("id,name\n5,Eve\n", {}, "k3");
  const std::string receiving = new_id("run_", clock_.now());
  std::optional<load::Upload> upload = queue_->receive({.id = receiving, .table = "people"}, 100).value();
  // The process dies: nobody tidies up.
  auto* const dead = new std::optional<load::Upload>(std::move(upload));
  queue_.reset();
  fs::resize_file(load::upload_path(settings_.spool, cut), 5);
  std::ofstream(load::upload_path(settings_.spool, damaged), std::ios::binary) << "id,name\n1,Adx\n2,Bob\n";
  make_queue();
  queue_->start();
  EXPECT_EQ(wait(whole).run.status, RunStatus::Succeeded);
  EXPECT_EQ(view(cut).run.status, RunStatus::Interrupted);
  EXPECT_EQ(view(cut).run.idempotency.key, "");
  EXPECT_EQ(wait(damaged).run.status, RunStatus::Failed);
  EXPECT_EQ(view(damaged).run.error.value().code, Code::RunInterrupted);
  EXPECT_THAT(people(), ElementsAre("5|Eve"));
  for (const char* key : {"k1", "k2"}) {
    const std::string again = submit(kTwo, {.mode = "upsert"}, key);
    EXPECT_EQ(wait(again).run.status, RunStatus::Succeeded) << key;
  }
  delete dead;
}

TEST_F(RunQueueTest, APartOfAFileIsNoSource) {
  const std::string id = new_id("run_", clock_.now());
  db::RunRecord run{.id = id, .status = RunStatus::Receiving, .table = "people"};
  ASSERT_TRUE(load::RunState::create(settings_.spool, {run, std::nullopt}));
  // The process that settled it died when it had told the ledger.
  run.status = RunStatus::Interrupted;
  ASSERT_TRUE(database_->ledger().record(run));
  fs::create_directories(path("spool") / "uploads");
  std::ofstream(load::upload_path(settings_.spool, id)) << "id,na";

  queue_->start();
  EXPECT_EQ(view(id).run.status, RunStatus::Interrupted);
  EXPECT_THAT(sources(), IsEmpty());
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(RunQueueTest, ACommittedRunIsNotLoadedAgain) {
  queue_->start();
  const std::string id = submit(kTwo);
  wait(id);
  queue_.reset();
  // As if the process had died between the commit and the tidying up.
  const db::RunRecord run = database_->ledger().find(id)->at(0);
  db::RunRecord running = run;
  running.status = RunStatus::Running;
  ASSERT_TRUE(load::RunState::create(settings_.spool, {running, load::LoadOptions{}}));
  fs::rename(path("files") / "sources" / id, load::upload_path(settings_.spool, id));
  make_queue();
  queue_->start();
  EXPECT_EQ(view(id).run.status, RunStatus::Succeeded);
  EXPECT_THAT(people(), ElementsAre("1|Ada", "2|Bob"));
  EXPECT_THAT(sources(), ElementsAre(id));
  EXPECT_THAT(state_files(), IsEmpty());
  EXPECT_THAT(uploads(), IsEmpty());
}

TEST_F(RunQueueTest, AFailedRunNeverWaitsForTheLedger) {
  queue_->start();
  wait(submit(kTwo));
  hold_database();
  const std::string id = submit("no,such\n1,2\n");
  EXPECT_EQ(wait(id).run.status, RunStatus::Failed);
  EXPECT_EQ(state_files().size(), 1U) << "kept until the ledger has it";
  EXPECT_EQ(queue_->list({}, {}, 1)->at(0).run.id, id);
  release_database();
  while (ledger().size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_THAT(ledger(), ElementsAre("succeeded", "failed"));
  while (!state_files().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST_F(RunQueueTest, AnEndThatTheLedgerMissesIsWrittenAtTheNextStart) {
  queue_->start();
  wait(submit(kTwo));
  hold_database();
  const std::string id = submit("no,such\n1,2\n", {}, "k1");
  EXPECT_EQ(wait(id).run.status, RunStatus::Failed);
  queue_.reset();
  release_database();
  make_queue();
  queue_->start();
  EXPECT_THAT(ledger(), ElementsAre("succeeded", "failed"));
  EXPECT_EQ(view(id).run.error.value().code, Code::HeaderMismatch);
  EXPECT_EQ(submit("no,such\n1,2\n", {}, "k1"), id);
  EXPECT_THAT(state_files(), IsEmpty());
}

/// A command line that loads beside a dead server leaves the server's runs alone.
TEST_F(RunQueueTest, AnotherLoadDoesNotSettleWhatWaits) {
  const std::string waiting = submit(kTwo);
  queue_.reset();
  load::recover(settings_.spool, *database_, clock_);
  EXPECT_EQ(state_files().size(), 1U);
  EXPECT_EQ(uploads().size(), 1U);
  make_queue();
  queue_->start();
  EXPECT_EQ(wait(waiting).run.status, RunStatus::Succeeded);
}

constexpr std::string_view kPacked =
    "1f8b0800000000000203cb4cd1c94bcc4de532d7714c491c2547c95172941c2547c9114a020060e6d15610070000";

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

TEST_F(RunQueueTest, UnpackingIsLimited) {
  catalog_.limits.max_unpacked_bytes = 1000;
  queue_->start();
  // gzip of a header and 300 rows "7,Ada"
  const RunView done = wait(submit(bytes_of(kPacked)));
  EXPECT_EQ(done.run.status, RunStatus::Failed);
  EXPECT_EQ(done.run.error.value().code, Code::LimitBytes);
}

TEST_F(RunQueueTest, ManyClientsAtOnceAreEachLoadedOnce) {
  settings_.queue_limit = 1000;
  make_queue();
  queue_->start();
  std::vector<std::thread> clients;
  std::atomic<int> succeeded = 0;
  for (int client = 0; client < 4; ++client)
    clients.emplace_back([&, client] {
      for (int i = 0; i < 10; ++i) {
        const int id = client * 10 + i;
        const std::string bytes = "id,name\n" + std::to_string(id) + ",Ada\n";
        const std::string key = "k" + std::to_string(id);
        const std::string run = submit(bytes, {}, key, "client" + std::to_string(client));
        (void)queue_->list({}, {}, 5);
        if (wait(run).run.status == RunStatus::Succeeded) ++succeeded;
        EXPECT_EQ(submit(bytes, {}, key, "client" + std::to_string(client)), run);
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(succeeded, 40);
  EXPECT_THAT(read_rows(*database_, "SELECT count(*) FROM people"), ElementsAre("40"));
  EXPECT_EQ(database_->table({{}, "people"})->value().version, 40U);
}

}  // namespace
}  // namespace rowgate::runs

// A process that works on loads is killed at random moments, again and again, and the next one repeats every
// request with its Idempotency-Key, as a client does that saw its connection break. In the end each file must
// have been loaded exactly once, and nothing may be left in the spool.

#include "base/ids.h"
#include "db/sqlite/database.h"
#include "db/testing.h"
#include "runs/run_queue.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <random>
#include <thread>

namespace rowgate::runs {
namespace {

namespace fs = std::filesystem;
using db::RunStatus;

constexpr int kFiles = 5;
constexpr int kRows = 1'500;
constexpr int kRounds = 8;
constexpr int kKillsARound = 3;

std::string file_of(int number) {
  std::string bytes = "file,row\n";
  for (int row = 0; row < kRows; ++row) bytes += fmt::format("{},{}\n", number, row);
  return bytes;
}

/// The work of one process: repeats every request until it has its answer. False when one of them fails.
class Worker {
 public:
  explicit Worker(const fs::path& folder)
      : database_(db::sqlite_database(folder / "rowgate.db")), store_(store::dir_store(folder / "files")) {
    // Without a primary key, so that a file that is loaded twice would show.
    load::TableConfig& events = catalog_.tables.emplace_back(load::TableConfig{.name = {{}, "events"}});
    events.schema = db::testing::make_schema({{"file", table::Type::Integer}, {"row", table::Type::Integer}});
    events.schema.primary_key = {};
    queue_ = std::make_unique<RunQueue>(*database_, *store_, catalog_, clock_,
                                        RunQueue::Settings{.spool = folder / "spool", .check_threads = 1},
                                        RunQueue::Observer());
  }

  bool run() {
    queue_->start();
    std::vector<std::string> runs;
    for (int number = 0; number < kFiles; ++number) runs.push_back(send(number));
    for (const std::string& run : runs)
      if (!has_succeeded(run)) return false;
    return true;
  }

 private:
  /// The id of the run that has the file, by this request or an earlier one; empty where there is none.
  std::string send(int number) {
    db::RunRecord run{.id = new_id("run_", clock_.now()), .table = "events", .file_name = "events.csv"};
    run.idempotency = {"ada", "POST", "/v1/loads", fmt::format("file {}", number), "same"};
    Result<load::Upload> upload = queue_->receive(run, 1 << 20);
    if (!upload || !upload->write(file_of(number))) return {};
    const Result<std::string> id = queue_->submit({run, {}, upload->finish().value()});
    if (id) return *id;
    if (id.error().code != Code::RunIdempotencyInProgress) {
      complain("submit", id.error());
      return {};
    }
    const auto earlier = queue_->find_by_key(run.idempotency);
    if (earlier && *earlier) return (*earlier)->run.id;
    complain("find_by_key", earlier ? Error{Code::RunUnknown, "no run has the key"} : earlier.error());
    return {};
  }
  bool has_succeeded(const std::string& id) {
    std::promise<void> done;
    queue_->when_done(id, Wait::ForEnd, [&] { done.set_value(); });
    done.get_future().wait();
    const Result<RunView> view = queue_->find(id);
    if (view && view->run.status == RunStatus::Succeeded) return true;
    if (!view) return complain("find", view.error());
    return complain(name(view->run.status), view->run.error.value_or(Error{Code::InternalError, "no error"}));
  }
  /// For whoever reads the output of a failed test.
  static bool complain(std::string_view doing, const Error& error) {
    fmt::print(stderr, "{}: {} {}\n", doing, info(error.code).text, error.message);
    return false;
  }

  std::unique_ptr<db::Database> database_;
  std::unique_ptr<store::Store> store_;
  load::Catalog catalog_;
  SystemClock clock_;
  std::unique_ptr<RunQueue> queue_;
};

/// Exit status of a process that works on `folder` and is killed after `life`, where given.
int status_of_worker(const fs::path& folder, std::optional<std::chrono::microseconds> life) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(Worker(folder).run() ? 0 : 1);
  if (life) {
    std::this_thread::sleep_for(*life);
    ::kill(child, SIGKILL);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

bool was_killed(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::size_t files_in(const fs::path& folder) {
  std::error_code ignored;
  return static_cast<std::size_t>(
      std::count_if(fs::directory_iterator(folder, ignored), fs::directory_iterator(),
                    [](const fs::directory_entry& file) { return file.path().extension() != ".new"; }));
}

TEST(RunQueueCrash, EveryFileIsLoadedExactlyOnce) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  std::chrono::microseconds whole{0};
  {
    const db::testing::TempFolder folder;
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(status_of_worker(folder.path(), std::nullopt), 0) << "undisturbed";
    whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  }
  int killed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const db::testing::TempFolder folder;
    for (int kill = 0; kill < kKillsARound; ++kill) {
      const std::chrono::microseconds life{random() % static_cast<std::uint64_t>(whole.count())};
      const int status = status_of_worker(folder.path(), life);
      ASSERT_TRUE(was_killed(status) || status == 0) << "round " << round << ", status " << status;
      killed += was_killed(status) ? 1 : 0;
      if (!was_killed(status)) whole = std::min(whole, life);  // the first one was slower
    }
    ASSERT_EQ(status_of_worker(folder.path(), std::nullopt), 0) << "round " << round;
    const auto database = db::sqlite_database(folder.path() / "rowgate.db");
    EXPECT_EQ(db::testing::read_rows(*database, "SELECT count(*) FROM events GROUP BY file"),
              std::vector<std::string>(kFiles, std::to_string(kRows)))
        << "round " << round;
    EXPECT_EQ(
        db::testing::read_rows(*database, "SELECT count(*) FROM rowgate_runs WHERE status = 'succeeded'"),
        std::vector<std::string>{std::to_string(kFiles)});
    EXPECT_EQ(database->table({{}, "events"})->value().version, static_cast<std::uint64_t>(kFiles));
    EXPECT_EQ(files_in(folder.path() / "spool" / "runs"), 0U) << "round " << round;
    EXPECT_EQ(files_in(folder.path() / "files" / "sources"), static_cast<std::size_t>(kFiles))
        << ::testing::PrintToString(db::testing::read_rows(
               *database, "SELECT id, status, idempotency_key, error FROM rowgate_runs"));
  }
  EXPECT_GE(killed, kRounds) << "too few were caught in the middle to say anything";
}

}  // namespace
}  // namespace rowgate::runs

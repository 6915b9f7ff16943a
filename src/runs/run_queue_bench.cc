// Files of 1,000 rows one after the other: through the queue with four clients, beside the bare engine in the
// same process. What the queue adds is a file for the upload, its hash, a state file and two hand-overs
// between threads.

#include "base/ids.h"
#include "db/sqlite/database.h"
#include "io/files.h"
#include "runs/run_queue.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <span>
#include <thread>

namespace rowgate::runs {
namespace {

namespace fs = std::filesystem;

constexpr int kRows = 1'000;
constexpr std::size_t kClients = 4;
constexpr std::size_t kFilesEach = 100;

/// A fresh database with one table of the shape of hired_employees.
class Place {
 public:
  Place() : folder_(make_folder()) {
    load::TableConfig& hires = catalog.tables.emplace_back(load::TableConfig{.name = {{}, "hires"}});
    hires.schema.fields = {{.name = "id", .type = table::Type::Integer},
                           {.name = "name", .type = table::Type::String},
                           {.name = "datetime", .type = table::Type::Datetime},
                           {.name = "department_id", .type = table::Type::Integer},
                           {.name = "job_id", .type = table::Type::Integer}};
    hires.schema.primary_key = {0};
    database = db::sqlite_database(folder_ / "rowgate.db");
    store = store::dir_store(folder_ / "files");
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    database.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path spool() const { return folder_ / "spool"; }

  std::unique_ptr<db::Database> database;
  std::unique_ptr<store::Store> store;
  load::Catalog catalog = {};
  SystemClock clock = {};

 private:
  static fs::path make_folder() {
    std::string name = (fs::temp_directory_path() / "rowgate-bench-XXXXXX").string();
    return ::mkdtemp(name.data());
  }
  fs::path folder_;
};

/// Of files 0 to 400, each with keys of its own. Not in the order of their keys: several clients' files do
/// not come so either, and SQLite is quicker where all rows go to a table's end.
std::string file_of(int number) {
  std::string bytes = "id,name,datetime,department_id,job_id\n";
  for (int row = 0; row < kRows; ++row) {
    const int id = number * 167 % 401 * kRows + row + 1;
    bytes += fmt::format("{},Person Number {},2021-{:02}-{:02}T02:48:42Z,{},{}\n", id,
                         id * 7919LL % 1'000'003, row % 12 + 1, row % 28 + 1, row % 12 + 1, row % 183 + 1);
  }
  return bytes;
}

/// Made before the clock runs.
std::vector<std::string> all_files() {
  std::vector<std::string> files;
  for (std::size_t number = 0; number < kClients * kFilesEach; ++number)
    files.push_back(file_of(static_cast<int>(number + 1)));
  return files;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void bare_engine(benchmark::State& state) {
  for (auto _ : state) {
    Place place;
    load::Loader loader(*place.database, *place.store, place.clock, {.spool = place.spool()});
    std::vector<std::string> files = all_files();
    const auto begin = std::chrono::steady_clock::now();
    for (std::string& file : files) {
      load::Progress progress;
      const Result<load::LoadRequest> request =
          load::make_request(place.catalog, {{}, "hires"}, {}, io::memory_file(std::move(file)));
      const Result<load::LoadOutcome> outcome = loader.load(*request, progress, {}, std::stop_token());
      if (!outcome || outcome->run.rows_accepted != kRows) std::abort();
    }
    state.SetIterationTime(seconds_since(begin));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kClients * kFilesEach));
}

void send(RunQueue& queue, const Clock& clock, std::string_view bytes) {
  db::RunRecord run{.id = new_id("run_", clock.now()), .table = "hires", .file_name = "hires.csv"};
  Result<load::Upload> upload = queue.receive(run, kGiB);
  if (!upload || !upload->write(bytes)) std::abort();
  Result<load::Upload::Received> received = upload->finish();
  const Result<std::string> id = queue.submit({std::move(run), {}, *std::move(received)});
  if (!id) std::abort();
  std::promise<void> done;
  queue.when_done(*id, Wait::ForEnd, [&] { done.set_value(); });
  done.get_future().wait();
  if (queue.find(*id)->run.rows_accepted != kRows) std::abort();
}

void through_the_queue(benchmark::State& state) {
  for (auto _ : state) {
    Place place;
    RunQueue queue(*place.database, *place.store, place.catalog, place.clock, {.spool = place.spool()}, {});
    queue.start();
    const std::vector<std::string> files = all_files();
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::jthread> clients;
    for (std::size_t client = 0; client < kClients; ++client)
      clients.emplace_back([&, client] {
        for (const std::string& file : std::span(files).subspan(client * kFilesEach, kFilesEach))
          send(queue, place.clock, file);
      });
    clients.clear();  // joins them
    state.SetIterationTime(seconds_since(begin));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kClients * kFilesEach));
}

BENCHMARK(bare_engine)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(through_the_queue)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rowgate::runs

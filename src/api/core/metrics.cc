#include "api/core/metrics.h"

#include "api/core/process_metrics.h"
#include "load/run_moves.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace rowgate::api {
namespace {

using Labels = std::map<std::string, std::string>;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets request_seconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const Buckets run_seconds = {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600};
const Buckets body_bytes = {256, 4096, 65536, 1048576, 16777216, 268435456, 1073741824};

constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"};

std::string label_of_method(std::string_view method) {
  return std::string(std::ranges::find(kMethods, method) != kMethods.end() ? method : "other");
}

std::string label_of_route(std::string_view route) {
  return route.empty() ? "_none" : std::string(route);
}

std::string_view name(Metrics::Download result) {
  constexpr std::array<std::string_view, 4> kNames = {"ok", "expired", "bad_signature", "gone"};
  return kNames[static_cast<std::size_t>(result)];
}

double seconds(std::int64_t micros) {
  return static_cast<double>(micros) / 1e6;
}

}  // namespace

struct Metrics::State {
  explicit State(const load::Catalog& known) : catalog(std::shared_ptr<void>(), &known) {}

  mutable std::mutex mutex;
  std::shared_ptr<const load::Catalog> catalog;  ///< guarded by mutex
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  prometheus::Family<prometheus::Gauge>& build =
      gauges("rowgate_build_info", "Always 1; the labels tell the build.");
  prometheus::Gauge& config_good = gauges("rowgate_config_last_reload_successful",
                                          "1 where the configuration was good when it was last read.")
                                       .Add({});
  prometheus::Gauge& config_time = gauges("rowgate_config_last_reload_success_timestamp_seconds",
                                          "When a good configuration was last read.")
                                       .Add({});
  prometheus::Family<prometheus::Counter>& requests =
      counters("rowgate_http_requests_total", "Requests that were answered.");
  prometheus::Family<prometheus::Histogram>& request_seconds = histograms(
      "rowgate_http_request_duration_seconds", "From the head of a request to the end of its answer.");
  prometheus::Gauge& in_flight =
      gauges("rowgate_http_requests_in_flight", "Requests that are being answered.").Add({});
  prometheus::Family<prometheus::Histogram>& request_bytes =
      histograms("rowgate_http_request_body_bytes", "Size of request bodies.");
  prometheus::Family<prometheus::Histogram>& response_bytes =
      histograms("rowgate_http_response_body_bytes", "Size of answers' bodies.");
  prometheus::Family<prometheus::Counter>& runs = counters("rowgate_runs_total", "Runs that have ended.");
  prometheus::Family<prometheus::Histogram>& run_seconds =
      histograms("rowgate_run_duration_seconds", "From the start of a run to its end.");
  prometheus::Family<prometheus::Gauge>& in_progress =
      gauges("rowgate_runs_in_progress", "Runs that are being worked on.");
  prometheus::Family<prometheus::Gauge>& queue_depth =
      gauges("rowgate_run_queue_depth", "Runs that wait for their turn.");
  prometheus::Gauge& undecided =
      gauges("rowgate_runs_undecided", "Runs of which it is not known whether they were committed.").Add({});
  prometheus::Gauge& unrecorded =
      gauges("rowgate_runs_unrecorded", "Runs that ended and are not in the ledger yet.").Add({});
  prometheus::Family<prometheus::Counter>& rows =
      counters("rowgate_rows_total", "Rows read by loads, by outcome.");
  prometheus::Family<prometheus::Counter>& rejects =
      counters("rowgate_rejects_total", "Problems of refused rows, by code.");
  prometheus::Family<prometheus::Counter>& load_bytes =
      counters("rowgate_load_bytes_total", "Bytes of files that were loaded.");
  prometheus::Family<prometheus::Gauge>& last_success =
      gauges("rowgate_last_success_timestamp_seconds", "When a run last succeeded.");
  prometheus::Family<prometheus::Gauge>& table_rows = gauges("rowgate_table_rows", "Rows of a table.");
  prometheus::Family<prometheus::Gauge>& table_version =
      gauges("rowgate_table_version", "Committed loads of a table.");
  prometheus::Gauge& database_up =
      gauges("rowgate_database_up", "1 where the database answers.").Add({{"database", "default"}});
  prometheus::Family<prometheus::Histogram>& report_seconds =
      histograms("rowgate_report_duration_seconds", "Time of a report's query and writing.");
  prometheus::Family<prometheus::Gauge>& report_rows =
      gauges("rowgate_report_rows", "Rows of a report's last result.");
  prometheus::Family<prometheus::Counter>& report_failures =
      counters("rowgate_report_failures_total", "Reports that failed.");
  prometheus::Family<prometheus::Counter>& links_created =
      counters("rowgate_links_created_total", "Links that were made.");
  prometheus::Family<prometheus::Counter>& link_downloads =
      counters("rowgate_link_downloads_total", "Downloads by links, by result.");
  prometheus::Counter& upload_bytes =
      counters("rowgate_upload_bytes_total", "Bytes of uploaded files.").Add({{"protocol", "post"}});
  prometheus::Counter& replays =
      counters("rowgate_idempotent_replays_total", "Answers that were given again.").Add({});
  prometheus::Counter& duplicates =
      counters("rowgate_duplicate_files_total", "Loads of bytes that the table had before.").Add({});
  prometheus::Family<prometheus::Counter>& auth_failures =
      counters("rowgate_auth_failures_total", "Requests refused for their key.");
  prometheus::Family<prometheus::Counter>& storage_errors =
      counters("rowgate_storage_operation_errors_total", "What the storage was asked for and did not do.");
  prometheus::Family<prometheus::Gauge>& storage_free =
      gauges("rowgate_storage_free_bytes", "Free bytes of the spool's disk.");
  ProcessMetrics process{registry};

  std::string label_of_table(const std::string& table) const {
    const std::scoped_lock lock(mutex);
    return catalog->find(table) != nullptr ? table : "_other";
  }
  void count_load(const db::RunRecord& run);
};

Metrics::Metrics(const Settings& settings, const load::Catalog& catalog) : state_(new State(catalog)) {
  state_->build
      .Add({{"version", settings.version}, {"commit", settings.commit}, {"compiler", settings.compiler}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::use(std::shared_ptr<const load::Catalog> catalog) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->catalog.swap(catalog);
  }
  // What is not measured any more would stay as it was for ever.
  for (const load::TableConfig& table : catalog->tables) {
    if (state_->label_of_table(table.name.name) != "_other") continue;
    const Labels labels{{"table", table.name.name}};
    state_->table_rows.Remove(&state_->table_rows.Add(labels));
    state_->table_version.Remove(&state_->table_version.Add(labels));
  }
}

void Metrics::config_reloaded(bool is_good, Timestamp now) {
  state_->config_good.Set(is_good ? 1 : 0);
  if (is_good) state_->config_time.Set(static_cast<double>(now.micros) / 1e6);
}

void Metrics::request_began() {
  state_->in_flight.Increment();
}

void Metrics::request_ended(std::string_view route, std::string_view method, const http::Exchange& exchange) {
  const Labels of_route{{"route", label_of_route(route)}};
  Labels labels = of_route;
  labels["method"] = label_of_method(method);
  state_->in_flight.Decrement();
  state_->request_seconds.Add(labels, request_seconds).Observe(seconds(exchange.took.count()));
  labels["status"] = std::to_string(exchange.status);
  state_->requests.Add(labels).Increment();
  state_->request_bytes.Add(of_route, body_bytes).Observe(static_cast<double>(exchange.request_bytes));
  state_->response_bytes.Add(of_route, body_bytes).Observe(static_cast<double>(exchange.response_bytes));
}

void Metrics::run(const db::RunRecord& run) {
  if (!load::has_ended(run.status)) return;
  state_->runs.Add({{"kind", run.kind}, {"status", std::string(db::name(run.status))}}).Increment();
  if (run.started_at.micros != 0)
    state_->run_seconds.Add({{"kind", run.kind}, {"phase", "all"}}, run_seconds)
        .Observe(seconds(run.finished_at.micros - run.started_at.micros));
  if (run.kind == "load") state_->count_load(run);
}

void Metrics::State::count_load(const db::RunRecord& run) {
  const std::string table = label_of_table(run.table);
  const auto count = [&](const char* outcome, std::uint64_t number) {
    rows.Add({{"table", table}, {"outcome", outcome}}).Increment(static_cast<double>(number));
  };
  count("accepted", run.rows_accepted);
  count("rejected", run.rows_rejected);
  count("skipped", run.rows_skipped);
  for (const db::RejectGroup& group : run.rejects)
    rejects.Add({{"table", table}, {"code", std::string(rowgate::text(group.code))}})
        .Increment(static_cast<double>(group.count));
  load_bytes.Add({{"table", table}}).Increment(static_cast<double>(run.file_bytes));
  if (!run.duplicate_of.empty()) duplicates.Increment();
  if (db::has_loaded(run))
    last_success.Add({{"kind", run.kind}, {"table", table}}).Set(seconds(run.finished_at.micros));
}

void Metrics::report_ran(std::string_view report, std::chrono::microseconds took,
                         std::optional<std::uint64_t> rows) {
  const Labels labels{{"report", std::string(report)}};
  state_->report_seconds.Add(labels, run_seconds).Observe(seconds(took.count()));
  if (rows)
    state_->report_rows.Add(labels).Set(static_cast<double>(*rows));
  else
    state_->report_failures.Add(labels).Increment();
}

void Metrics::link_created(std::string_view report) {
  state_->links_created.Add({{"report", std::string(report)}}).Increment();
}

void Metrics::link_downloaded(Download result) {
  state_->link_downloads.Add({{"result", std::string(name(result))}}).Increment();
}

void Metrics::auth_failed(std::string_view reason) {
  state_->auth_failures.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::idempotent_replay() {
  state_->replays.Increment();
}

void Metrics::storage_failed(std::string_view operation) {
  state_->storage_errors.Add({{"operation", std::string(operation)}}).Increment();
}

void Metrics::bytes_received(std::uint64_t bytes) {
  state_->upload_bytes.Increment(static_cast<double>(bytes));
}

std::string Metrics::text(const Now& now) {
  state_->queue_depth.Add({{"kind", "load"}}).Set(static_cast<double>(now.waiting));
  state_->in_progress.Add({{"kind", "load"}}).Set(static_cast<double>(now.running));
  state_->undecided.Set(static_cast<double>(now.undecided));
  state_->unrecorded.Set(static_cast<double>(now.unrecorded));
  state_->database_up.Set(now.database_up ? 1 : 0);
  if (now.storage_free_bytes) state_->storage_free.Add({}).Set(static_cast<double>(*now.storage_free_bytes));
  for (const Now::Table& table : now.tables) {
    if (state_->label_of_table(table.name) == "_other") continue;  // measured before a reload
    state_->table_rows.Add({{"table", table.name}}).Set(static_cast<double>(table.rows));
    state_->table_version.Add({{"table", table.name}}).Set(static_cast<double>(table.version));
  }
  state_->process.measure();
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace rowgate::api

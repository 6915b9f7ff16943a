#pragma once

// The whole service but for the sockets: a SQLite database, a store and a spool in a fresh folder, three
// tables and their reports. Requests go straight into the application.

#include "api/application.h"
#include "api/core/log.h"
#include "api/core/metrics.h"
#include "base/ids.h"
#include "db/sqlite/database.h"
#include "db/testing.h"
#include "http/target.h"
#include "io/files.h"
#include "load/load_options.h"
#include "load/loader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <sstream>

namespace rowgate::api::testing {

using Json = nlohmann::json;

/// Stands still unless it is moved; begins at the present, since the files of a store have the system's time.
class FakeClock : public Clock {
 public:
  Timestamp now() const override { return {micros_.load()}; }
  void advance(std::chrono::microseconds by) { micros_ += by.count(); }

 private:
  std::atomic<std::int64_t> micros_{SystemClock().now().micros};
};

/// An answer with its body read.
struct Answer {
  int status = 0;
  http::Fields headers;
  std::string body;
  bool is_stream = false;

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
  Json json() const { return Json::parse(body, nullptr, false); }
  /// "404 table.unknown"; of an answer that is no problem "200".
  std::string told() const {
    const Json problem = json();
    return problem.is_object() && problem.contains("code")
               ? fmt::format("{} {}", status, problem["code"].get<std::string>())
               : std::to_string(status);
  }
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    using table::Type;
    catalog_.tables.push_back(
        {.name = {.name = "departments"},
         .title = "Departments",
         .schema = db::testing::make_schema({{"id", Type::Integer}, {"department", Type::String}})});
    catalog_.tables.back().schema.fields[1].example = "Foundry";
    catalog_.tables.push_back(
        {.name = {.name = "jobs"},
         .title = "Jobs",
         .schema = db::testing::make_schema({{"id", Type::Integer}, {"job", Type::String}})});
    reports_.push_back({.name = "jobs_from",
                        .title = "Jobs from an id on",
                        .filename = "jobs.csv",
                        .sql = "SELECT id, job FROM jobs WHERE id >= :least ORDER BY id",
                        .params = {{.name = "least", .type = Type::Integer, .default_text = "1"}}});
    reports_.push_back(
        {.name = "endless",
         .title = "",
         .filename = "endless.csv",
         .sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
         .timeout = std::chrono::milliseconds(20)});
    reports_.push_back(
        {.name = "large", .filename = "large.csv", .sql = "SELECT id FROM jobs", .max_rows = 1});
    settings_.openapi_yaml = "openapi: 3.1.2\n";
    settings_.openapi_json = "{\"openapi\":\"3.1.2\"}\n";
    settings_.server.listeners = {{.port = 8080}};
  }

  /// Metrics keep what they tell of the build, so it must be there before them.
  static Settings release() {
    Settings settings;
    settings.version = "0.1.0";
    settings.commit = "1f2e3d4c5b6a";
    settings.compiler = "clang 19.1.7";
    return settings;
  }

  std::filesystem::path path(std::string_view below) const { return folder_.path() / below; }

  /// Loads CSV text as the command line does; gives the run's id.
  std::string load(const std::string& table, const std::string& csv, const std::string& mode = "append") {
    load::Loader loader(*database_, *store_, clock_, {.spool = path("spool"), .check_threads = 1});
    const auto request = load::make_request(catalog_, {.name = table}, {.mode = mode, .max_rejects = "100%"},
                                            io::memory_file(csv, table + ".csv"));
    EXPECT_TRUE(request) << to_text(request.error());
    load::Progress progress;
    const auto outcome = loader.load(*request, progress, {}, {});
    EXPECT_TRUE(outcome) << to_text(outcome.error());
    clock_.advance(std::chrono::milliseconds(5));
    return outcome->run.id;
  }
  void load_jobs() {
    load("departments", "id,department\n1,Archive\n2,Bookkeeping\n");
    load("jobs", "id,job\n1,Baker\n2,Glazier\n3,Miller\n4,Weaver\n5,Potter\n");
  }

  http::Request request(const std::string& method, const std::string& target, http::Fields headers = {}) {
    http::Request request{.method = method, .target = target, .headers = std::move(headers)};
    std::string authority;
    const Result<void> read = http::read_target(target, request, authority);
    EXPECT_TRUE(read) << target;
    request.id = "req-1";
    request.remote_address = "192.0.2.7";
    request.is_admin = is_admin_;
    return request;
  }

  Answer send(const std::string& method, const std::string& target, http::Fields headers = {},
              const std::string& body = {}) {
    http::Request sent = request(method, target, std::move(headers));
    Answer answer = read(respond(sent, body));
    application_.finished(&sent, {.status = answer.status});
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << target;
    EXPECT_EQ(answer.header("Request-Id"), "req-1") << target;
    EXPECT_NE(answer.header("Cache-Control"), "") << target;
    const bool has_body = !answer.body.empty() || answer.is_stream;
    EXPECT_EQ(answer.header("Content-Type").empty(), !has_body) << target << ' ' << answer.status;
    return answer;
  }
  Answer get(const std::string& target, http::Fields headers = {}) {
    return send("GET", target, std::move(headers));
  }

  http::Response respond(http::Request& sent, const std::string& body) {
    auto begun = application_.begin(sent);
    if (auto* response = std::get_if<http::Response>(&begun)) return std::move(*response);
    http::Accepted accepted = std::get<http::Accepted>(std::move(begun));
    if (accepted.receiver != nullptr) {
      if (body.size() > accepted.limit_bytes)
        return application_.trouble(&sent, {Code::LimitBytes, "the body is larger than allowed"});
      if (const Result<void> taken = accepted.receiver->take(body); !taken)
        return application_.trouble(&sent, taken.error());
      if (const Result<void> done = accepted.receiver->finish(); !done)
        return application_.trouble(&sent, done.error());
    }
    http::Reply reply = application_.answer(sent, std::move(accepted.receiver));
    if (auto* response = std::get_if<http::Response>(&reply)) return std::move(*response);
    http::Later later = std::get<http::Later>(std::move(reply));
    const auto woken = std::make_shared<std::promise<void>>();
    later.subscribe([woken] { woken->set_value(); });
    woken->get_future().wait();
    return later.answer();
  }

  static Answer read(http::Response response) {
    Answer answer{.status = response.status,
                  .headers = response.headers,
                  .body = std::move(response.text),
                  .is_stream = response.stream != nullptr};
    if (response.stream != nullptr) {
      const Result<std::string> text = io::read_all(*response.stream, 64 << 20);
      EXPECT_TRUE(text) << to_text(text.error());
      answer.body = text ? *text : std::string();
      if (response.length) EXPECT_EQ(answer.body.size(), *response.length);
    }
    return answer;
  }

  /// What a client does: follows `next` to the end.
  std::vector<Json> all_pages(const std::string& list, std::size_t limit) {
    std::vector<Json> items;
    const char separator = list.find('?') == std::string::npos ? '?' : '&';
    std::string target = fmt::format("{}{}limit={}", list, separator, limit);
    for (int page = 0; page < 100; ++page) {
      const Json json = get(target).json();
      EXPECT_LE(json["items"].size(), limit);
      for (const Json& item : json["items"]) items.push_back(item);
      if (json["next"].is_null()) return items;
      target = fmt::format("{}{}limit={}&cursor={}", list, separator, limit, json["next"].get<std::string>());
    }
    ADD_FAILURE() << "no end of pages";
    return items;
  }

  db::testing::TempFolder folder_;
  FakeClock clock_;
  Settings settings_ = release();
  load::Catalog catalog_;
  std::vector<report::Definition> reports_;
  bool is_admin_ = false;
  bool is_draining_ = false;
  std::unique_ptr<db::Database> database_ = db::sqlite_database(path("rowgate.db"), std::chrono::seconds(2));
  std::unique_ptr<store::Store> store_ = store::dir_store(path("files"));
  store::LinkSigner signer_{{{.id = "1", .bytes = std::string(32, 'a')}}};
  report::Links links_{*database_, *store_, signer_, clock_, {.spool = path("spool")}};
  std::ostringstream logged_;
  Log log_{{.format = LogSettings::Format::Json}, &logged_};
  Metrics metrics_{settings_, catalog_};
  runs::RunQueue queue_{*database_,
                        *store_,
                        catalog_,
                        clock_,
                        {.spool = path("spool"), .queue_limit = 4, .loads_at_once = 1, .check_threads = 1},
                        [this](const db::RunRecord& run) { metrics_.run(run); }};
  Service service_over(const Settings& settings, const load::Catalog& catalog,
                       const std::vector<report::Definition>& reports) {
    return {.settings = settings,
            .catalog = catalog,
            .reports = reports,
            .database = *database_,
            .store = *store_,
            .queue = queue_,
            .links = links_,
            .signer = signer_,
            .clock = clock_,
            .metrics = metrics_,
            .log = log_,
            .spool = path("spool"),
            .is_draining = [this] { return is_draining_; }};
  }
  Service service_ = service_over(settings_, catalog_, reports_);
  RoutedApplication application_{std::shared_ptr<Service>(std::shared_ptr<void>(), &service_)};
};

}  // namespace rowgate::api::testing

#include "api/core/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace rowgate::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class LogTest : public ::testing::Test {
 protected:
  Json line() { return Json::parse(out_.str()); }
  std::ostringstream out_;
  Log log_{{.format = LogSettings::Format::Json}, &out_};
};

TEST_F(LogTest, OneObjectALineForARequest) {
  http::Request request;
  request.method = "GET";
  request.target = "/v1/reports/hires.csv?year=2021";
  request.id = "req-1";
  request.principal = "key:reader";
  request.remote_address = "192.0.2.7";
  request.headers = {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  using namespace std::chrono_literals;
  log_.request(&request, "/v1/reports/{report}.csv", {.status = 200, .response_bytes = 103, .took = 1500us});
  const Json json = line();
  EXPECT_EQ(json["event"], "request");
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["msg"], "GET /v1/reports/hires.csv 200");
  EXPECT_EQ(json["route"], "/v1/reports/{report}.csv");
  EXPECT_EQ(json["request_id"], "req-1");
  EXPECT_EQ(json["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(json["span_id"].get<std::string>().size(), 16u);
  EXPECT_EQ(json["principal"], "key:reader");
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["ms"], 1.5);
  EXPECT_EQ(json["bytes"], 103);
  EXPECT_THAT(out_.str(), Not(HasSubstr("2021"))) << "parameters are not logged";
}

TEST_F(LogTest, SignaturesKeysAndControlCharactersStayOut) {
  http::Request request;
  request.method = "GET";
  request.target = "/d/reports/lnk_1/a.csv?e=1&k=1&s=SIGNATURE";
  request.headers = {{"authorization", "Bearer rgk_SECRET"}, {"traceparent", "00-zz\nforged"}};
  request.id = "a\nforged line";
  log_.request(&request, "/d/reports/{link}/{filename}", {.status = 403});
  EXPECT_THAT(out_.str(), Not(HasSubstr("SIGNATURE")));
  EXPECT_THAT(out_.str(), Not(HasSubstr("SECRET")));
  EXPECT_EQ(std::ranges::count(out_.str(), '\n'), 1);
  EXPECT_EQ(line()["request_id"], "a\nforged line");
  EXPECT_EQ(line()["trace_id"].get<std::string>().size(), 32u) << "a new trace where the sent one is broken";
}

TEST_F(LogTest, ProbesAreNotWorthALineUnlessTheyFail) {
  http::Request request;
  request.method = "GET";
  request.target = "/readyz";
  log_.request(&request, "/readyz", {.status = 200});
  EXPECT_EQ(out_.str(), "");
  log_.request(&request, "/readyz", {.status = 503});
  EXPECT_EQ(line()["level"], "error");
}

TEST_F(LogTest, RunsAreToldByTheirNumbers) {
  db::RunRecord run{.id = "run_1", .status = db::RunStatus::SucceededWithRejects, .table = "jobs"};
  run.rows_read = 12;
  run.rows_accepted = 11;
  run.rows_rejected = 1;
  run.started_at = {1'000'000};
  run.finished_at = {1'250'000};
  log_.run(run);
  const Json json = line();
  EXPECT_EQ(json["event"], "run");
  EXPECT_EQ(json["run_id"], "run_1");
  EXPECT_EQ(json["status"], "succeeded_with_rejects");
  EXPECT_EQ(json["table"], "jobs");
  EXPECT_EQ(json["ms"], 250.0);
  EXPECT_EQ(json["rows"], 12);
  EXPECT_EQ(json["rejected"], 1);
}

TEST_F(LogTest, ACellThatMadeARunFailIsNotLogged) {
  db::RunRecord run{.id = "run_1", .status = db::RunStatus::Failed, .table = "jobs"};
  run.error = Error{Code::LimitRejects, "1 of 1 rows were refused: `CANARY`"};
  log_.run(run);
  EXPECT_THAT(out_.str(), Not(HasSubstr("CANARY")));
  EXPECT_EQ(line()["code"], "limit.rejects");
}

TEST(Log, IsForPeopleOnATerminal) {
  std::ostringstream out;
  Log log({.format = LogSettings::Format::Pretty}, &out);
  log.event(Log::Level::Info, "listening", "http://127.0.0.1:8080");
  EXPECT_THAT(out.str(), ::testing::EndsWith(" info  http://127.0.0.1:8080\n"));
  log.event(Log::Level::Debug, "detail", "left out");
  EXPECT_THAT(out.str(), Not(HasSubstr("left out")));
}

}  // namespace
}  // namespace rowgate::api

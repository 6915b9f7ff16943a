#include "api/core/problem.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rowgate::api {
namespace {

using Json = nlohmann::json;

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

class ProblemTest : public ::testing::Test {
 protected:
  ProblemTest() {
    settings_.public_url = "https://rowgate.example.org";
    request_.id = "req-1";
  }
  Json told(const Problem& problem) {
    return Json::parse(problem_response(settings_, &request_, nullptr, problem).text);
  }
  Settings settings_;
  http::Request request_;
};

TEST_F(ProblemTest, HasTheMembersOfRfc9457) {
  const http::Response response = problem_response(
      settings_, &request_, nullptr,
      {.error = {Code::TableUnknown, "there is no table \"pepole\"", "did you mean people?"}});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(header(response, "Content-Type"), "application/problem+json; charset=utf-8");
  const Json json = Json::parse(response.text);
  EXPECT_EQ(json["type"], "https://rowgate.example.org/problems/unknown-table");
  EXPECT_EQ(json["status"], 404);
  EXPECT_EQ(json["title"], "there is no such table");
  EXPECT_EQ(json["detail"], "there is no table \"pepole\"");
  EXPECT_EQ(json["hint"], "did you mean people?");
  EXPECT_EQ(json["code"], "table.unknown");
  EXPECT_EQ(json["instance"], "req-1");
  EXPECT_EQ(json["request_id"], "req-1");
  EXPECT_FALSE(json.contains("errors"));
}

TEST_F(ProblemTest, FaultsOfTheServerAreToldInGeneral) {
  for (const Code code : {Code::InternalError, Code::DatabaseUnreachable, Code::ReportBadSql,
                          Code::StorageFull, Code::StorageDenied}) {
    const Json json = told({.error = {code, "cannot open '/var/lib/secret.db': SELECT 1", "look at /var"}});
    EXPECT_EQ(json["detail"], info(code).title);
    EXPECT_EQ(json.dump().find("/var"), std::string::npos) << json;
  }
  EXPECT_EQ(told({.error = {Code::ReportTimeout, "the query took longer than 30 s"}})["detail"],
            "the query took longer than 30 s");
}

TEST_F(ProblemTest, TellsWhenToTryAgain) {
  const http::Response response = problem_response(settings_, &request_, nullptr,
                                                   {.error = {Code::RunQueueFull, "64 loads are waiting"}});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Retry-After"), "1");
  EXPECT_EQ(Json::parse(response.text)["retry_after"], 1);
  EXPECT_EQ(told({.error = {Code::TableUnknown, "no"}}).contains("retry_after"), false);
}

TEST_F(ProblemTest, TellsTheFirstTwentyItems) {
  Problem problem{.error = {Code::LimitRejects, "30 of 30 rows were refused"}, .instance = "/v1/runs/run_1"};
  for (std::uint64_t line = 2; line < 32; ++line)
    problem.items.push_back({.code = Code::RuleRequired, .line = line, .byte = line * 10, .field = "id"});
  const Json json = told(problem);
  ASSERT_EQ(json["errors"].size(), 20u);
  EXPECT_EQ(json["errors"][0],
            Json::parse(R"({"code":"rule.required","line":2,"byte":20,"field":"id","found":""})"));
  EXPECT_EQ(json["instance"], "/v1/runs/run_1");
}

TEST_F(ProblemTest, BytesThatAreNotUtf8DoNotBreakTheJson) {
  EXPECT_EQ(told({.error = {Code::TableUnknown, "no table \xff"}})["detail"], "no table \xEF\xBF\xBD");
}

TEST_F(ProblemTest, TheOriginalApiTellsOneLineOfPlainText) {
  Route route{.errors = ErrorForm::PlainText};
  http::Response response =
      problem_response(settings_, &request_, &route, {.error = {Code::FileEmpty, "it is\nempty"}});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(header(response, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(response.text, "it is empty");
  route.error_line = [](const Settings&, const Error&) { return std::string("Cannot find data to upload"); };
  response = problem_response(settings_, &request_, &route, {.error = {Code::FileEmpty, "it is empty"}});
  EXPECT_EQ(response.text, "Cannot find data to upload");
}

}  // namespace
}  // namespace rowgate::api

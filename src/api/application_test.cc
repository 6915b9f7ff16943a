#include "api/auth.h"
#include "api/testing.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using ::testing::StartsWith;

class ApplicationTest : public testing::ApiTest {};

TEST_F(ApplicationTest, WhatIsNotThereIs404) {
  for (const char* target :
       {"/", "/v2", "/v1x", "/v1/tables/jobs/nothing", "/V1", "/v1/tables/%2e%2e/rows/x"})
    EXPECT_EQ(get(target).told(), "404 request.not_found") << target;
  const Answer slash = get("/v1/tables/");
  EXPECT_EQ(slash.told(), "404 request.not_found");
  EXPECT_EQ(slash.json()["hint"], "leave out the slash at its end");
  EXPECT_FALSE(get("/nothing/").json().contains("hint"));
}

TEST_F(ApplicationTest, AnotherMethodIs405AndToldWhichAreAllowed) {
  const Answer answer = send("PUT", "/v1/tables");
  EXPECT_EQ(answer.told(), "405 request.method_not_allowed");
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD");
  EXPECT_EQ(send("GET", "/v1/links/lnk_1").header("Allow"), "DELETE");
  EXPECT_EQ(send("TRACE", "/v1").status, 405);
  EXPECT_EQ(send("OPTIONS", "/v1").status, 405);
  EXPECT_EQ(send("get", "/v1").status, 405) << "methods are told apart by case";
}

TEST_F(ApplicationTest, HeadIsAnsweredAsGet) {
  load_jobs();
  for (const char* target :
       {"/v1", "/v1/tables", "/v1/tables/jobs/rows", "/openapi.yaml", "/readyz", "/metrics"}) {
    const Answer as_get = get(target), as_head = send("HEAD", target);
    EXPECT_EQ(as_head.status, 200) << target;
    EXPECT_EQ(as_head.header("Content-Type"), as_get.header("Content-Type")) << target;
  }
}

TEST_F(ApplicationTest, ParametersMustBeKnownAndStandOnce) {
  load_jobs();
  const Answer unknown = get("/v1/tables?limt=3");
  EXPECT_EQ(unknown.told(), "400 request.invalid");
  EXPECT_EQ(unknown.json()["hint"], "did you mean limit?");
  EXPECT_EQ(unknown.json()["errors"][0]["field"], "limt");
  EXPECT_EQ(get("/v1/tables?limit=3&limit=4").told(), "400 request.invalid");
  EXPECT_EQ(get("/v1?x").told(), "400 request.invalid");
  EXPECT_EQ(get("/livez?x=1").told(), "400 request.invalid");
  for (const char* limit : {"0", "1001", "-1", "1.5", "abc", "", "99999999999999999999"})
    EXPECT_EQ(get(std::string("/v1/tables/jobs/rows?limit=") + limit).told(), "400 request.invalid") << limit;
  EXPECT_EQ(get("/v1/tables/jobs/rows?limit=1000").status, 200);
}

TEST_F(ApplicationTest, AcceptMayExcludeEverything) {
  EXPECT_EQ(get("/v1/tables", {{"accept", "text/csv"}}).told(), "406 request.not_acceptable");
  EXPECT_EQ(get("/v1/tables", {{"accept", "text/html, */*;q=0.1"}}).status, 200);
  EXPECT_EQ(get("/livez", {{"accept", "image/png"}}).status, 200)
      << "where there is one form Accept is not asked";
}

TEST_F(ApplicationTest, TroubleOfTheConnectionIsAProblemToo) {
  http::Request unread;
  unread.id = "req-2";
  const Answer answer = read(application_.trouble(&unread, {Code::RequestMalformed, "no Host"}));
  EXPECT_EQ(answer.told(), "400 request.malformed");
  EXPECT_EQ(answer.json()["request_id"], "req-2");
  EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
  const http::Request sent = request("POST", "/v1/tables/jobs/loads");
  const Answer large = read(application_.trouble(&sent, {Code::LimitBytes, "the body is too large"}));
  EXPECT_EQ(large.told(), "413 limit.bytes");
  EXPECT_EQ(large.json()["limit"], 1 << 30);
}

TEST_F(ApplicationTest, LivezIsQuickAndNothingElseIs) {
  const auto quick = application_.quick(request("GET", "/livez"));
  ASSERT_TRUE(quick);
  EXPECT_EQ(quick->status, 200);
  EXPECT_FALSE(application_.quick(request("GET", "/readyz")));
  EXPECT_FALSE(application_.quick(request("POST", "/livez")));
  service_.is_turning = [] { return false; };
  EXPECT_EQ(application_.quick(request("GET", "/livez"))->status, 503);
}

TEST_F(ApplicationTest, WhatMayHaveToWaitHasItsOwnThreads) {
  for (const char* target : {"/readyz", "/healthz", "/metrics", "/metrics?x=1", "/%72eadyz"})
    EXPECT_EQ(application_.crew_of(request("GET", target)), http::Crew::Probes) << target;
  for (const char* target :
       {"/v1/tables", "/v1/tables/jobs/rows?limit=3", "/v1/t%61bles/jobs", "/v1/tables/jobs"})
    EXPECT_EQ(application_.crew_of(request("GET", target)), http::Crew::Readers) << target;
  for (const char* target : {"/", "/v1", "/v1/runs", "/v1/reports/hired_by_quarter", "/readyz/x", "/tables"})
    EXPECT_EQ(application_.crew_of(request("GET", target)), http::Crew::Workers) << target;
}

TEST_F(ApplicationTest, TheServiceTellsItsLimits) {
  const Json json = get("/v1").json();
  EXPECT_EQ(json["name"], "rowgate");
  EXPECT_EQ(json["limits"]["max_upload_bytes"], 1 << 30);
  EXPECT_EQ(json["limits"]["max_rejects"], "10%");
  EXPECT_EQ(get("/version").json()["commit"], "1f2e3d4c5b6a");
}

TEST_F(ApplicationTest, TheDescriptionIsServedWithItsETag) {
  const Answer yaml = get("/openapi.yaml");
  EXPECT_EQ(yaml.body, "openapi: 3.1.2\n");
  EXPECT_EQ(yaml.header("Content-Type"), "application/yaml; charset=utf-8");
  EXPECT_EQ(yaml.header("Cache-Control"), "no-cache");
  const Answer again = get("/openapi.yaml", {{"if-none-match", yaml.header("ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.header("ETag"), yaml.header("ETag"));
  EXPECT_NE(get("/openapi.json").header("ETag"), yaml.header("ETag"));
}

TEST_F(ApplicationTest, EveryCodeAndSlugHasAPage) {
  for (const CodeInfo& code : all_codes()) {
    const Json by_code = get("/problems/" + std::string(code.text), {{"accept", "application/json"}}).json();
    EXPECT_EQ(by_code["slug"], code.slug);
    const Answer page = get("/problems/" + std::string(code.slug));
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.header("Content-Type"), StartsWith("text/html"));
    EXPECT_THAT(page.body, HasSubstr(code.text));
  }
  EXPECT_THAT(get("/problems/rule.required", {{"accept", "text/plain"}}).body, HasSubstr("rule.required: "));
  EXPECT_THAT(get("/problems/csv.nul_byte").body, HasSubstr("Ada&lt;NUL&gt;Example"));
  EXPECT_EQ(get("/problems/%3Cscript%3E").told(), "404 request.not_found");
}

TEST_F(ApplicationTest, CorsIsOffUnlessOriginsAreNamed) {
  EXPECT_EQ(get("/v1", {{"origin", "https://app.example.org"}}).header("Access-Control-Allow-Origin"), "");
  settings_.cors.origins = {"https://app.example.org"};
  const Answer answer = get("/v1", {{"origin", "https://app.example.org"}});
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://app.example.org");
  EXPECT_THAT(answer.header("Access-Control-Expose-Headers"), HasSubstr("Request-Id"));
  EXPECT_EQ(answer.header("Vary"), "Origin");
  EXPECT_EQ(answer.header("Access-Control-Allow-Credentials"), "");
  const Answer other = get("/v1", {{"origin", "https://evil.example.org"}});
  EXPECT_EQ(other.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(other.header("Vary"), "Origin") << "a cache must not give it to the right origin";
  settings_.cors.credentials = true;
  EXPECT_EQ(get("/v1", {{"origin", "https://app.example.org"}}).header("Access-Control-Allow-Credentials"),
            "true");
  EXPECT_EQ(get("/openapi.yaml", {{"origin", "https://app.example.org"}, {"if-none-match", "*"}}).status,
            304);
}

TEST_F(ApplicationTest, APreflightIsAnsweredWithoutAKey) {
  settings_.needs_keys = true;
  settings_.cors.origins = {"https://app.example.org"};
  const http::Fields ask = {{"origin", "https://app.example.org"},
                            {"access-control-request-method", "DELETE"}};
  const Answer answer = send("OPTIONS", "/v1/links/lnk_1", ask);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "DELETE");
  EXPECT_THAT(answer.header("Access-Control-Allow-Headers"), HasSubstr("Authorization"));
  EXPECT_EQ(answer.header("Access-Control-Max-Age"), "7200");
  const Answer other =
      send("OPTIONS", "/v1/links/lnk_1",
           {{"origin", "https://evil.example.org"}, {"access-control-request-method", "DELETE"}});
  EXPECT_EQ(other.status, 405);
}

TEST_F(ApplicationTest, WhatMayBePostedIsToldForAnyName) {
  const Answer answer = send("OPTIONS", "/v1/tables/no_such/loads");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Upload-Limit"), "max-size=1073741824");
  EXPECT_THAT(answer.header("Accept-Post"), HasSubstr("text/csv"));
}

TEST_F(ApplicationTest, ReadinessTellsDetailsWhereNobodyElseListens) {
  Answer answer = get("/readyz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/health+json; charset=utf-8");
  EXPECT_EQ(answer.json()["checks"]["database"][0]["status"], "pass");
  EXPECT_EQ(get("/healthz").body, answer.body);
  settings_.server.listeners.push_back({.port = 9090, .is_admin = true});
  EXPECT_EQ(get("/readyz").json(), Json::parse(R"({"status":"pass"})"));
  is_admin_ = true;
  EXPECT_TRUE(get("/readyz").json().contains("checks"));
}

TEST_F(ApplicationTest, ADrainingServerIsNotReady) {
  is_draining_ = true;
  const Answer answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["checks"]["server"][0]["output"], "it is stopping");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(ApplicationTest, ABrokenDatabaseIsToldWithoutItsPath) {
  std::ofstream(path("rowgate.db")) << std::string(4096, 'x');
  const Answer answer = get("/v1/tables");
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_EQ(answer.header("Retry-After"), "5");
  EXPECT_THAT(answer.body, Not(HasSubstr(folder_.path().string())));
  EXPECT_THAT(logged_.str(), HasSubstr("\"event\":\"error\"")) << "the log has the whole of it";
  const Answer ready = get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json()["checks"]["database"][0]["status"], "fail");
  EXPECT_THAT(ready.body, Not(HasSubstr(folder_.path().string())));
}

TEST_F(ApplicationTest, AStoreThatCannotBeWrittenIsNotReady) {
  std::ofstream(path("files")) << "in the way";
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/readyz").json()["checks"]["storage"][0]["status"], "fail");
}

/// A service over a configuration of its own, as a reload makes one.
class ReloadTest : public ApplicationTest {
 protected:
  std::shared_ptr<Service> service_of(const std::shared_ptr<const Configured>& configured) {
    const auto service = std::make_shared<Service>(
        service_over(configured->settings, configured->catalog, configured->reports));
    service->configured = configured;
    return service;
  }
  static std::shared_ptr<const Configured> with_report(const Settings& settings, const std::string& name) {
    return std::make_shared<const Configured>(Configured{
        .settings = settings, .reports = {{.name = name, .title = name, .sql = "SELECT 1 AS one"}}});
  }
};

TEST_F(ReloadTest, ARequestKeepsWhatItBeganWithAndNothingElseDoes) {
  std::shared_ptr<const Configured> first = with_report(settings_, "first");
  const std::weak_ptr<const Configured> lives = first;
  application_.replace(service_of(first));
  first.reset();
  {
    http::Request begun = request("GET", "/v1/reports/first");
    auto accepted = application_.begin(begun);
    ASSERT_TRUE(std::holds_alternative<http::Accepted>(accepted));
    application_.replace(service_of(with_report(settings_, "second")));
    EXPECT_FALSE(lives.expired());
    const http::Reply reply = application_.answer(begun, nullptr);
    EXPECT_EQ(std::get<http::Response>(reply).status, 200);
    application_.finished(&begun, {.status = 200});
  }
  EXPECT_TRUE(lives.expired());
  EXPECT_EQ(get("/v1/reports/first").status, 404);
  EXPECT_EQ(get("/v1/reports/second").status, 200);
}

TEST_F(ReloadTest, KeysAreThoseOfTheConfigurationThatServes) {
  Settings closed = settings_;
  closed.needs_keys = true;
  application_.replace(service_of(with_report(closed, "first")));
  EXPECT_EQ(get("/v1/reports/first").status, 401);
  application_.replace(service_of(with_report(settings_, "first")));
  EXPECT_EQ(get("/v1/reports/first").status, 200);
}

TEST_F(ReloadTest, IsAskedForByHttp) {
  EXPECT_EQ(send("POST", "/v1/config/reload").told(), "404 request.not_found") << "as on AWS Lambda";
  service_.reload = [] { return Reloaded{.taken = {"tables.jobs"}, .tables = 3}; };
  const Answer done = send("POST", "/v1/config/reload");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.json(),
            Json::parse(R"({"taken":["tables.jobs"],"needs_restart":[],"tables":3,"reports":0,"keys":0})"));

  service_.reload = []() -> std::expected<Reloaded, std::vector<Error>> {
    return std::unexpected(std::vector<Error>{
        {Code::ConfigInvalid, "there is no setting \"limts\"", "did you mean limits?", Position{4, 1},
         "/etc/r.yaml"},
        {Code::ConfigInvalid, "the server would listen on 0.0.0.0 without asking for keys"}});
  };
  const Answer refused = send("POST", "/v1/config/reload");
  EXPECT_EQ(refused.told(), "422 config.invalid");
  EXPECT_EQ(refused.json()["errors"], Json::parse(R"([{"code":"config.invalid","file":"r.yaml","line":4,
                             "detail":"there is no setting \"limts\"","hint":"did you mean limits?"},
                            {"code":"config.invalid",
                             "detail":"the server would listen on 0.0.0.0 without asking for keys"}])"));
}

TEST_F(ApplicationTest, TheAdminListenerHasOperationsOnly) {
  settings_.server.listeners.push_back({.port = 9090, .is_admin = true});
  EXPECT_EQ(get("/metrics").told(), "404 request.not_found");
  EXPECT_EQ(get("/version").status, 200);
  is_admin_ = true;
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/v1/tables").told(), "404 request.not_found");
}

TEST_F(ApplicationTest, MetricsCountRequestsAndTables) {
  load_jobs();
  get("/v1/tables");
  get("/nothing");
  const std::string text = get("/metrics").body;
  EXPECT_THAT(text,
              HasSubstr("rowgate_http_requests_total{method=\"GET\",route=\"/v1/tables\",status=\"200\"} 1"));
  EXPECT_THAT(text,
              HasSubstr("rowgate_http_requests_total{method=\"GET\",route=\"_none\",status=\"404\"} 1"));
  EXPECT_THAT(text, HasSubstr("rowgate_http_requests_in_flight 1")) << "itself";
  EXPECT_THAT(text, HasSubstr("rowgate_table_rows{table=\"jobs\"} 5"));
  EXPECT_THAT(text, HasSubstr("rowgate_table_version{table=\"jobs\"} 1"));
  EXPECT_THAT(text, HasSubstr("rowgate_database_up{database=\"default\"} 1"));
  EXPECT_THAT(text, HasSubstr("rowgate_build_info{commit=\"1f2e3d4c5b6a\""));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes"));
  settings_.metrics = false;
  EXPECT_EQ(get("/metrics").told(), "404 request.not_found");
}

class KeysTest : public testing::ApiTest {
 protected:
  KeysTest() {
    settings_.needs_keys = true;
    load_jobs();
  }
  /// A key of these scopes, as the header that carries it.
  http::Fields key(std::vector<Scope> scopes, std::vector<std::string> tables = {"*"},
                   std::vector<std::string> reports = {"*"}) {
    const std::string random = fmt::format("{:030}", settings_.keys.size());
    const std::string text = key_from(random);
    settings_.keys.push_back({.name = fmt::format("key{}", settings_.keys.size()),
                              .sha256 = io::sha256_hex(text),
                              .scopes = std::move(scopes),
                              .tables = std::move(tables),
                              .reports = std::move(reports)});
    return {{"authorization", "Bearer " + text}};
  }
};

TEST_F(KeysTest, EveryRouteWithAScopeNeedsAKeyOfIt) {
  for (const Route& route : routes()) {
    SCOPED_TRACE(fmt::format("{} {}", route.method, route.pattern));
    std::string target(route.pattern);
    for (std::size_t open; (open = target.find('{')) != std::string::npos;)
      target.replace(open, target.find('}') - open + 1, "x");
    const int without = send(std::string(route.method), target).status;
    if (route.scope == Scope::None) {
      EXPECT_NE(without, 401);
      continue;
    }
    EXPECT_EQ(without, 401);
    for (int scope = 1; scope <= static_cast<int>(Scope::Admin); ++scope) {
      const auto each = static_cast<Scope>(scope);
      const int status = send(std::string(route.method), target, key({each})).status;
      if (each == route.scope)
        EXPECT_NE(status, 403) << name(each);
      else
        EXPECT_EQ(status, 403) << name(each);
    }
  }
}

TEST_F(KeysTest, TellsHowToAuthenticate) {
  const Answer none = get("/v1/tables");
  EXPECT_EQ(none.told(), "401 auth.unauthenticated");
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer realm=\"rowgate\"");
  const Answer wrong = get("/v1/tables", {{"x-api-key", key_from("wrongwrongwrongwrongwrongwrong")}});
  EXPECT_THAT(wrong.header("WWW-Authenticate"), HasSubstr("invalid_token"));
  const Answer other = get("/v1/tables", key({Scope::RunsRead}));
  EXPECT_EQ(other.told(), "403 auth.forbidden");
  EXPECT_THAT(other.header("WWW-Authenticate"), HasSubstr("scope=\"tables:read\""));
}

TEST_F(KeysTest, TooManyWrongKeysAre429) {
  const http::Fields wrong = {{"x-api-key", "rgk_nonsense"}};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get("/v1/tables", wrong).status, 401);
  const Answer answer = get("/v1/tables", wrong);
  EXPECT_EQ(answer.told(), "429 auth.too_many_failures");
  EXPECT_EQ(answer.header("Retry-After"), "60");
  EXPECT_EQ(get("/v1/tables", key({Scope::TablesRead})).status, 200);
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(KeysTest, TablesThatAKeyMayNotSeeAreNotThere) {
  const http::Fields reader = key({Scope::TablesRead, Scope::RunsRead}, {"dep*"});
  const Json tables = get("/v1/tables", reader).json();
  ASSERT_EQ(tables["items"].size(), 1u);
  EXPECT_EQ(tables["items"][0]["name"], "departments");
  const Answer hidden = get("/v1/tables/jobs", reader), absent = get("/v1/tables/jobz", reader);
  EXPECT_EQ(hidden.told(), "404 table.unknown");
  EXPECT_EQ(absent.told(), "404 table.unknown");
  EXPECT_FALSE(absent.json().contains("hint")) << "a hint would tell the name";
  const Json runs = get("/v1/runs", reader).json();
  ASSERT_EQ(runs["items"].size(), 1u);
  EXPECT_EQ(runs["items"][0]["table"], "departments");
  const std::string run_of_jobs = get("/v1/runs?table=jobs", key({Scope::RunsRead})).json()["items"][0]["id"];
  EXPECT_EQ(get("/v1/runs/" + run_of_jobs, reader).told(), "404 run.unknown");
  EXPECT_EQ(get("/v1/runs?table=jobs", reader).told(), "404 table.unknown");
}

TEST_F(KeysTest, ReportsThatAKeyMayNotSeeAreNotThere) {
  const http::Fields reader = key({Scope::ReportsRead}, {"*"}, {"large"});
  const Json reports = get("/v1/reports", reader).json();
  ASSERT_EQ(reports["items"].size(), 1u);
  EXPECT_EQ(reports["items"][0]["name"], "large");
  EXPECT_EQ(get("/v1/reports/jobs_from", reader).told(), "404 report.unknown");
  EXPECT_EQ(get("/v1/reports/jobs_from.csv", reader).told(), "404 report.unknown");
}

TEST_F(KeysTest, TheKeyIsLoggedByItsNameOnly) {
  const http::Fields reader = key({Scope::TablesRead});
  get("/v1/tables", reader);
  EXPECT_THAT(logged_.str(), HasSubstr("\"principal\":\"key:key0\""));
  EXPECT_THAT(logged_.str(), Not(HasSubstr(reader[0].second.substr(7))));
}

}  // namespace
}  // namespace rowgate::api

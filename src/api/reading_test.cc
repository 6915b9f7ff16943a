// The reading routes: tables, schemas, rows, runs, rejects, sources, reports, links and downloads.

#include "api/core/replies.h"
#include "api/testing.h"
#include "base/text.h"
#include "io/digest.h"
#include "load/rejects/reject_file.h"

namespace rowgate::api {
namespace {

using testing::Answer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

class ReadingTest : public testing::ApiTest {
 protected:
  std::vector<int> ids(const std::vector<Json>& rows) {
    std::vector<int> all;
    for (const Json& row : rows) all.push_back(row["id"].get<int>());
    return all;
  }
  void store_file(const std::string& key, const std::string& text) {
    const auto writer = store_->create(key);
    ASSERT_TRUE(writer && (*writer)->write(text) && (*writer)->close());
  }
};

TEST_F(ReadingTest, TablesAreListedConfiguredOnesFirst) {
  load_jobs();
  load("archive", "code,label\na,Alpha\n");
  const Json json = get("/v1/tables").json();
  ASSERT_EQ(json["items"].size(), 3u);
  EXPECT_EQ(json["items"][1]["name"], "jobs");
  EXPECT_EQ(json["items"][1]["title"], "Jobs");
  EXPECT_EQ(json["items"][1]["rows"], 5);
  EXPECT_EQ(json["items"][1]["version"], 1);
  EXPECT_EQ(json["items"][1]["last_run"]["status"], "succeeded");
  EXPECT_EQ(json["items"][2]["name"], "archive");
  EXPECT_EQ(json["items"][2]["configured"], false);
  EXPECT_TRUE(json["next"].is_null());
  EXPECT_EQ(all_pages("/v1/tables", 1).size(), 3u);
  EXPECT_EQ(all_pages("/v1/tables", 2).size(), 3u);
}

TEST_F(ReadingTest, ATableThatNoLoadHasMadeYetIsThere) {
  const Json json = get("/v1/tables/jobs").json();
  EXPECT_EQ(json["exists"], false);
  EXPECT_EQ(json["rows"], 0);
  EXPECT_TRUE(json["last_run"].is_null());
  EXPECT_EQ(get("/v1/tables/jobs/rows").json(), Json::parse(R"({"items":[],"next":null})"));
  EXPECT_EQ(get("/v1/tables/jobs/rows", {{"accept", "text/csv"}}).body, "id,job\r\n");
}

TEST_F(ReadingTest, TheETagOfATableCoversWhatIsTold) {
  load_jobs();
  const http::Fields known = {{"if-none-match", get("/v1/tables/jobs").header("ETag")}};
  EXPECT_EQ(get("/v1/tables/jobs", known).status, 304);
  load("jobs", "id,job\n6,Mason\n");
  EXPECT_EQ(get("/v1/tables/jobs", known).status, 200);
}

TEST_F(ReadingTest, NamesOfAllKindsAreJustNotThere) {
  load_jobs();
  for (const char* name :
       {"jobz", "JOBS", "jobs%00", "%2e%2e", "..%2f..%2fetc%2fpasswd", "jobs%22%3B--", "rowgate_runs",
        "ROWGATE_SCHEMA", "sqlite_schema", "%F0%9F%92%A5", "jobs%27%20OR%201%3D1"}) {
    if (std::string_view(name).find("%00") != std::string_view::npos) continue;  // the connection refuses it
    for (const char* below : {"", "/schema", "/rows", "/template.csv"})
      EXPECT_EQ(get(fmt::format("/v1/tables/{}{}", name, below)).told(), "404 table.unknown")
          << name << below;
  }
  EXPECT_EQ(get("/v1/tables/jobz").json()["hint"], "did you mean jobs?");
}

TEST_F(ReadingTest, ATableThatDiffersFromItsSchemaIsSaidToDiffer) {
  load_jobs();
  catalog_.tables[1].schema.fields.push_back({.name = "grade", .type = table::Type::Integer});
  EXPECT_EQ(get("/v1/tables/jobs/rows").told(), "409 table.differs");
  EXPECT_EQ(get("/v1/tables/jobs/rows", {{"accept", "text/csv"}}).told(), "409 table.differs");
  EXPECT_FALSE(get("/v1/tables/jobs").json()["differences"].empty());
}

TEST_F(ReadingTest, SchemasComeInThreeForms) {
  load_jobs();
  const Answer json = get("/v1/tables/jobs/schema");
  EXPECT_EQ(json.json()["primaryKey"], Json::parse(R"(["id"])"));
  EXPECT_EQ(json.header("Vary"), "Accept");
  EXPECT_EQ(json.header("Cache-Control"), "private, no-cache");
  const Answer yaml = get("/v1/tables/jobs/schema", {{"accept", "application/yaml"}});
  EXPECT_THAT(yaml.body, HasSubstr("primaryKey: [id]"));
  EXPECT_EQ(get("/v1/tables/jobs/schema?as=yaml").body, yaml.body);
  const Answer sql = get("/v1/tables/jobs/schema?as=sql&dialect=sqlite");
  EXPECT_EQ(sql.header("Content-Type"), "application/sql; charset=utf-8");
  EXPECT_THAT(sql.body, StartsWith("CREATE TABLE \"jobs\""));
  EXPECT_EQ(get("/v1/tables/jobs/schema", {{"if-none-match", json.header("ETag")}}).status, 304);
  EXPECT_EQ(get("/v1/tables/jobs/schema?as=sql&dialect=mysql").told(), "406 request.not_acceptable");
  EXPECT_EQ(get("/v1/tables/jobs/schema?as=sql&dialect=oracle").told(), "400 request.invalid");
  EXPECT_EQ(get("/v1/tables/jobs/schema?dialect=sqlite").told(), "400 request.invalid");
  EXPECT_EQ(get("/v1/tables/jobs/schema?as=xml").told(), "400 request.invalid");
  EXPECT_EQ(get("/v1/tables/jobs/schema", {{"accept", "image/png"}}).told(), "406 request.not_acceptable");
}

TEST_F(ReadingTest, ATemplateHasTheHeaderAndAnExample) {
  const Answer answer = get("/v1/tables/departments/template.csv");
  EXPECT_EQ(answer.body, "id,department\r\n1,Foundry\r\n");
  EXPECT_EQ(answer.header("Content-Disposition"),
            "attachment; filename=\"departments.csv\"; filename*=UTF-8''departments.csv");
}

TEST_F(ReadingTest, PagesOfRowsAreEveryRowOnce) {
  load_jobs();
  for (const std::size_t limit : {1u, 2u, 4u, 5u, 6u})
    EXPECT_THAT(ids(all_pages("/v1/tables/jobs/rows", limit)), ElementsAre(1, 2, 3, 4, 5)) << limit;
  const Answer first = get("/v1/tables/jobs/rows?limit=2");
  EXPECT_EQ(first.json()["items"][0], Json::parse(R"({"id":1,"job":"Baker"})"));
  EXPECT_EQ(first.header("Link"), fmt::format("</v1/tables/jobs/rows?limit=2&cursor={}>; rel=\"next\"",
                                              first.json()["next"].get<std::string>()));
}

TEST_F(ReadingTest, RowsThatCameMeanwhileStandBehindTheCursor) {
  load_jobs();
  const std::string cursor = get("/v1/tables/jobs/rows?limit=3").json()["next"];
  load("jobs", "id,job\n0,Host\n9,Mason\n");
  const Json rest = get("/v1/tables/jobs/rows?cursor=" + cursor).json();
  EXPECT_THAT(ids(rest["items"]), ElementsAre(4, 5, 9));
}

TEST_F(ReadingTest, KeysOfSeveralColumnsAndTextsArePagedToo) {
  using table::Type;
  table::TableSchema schema{
      .fields = {{.name = "name", .type = Type::String}, {.name = "id", .type = Type::Integer}},
      .primary_key = {0, 1}};
  catalog_.tables.push_back({.name = {.name = "badges"}, .schema = schema});
  load("badges", "name,id\nZo\xC3\xAB,1\n\"Sims, Jr.\",2\nZo\xC3\xAB,2\nAda,7\n\"O'Hara\",3\n");
  std::set<std::string> seen;
  for (const Json& row : all_pages("/v1/tables/badges/rows", 2)) EXPECT_TRUE(seen.insert(row.dump()).second);
  EXPECT_EQ(seen.size(), 5u);
}

TEST_F(ReadingTest, ATableWithoutKeyIsPagedWhileItStaysTheSame) {
  load("archive", "code,label\na,Alpha\nb,Beta\nc,Gamma\n");
  EXPECT_EQ(all_pages("/v1/tables/archive/rows", 2).size(), 3u);
  const std::string cursor = get("/v1/tables/archive/rows?limit=2").json()["next"];
  load("archive", "code,label\nd,Delta\n");
  EXPECT_EQ(get("/v1/tables/archive/rows?limit=2&cursor=" + cursor).told(), "400 request.bad_cursor");
}

TEST_F(ReadingTest, ACursorHoldsForItsQueryAndADay) {
  load_jobs();
  const std::string cursor = get("/v1/tables/jobs/rows?limit=2").json()["next"];
  EXPECT_EQ(get("/v1/tables/jobs/rows?limit=4&cursor=" + cursor).status, 200) << "another limit is fine";
  EXPECT_EQ(get("/v1/tables/departments/rows?cursor=" + cursor).told(), "400 request.bad_cursor");
  EXPECT_EQ(get("/v1/tables?cursor=" + cursor).told(), "400 request.bad_cursor");
  EXPECT_EQ(get("/v1/tables/jobs/rows?cursor=").told(), "400 request.bad_cursor");
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string changed = cursor;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(get("/v1/tables/jobs/rows?limit=2&cursor=" + changed).told(), "400 request.bad_cursor") << i;
  }
  clock_.advance(24h);
  EXPECT_EQ(get("/v1/tables/jobs/rows?limit=2&cursor=" + cursor).told(), "400 request.bad_cursor");
}

TEST_F(ReadingTest, CsvHasAllRowsUnlessAPageIsAskedFor) {
  load_jobs();
  const http::Fields csv = {{"accept", "text/csv"}};
  const Answer all = get("/v1/tables/jobs/rows", csv);
  EXPECT_EQ(all.body, "id,job\r\n1,Baker\r\n2,Glazier\r\n3,Miller\r\n4,Weaver\r\n5,Potter\r\n");
  EXPECT_FALSE(all.is_stream) << "it fits into one piece";
  EXPECT_EQ(all.header("Content-Type"), "text/csv; charset=utf-8");
  const Answer page = get("/v1/tables/jobs/rows?limit=2", csv);
  EXPECT_EQ(page.body, "id,job\r\n1,Baker\r\n2,Glazier\r\n");
  const std::string link = page.header("Link");
  EXPECT_EQ(get(link.substr(1, link.find('>') - 1), csv).body, "id,job\r\n3,Miller\r\n4,Weaver\r\n");
}

TEST_F(ReadingTest, AStreamOfManyRowsIsTheSameHoweverItIsRead) {
  std::string expected = "id,job\r\n", loaded = "id,job\n";
  for (int i = 1; i <= 20'000; ++i) {
    expected += fmt::format("{},Job number {}\r\n", i, i);
    loaded += fmt::format("{},Job number {}\n", i, i);
  }
  load("jobs", loaded);
  for (const std::size_t piece : {1000u, 65'536u, 1'000'000u}) {
    http::Request sent = request("GET", "/v1/tables/jobs/rows", {{"accept", "text/csv"}});
    const http::Response response = respond(sent, "");
    std::string text, buffer(piece, '\0');
    for (;;) {
      const Result<std::size_t> got = response.stream->read(buffer);
      ASSERT_TRUE(got) << to_text(got.error());
      if (*got == 0) break;
      text.append(buffer, 0, *got);
    }
    EXPECT_TRUE(text == expected) << piece;
  }
}

TEST_F(ReadingTest, APageEndsEarlyWhereRowsAreLarge) {
  std::string csv = "id,job\n";
  for (int i = 1; i <= 12; ++i) csv += fmt::format("{},{}\n", i, std::string(900'000, 'x'));
  load("jobs", csv);
  const Json first = get("/v1/tables/jobs/rows?limit=100").json();
  EXPECT_EQ(first["items"].size(), 5u) << "4 MiB are full";
  EXPECT_EQ(all_pages("/v1/tables/jobs/rows", 100).size(), 12u);
}

TEST_F(ReadingTest, RunsAreListedNewestFirst) {
  load_jobs();
  const std::string id = load("jobs", "id,job\n9,Mason\n9,Cook\n");
  const std::vector<Json> runs = all_pages("/v1/runs", 2);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0]["id"], id);
  EXPECT_EQ(all_pages("/v1/runs?table=jobs", 1).size(), 2u);
  EXPECT_EQ(get("/v1/runs?table=jobz").told(), "404 table.unknown");
}

TEST_F(ReadingTest, OneRunWithItsLinksAndETag) {
  load_jobs();
  const std::string id = load("jobs", "id,job\n9,Mason\n9,Cook\n");
  const Answer answer = get("/v1/runs/" + id);
  const Json run = answer.json();
  EXPECT_EQ(run["status"], "succeeded_with_rejects");
  EXPECT_EQ(run["rows"], Json::parse(R"({"read":2,"accepted":1,"rejected":1,"skipped":0})"));
  EXPECT_TRUE(run["phase"].is_null());
  EXPECT_TRUE(run["idempotency_key"].is_null());
  EXPECT_EQ(run["links"]["rejects"], "/v1/runs/" + id + "/rejects");
  EXPECT_EQ(run["links"]["table"], "/v1/tables/jobs");
  EXPECT_EQ(answer.header("Retry-After"), "");
  EXPECT_EQ(get("/v1/runs/" + id, {{"if-none-match", answer.header("ETag")}}).status, 304);
  for (const std::string& other : {id.substr(0, 29), std::string("run_00000000000000000000000000"),
                                   std::string("run_%2e%2e"), std::string("x"), lower_ascii(id)})
    EXPECT_EQ(get("/v1/runs/" + other).told(), "404 run.unknown") << other;
}

TEST_F(ReadingTest, RejectsComeInPagesOrAsTheRejectFile) {
  std::string csv = "id,job\n1,Baker\n";
  for (int i = 2; i <= 6; ++i) csv += fmt::format("x{},Cook\n", i);
  const std::string id = load("jobs", csv);
  const std::string list = "/v1/runs/" + id + "/rejects";
  for (const std::size_t limit : {1u, 2u, 5u, 6u}) {
    const std::vector<Json> rejects = all_pages(list, limit);
    ASSERT_EQ(rejects.size(), 5u) << limit;
    for (std::size_t i = 0; i < rejects.size(); ++i) EXPECT_EQ(rejects[i]["line"], i + 3);
  }
  const Json first = get(list).json()["items"][0];
  EXPECT_EQ(first["errors"][0]["code"], "value.not_integer");
  EXPECT_EQ(first["errors"][0]["found"], "x2");
  EXPECT_EQ(first["raw"], "x2,Cook");
  const Answer file = get(list, {{"accept", "text/csv"}});
  EXPECT_THAT(file.body, StartsWith("id,job,rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\r\nx2,Cook," +
                                    id + ",3,"));
  EXPECT_THAT(file.header("Content-Disposition"), HasSubstr(id + "-rejects.csv"));
  ASSERT_TRUE(store_->remove(load::reject_file_key(id)));
  EXPECT_EQ(get(list).told(), "410 run.rejects_expired");
  EXPECT_EQ(get(list, {{"accept", "text/csv"}}).told(), "410 run.rejects_expired");
}

TEST_F(ReadingTest, ARunThatRefusedNothingHasNoRejects) {
  const std::string id = load("jobs", "id,job\n1,Baker\n");
  EXPECT_EQ(get("/v1/runs/" + id + "/rejects").json()["items"].size(), 0u);
  EXPECT_EQ(get("/v1/runs/" + id + "/rejects", {{"accept", "text/csv"}}).body,
            "id,job,rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\r\n");
}

TEST_F(ReadingTest, TheSourceOfARunInWholeOrInPart) {
  const std::string csv = "id,job\n1,Baker\n", id = load("jobs", csv);
  const std::string target = "/v1/runs/" + id + "/source";
  EXPECT_EQ(get(target).told(), "410 run.rejects_expired");
  store_file("sources/" + id, csv);
  const Answer whole = get(target);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, csv);
  EXPECT_EQ(whole.header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(whole.header("Repr-Digest"), repr_digest(io::sha256_hex(csv)));
  EXPECT_THAT(whole.header("Content-Disposition"), HasSubstr("filename=\"jobs.csv\""));
  struct Case {
    const char* range;
    int status;
    const char* content_range;
    const char* body;
  };
  const Case cases[] = {
      {"bytes=0-5", 206, "bytes 0-5/15", "id,job"},
      {"bytes=7-", 206, "bytes 7-14/15", "1,Baker\n"},
      {"bytes=-6", 206, "bytes 9-14/15", "Baker\n"},
      {"bytes=-100", 206, "bytes 0-14/15", "id,job\n1,Baker\n"},
      {"bytes=9-1000", 206, "bytes 9-14/15", "Baker\n"},
      {"bytes=14-14", 206, "bytes 14-14/15", "\n"},
      {"bytes=15-", 416, "bytes */15", nullptr},
      {"bytes=-0", 416, "bytes */15", nullptr},
      {"bytes=0-18446744073709551615", 206, "bytes 0-14/15", "id,job\n1,Baker\n"},
      {"bytes=0-1,3-4", 200, "", "id,job\n1,Baker\n"},
      {"bytes=5-1", 200, "", "id,job\n1,Baker\n"},
      {"bytes=a-b", 200, "", "id,job\n1,Baker\n"},
      {"bytes=-", 200, "", "id,job\n1,Baker\n"},
      {"lines=1-2", 200, "", "id,job\n1,Baker\n"},
  };
  for (const Case& c : cases) {
    const Answer answer = get(target, {{"range", c.range}});
    EXPECT_EQ(answer.status, c.status) << c.range;
    EXPECT_EQ(answer.header("Content-Range"), c.content_range) << c.range;
    if (c.body != nullptr) EXPECT_EQ(answer.body, c.body) << c.range;
  }
  EXPECT_EQ(get(target, {{"range", "bytes=0-1"}, {"if-range", whole.header("ETag")}}).status, 206);
  EXPECT_EQ(get(target, {{"range", "bytes=0-1"}, {"if-range", "\"other\""}}).status, 200);
  EXPECT_EQ(send("HEAD", target, {{"range", "bytes=0-1"}}).status, 200);
  EXPECT_EQ(get(target, {{"range", "bytes=99-"}, {"if-none-match", whole.header("ETag")}}).status, 304);
}

TEST_F(ReadingTest, ReportsAreDescribedWithoutTheirSql) {
  const Answer list = get("/v1/reports");
  EXPECT_EQ(list.json()["items"].size(), 3u);
  EXPECT_THAT(list.body, Not(HasSubstr("SELECT")));
  EXPECT_EQ(all_pages("/v1/reports", 2).size(), 3u);
  const Json report = get("/v1/reports/jobs_from").json();
  EXPECT_EQ(report["params"], Json::parse(R"([{"name":"least","type":"integer","default":"1"}])"));
  EXPECT_TRUE(report["last_result"].is_null());
  EXPECT_EQ(get("/v1/reports/jobs").told(), "404 report.unknown");
}

TEST_F(ReadingTest, AReportRunsInEitherForm) {
  load_jobs();
  const Answer csv = get("/v1/reports/jobs_from.csv?least=4");
  EXPECT_EQ(csv.body, "id,job\r\n4,Weaver\r\n5,Potter\r\n");
  EXPECT_THAT(csv.header("Content-Disposition"), HasSubstr("filename=\"jobs.csv\""));
  EXPECT_EQ(csv.header("Repr-Digest"), repr_digest(io::sha256_hex(csv.body)));
  const Answer json = get("/v1/reports/jobs_from.json?least=5");
  EXPECT_EQ(json.json(), Json::parse(R"([{"id":5,"job":"Potter"}])"));
  EXPECT_THAT(json.header("Content-Disposition"), HasSubstr("filename=\"jobs.json\""));
  EXPECT_EQ(get("/v1/reports/jobs_from.xml").told(), "404 report.unknown");
}

TEST_F(ReadingTest, AReportThatFailsSaysHowBeforeItsFirstByte) {
  load_jobs();
  EXPECT_EQ(get("/v1/reports/jobs_from.csv?least=abc").told(), "400 report.bad_parameter");
  EXPECT_EQ(get("/v1/reports/jobs_from.csv?most=1").told(), "400 report.bad_parameter");
  EXPECT_EQ(get("/v1/reports/jobs_from.csv?least=1&least=2").told(), "400 report.bad_parameter");
  EXPECT_EQ(get("/v1/reports/endless.csv").told(), "504 report.timeout");
  EXPECT_EQ(get("/v1/reports/large.csv").told(), "422 report.too_large");
  EXPECT_EQ(get("/v1/reports/nothing.json").told(), "404 report.unknown");
  EXPECT_THAT(get("/metrics").body, HasSubstr("rowgate_report_failures_total{report=\"endless\"} 1"));
}

TEST_F(ReadingTest, ReportsWithoutTheirTablesTellNoSql) {
  const Answer answer = get("/v1/reports/jobs_from.csv");
  EXPECT_GE(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("SELECT")));
  EXPECT_THAT(answer.body, Not(HasSubstr("no such table")));
}

class DownloadTest : public ReadingTest {
 protected:
  DownloadTest() { load_jobs(); }
  report::MadeLink link(std::chrono::seconds life = 1h) {
    const auto made = links_.make({.report = &reports_[0], .expires_in = life});
    EXPECT_TRUE(made) << to_text(made.error());
    clock_.advance(5ms);
    return *made;
  }
};

constexpr std::string_view kJobs = "id,job\r\n1,Baker\r\n2,Glazier\r\n3,Miller\r\n4,Weaver\r\n5,Potter\r\n";

TEST_F(DownloadTest, ALinkGivesTheReport) {
  const report::MadeLink made = link();
  const Answer answer = get(made.address);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kJobs);
  EXPECT_EQ(answer.header("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(answer.header("Cache-Control"), "private, no-store");
  EXPECT_EQ(answer.header("ETag"), fmt::format("\"{}\"", made.link.sha256));
  EXPECT_EQ(answer.header("Repr-Digest"), repr_digest(io::sha256_hex(kJobs)));
  EXPECT_EQ(send("HEAD", made.address).status, 200);
  EXPECT_EQ(get(made.address, {{"range", "bytes=0-5"}}).body, "id,job");
  EXPECT_EQ(get(made.address, {{"if-none-match", answer.header("ETag")}}).status, 304);
  EXPECT_EQ(get(made.address, {{"range", "bytes=1000-"}}).told(), "416 request.range_not_satisfiable");
}

TEST_F(DownloadTest, ALinkWorksOnlyAsItWasSigned) {
  const std::string path = link().address;
  EXPECT_EQ(get(path).status, 200);
  for (std::size_t i = 3; i < path.size(); ++i) {
    std::string changed = path;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    const Answer answer = get(changed);
    EXPECT_TRUE(answer.status == 403 || answer.status == 404) << i << ": " << answer.status;
  }
  for (const char* more : {"&e=9999999999", "&x=1", "&", "&k=1"})
    EXPECT_EQ(get(path + more).status, 403) << more;
  EXPECT_EQ(get(path.substr(0, path.find('?'))).told(), "403 report.link_forged");
  EXPECT_EQ(get("/d/reports").told(), "404 request.not_found");
  EXPECT_EQ(get("/d").told(), "404 request.not_found");
}

TEST_F(DownloadTest, ALinkEndsOnTheSecond) {
  const report::MadeLink made = link(60s);
  const std::int64_t left = made.link.expires_at.micros - clock_.now().micros;
  clock_.advance(std::chrono::microseconds(left - 1));
  EXPECT_EQ(get(made.address).status, 200);
  clock_.advance(1us);
  EXPECT_EQ(get(made.address).told(), "410 report.link_expired");
  EXPECT_EQ(send("HEAD", made.address).status, 410);
}

TEST_F(DownloadTest, ARevokedLinkIsGone) {
  const report::MadeLink first = link(), second = link();
  const std::string target = "/v1/links/" + first.link.id;
  EXPECT_EQ(send("DELETE", target).status, 204);
  EXPECT_EQ(get(first.address).told(), "410 report.link_expired");
  EXPECT_EQ(get(second.address).status, 200) << "each link has bytes of its own";
  EXPECT_EQ(send("DELETE", target).status, 204) << "once more";
  EXPECT_EQ(send("DELETE", "/v1/links/lnk_00000000000000000000000000").told(), "404 report.link_unknown");
  EXPECT_EQ(send("DELETE", "/v1/links/nothing").told(), "404 report.link_unknown");
  const std::string metrics = get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("rowgate_link_downloads_total{result=\"gone\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("rowgate_link_downloads_total{result=\"ok\"} 1"));
}

TEST_F(DownloadTest, LinksAreListedWithAnAddressWhileTheyWork) {
  const report::MadeLink first = link(), second = link(60s);
  ASSERT_TRUE(links_.revoke(first.link.id));
  const std::vector<Json> all = all_pages("/v1/links", 1);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["id"], second.link.id);
  EXPECT_EQ(all[0]["url"], "http://127.0.0.1:8080" + second.address);
  EXPECT_TRUE(all[1]["url"].is_null());
  EXPECT_EQ(all[1]["report"], "jobs_from");
  EXPECT_EQ(get("/v1/reports/jobs_from").json()["last_result"]["rows"], 5);
}

TEST_F(DownloadTest, ALinkIsMadeByPosting) {
  const http::Fields json = {{"content-type", "application/json"}};
  const std::string target = "/v1/reports/jobs_from/links";
  const Answer made =
      send("POST", target, json, R"({"expires_in":60,"params":{"least":4},"filename":"late.csv"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["url"], made.header("Location"));
  EXPECT_EQ(made.json()["rows"], 2);
  EXPECT_EQ(made.json()["reused"], false);
  EXPECT_EQ(made.json()["params"], Json::parse(R"({"least":4})"));
  const std::string address = made.header("Location");
  EXPECT_EQ(get(address.substr(address.find("/d/"))).body, "id,job\r\n4,Weaver\r\n5,Potter\r\n");
  EXPECT_THAT(address, HasSubstr("/late.csv?"));
  const Answer again = send("POST", target);
  EXPECT_EQ(again.json()["rows"], 5) << "a body is not needed";
  EXPECT_EQ(send("POST", target).json()["reused"], true);
}

TEST_F(DownloadTest, WhatIsWrongWithANewLinkIsPointedAt) {
  struct Case {
    const char* body;
    const char* told;
    const char* pointer;
  };
  const Case cases[] = {
      {"{", "400 request.bad_json", ""},
      {"[]", "400 request.bad_json", ""},
      {R"({"expires":1})", "400 request.bad_json", "/expires"},
      {R"({"expires_in":"1"})", "400 request.bad_json", "/expires_in"},
      {R"({"expires_in":1.5})", "400 request.bad_json", "/expires_in"},
      {R"({"filename":7})", "400 request.bad_json", "/filename"},
      {R"({"params":[]})", "400 request.bad_json", "/params"},
      {R"({"params":{"a/b":null}})", "400 request.bad_json", "/params/a~1b"},
      {R"({"expires_in":0})", "400 report.bad_parameter", nullptr},
      {R"({"expires_in":-5})", "400 report.bad_parameter", nullptr},
      {R"({"expires_in":604801})", "400 report.bad_parameter", nullptr},
      {R"({"expires_in":18446744073709551615})", "400 request.bad_json", "/expires_in"},
      {R"({"filename":"../x.csv"})", "400 report.bad_parameter", nullptr},
      {R"({"params":{"most":1}})", "400 report.bad_parameter", nullptr},
      {R"({"params":{"least":"abc"}})", "400 report.bad_parameter", nullptr},
  };
  for (const Case& c : cases) {
    const Answer answer = send("POST", "/v1/reports/jobs_from/links",
                               {{"content-type", "application/json; charset=utf-8"}}, c.body);
    EXPECT_EQ(answer.told(), c.told) << c.body;
    if (c.pointer != nullptr && *c.pointer != '\0')
      EXPECT_EQ(answer.json()["errors"][0]["pointer"], c.pointer) << c.body;
  }
  const std::string target = "/v1/reports/jobs_from/links";
  const Answer media = send("POST", target, {{"content-type", "text/csv"}}, "{}");
  EXPECT_EQ(media.told(), "415 request.unsupported_media");
  EXPECT_EQ(media.header("Accept-Post"), "application/json");
  EXPECT_EQ(send("POST", target, {{"content-encoding", "gzip"}}, "{}").told(),
            "415 request.unsupported_encoding");
  EXPECT_EQ(send("POST", target, {{"idempotency-key", ""}}).told(), "400 request.invalid");
  const Answer large = send("POST", target, {}, std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(large.told(), "413 limit.bytes");
  EXPECT_EQ(large.json()["limit"], 1 << 20);
  EXPECT_EQ(send("POST", "/v1/reports/endless/links").told(), "504 report.timeout");
  EXPECT_EQ(send("POST", "/v1/reports/large/links").told(), "422 report.too_large");
  EXPECT_EQ(send("POST", "/v1/reports/nothing/links").told(), "404 report.unknown");
}

TEST_F(DownloadTest, ARepeatedRequestForALinkGetsTheSameOne) {
  const std::string target = "/v1/reports/jobs_from/links";
  const http::Fields key = {{"idempotency-key", "\"4d1f\""}, {"content-type", "application/json"}};
  const Answer first = send("POST", target, key, "{}"), again = send("POST", target, key, "{}");
  EXPECT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(again.json()["id"], first.json()["id"]);
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(send("POST", target, key, R"({"expires_in":60})").told(), "422 run.idempotency_reused");
}

TEST_F(DownloadTest, TheSignatureIsNotLogged) {
  const std::string path = link().address;
  get(path);
  EXPECT_THAT(logged_.str(), HasSubstr("/d/reports/lnk_"));
  EXPECT_THAT(logged_.str(), Not(HasSubstr(path.substr(path.find("&s=") + 3))));
}

}  // namespace
}  // namespace rowgate::api

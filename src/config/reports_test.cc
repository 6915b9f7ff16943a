#include "config/testing.h"

#include <gtest/gtest.h>

namespace rowgate::config {
namespace {

using namespace std::chrono_literals;

using testing::Read;
using testing::read;

TEST(ReportConfig, LinksLiveADayAndResultsFiveMinutes) {
  const Read made = read("reports: { hires: { sql: SELECT 1 } }");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  const report::Definition& report = made.config.reports.at(0);
  EXPECT_EQ(report.filename, "hires.csv");
  EXPECT_EQ(report.expires, 24h);
  EXPECT_EQ(report.reuse, 5min);
  EXPECT_FALSE(report.route);
}

TEST(ReportConfig, ReadsRouteExpiresAndReuse) {
  const Read made = read(
      "reports:\n"
      "  hires: { sql: SELECT 1, route: /first_sql_requirement, expires: 7d, reuse: 0s }\n"
      "  jobs: { sql: SELECT 1, route: /v2/Jobs-of.2021/all, expires: 1s, reuse: 1500ms }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  EXPECT_EQ(made.config.reports.at(0).route, "/first_sql_requirement");
  EXPECT_EQ(made.config.reports.at(0).expires, 168h);
  EXPECT_EQ(made.config.reports.at(0).reuse, 0ms);
  EXPECT_EQ(made.config.reports.at(1).route, "/v2/Jobs-of.2021/all");
  EXPECT_EQ(made.config.reports.at(1).expires, 1s);
  EXPECT_EQ(made.config.reports.at(1).reuse, 1500ms);
}

TEST(ReportConfig, RefusesWhatNoLinkCanBe) {
  const std::pair<const char*, const char*> cases[] = {
      {"route: hires", "reports.hires.route: a route begins with /"},
      {"route: /", "reports.hires.route: a route begins with /"},
      {"route: \"\"", "reports.hires.route: a route begins with /"},
      {"route: /hires/", "reports.hires.route: between the slashes"},
      {"route: //hires", "reports.hires.route: between the slashes"},
      {"route: /a/../v1", "reports.hires.route: between the slashes"},
      {"route: /a b", "reports.hires.route: between the slashes"},
      {"route: /a%2fb", "reports.hires.route: between the slashes"},
      {"route: \"/a?b=1\"", "reports.hires.route: between the slashes"},
      {"route: \"/{table}\"", "reports.hires.route: between the slashes"},
      {"route: /v1/reports/mine", "reports.hires.route: /v1 is an address of the server"},
      {"route: /d", "reports.hires.route: /d is an address of the server"},
      {"route: /metrics", "reports.hires.route: /metrics is an address of the server"},
      {"route: /db_migration", "reports.hires.route: /db_migration is an address of the server"},
      {"route: [a]", "reports.hires.route:"},
      {"expires: 8d", "reports.hires.expires: must be at most 604800 s"},
      {"expires: 0s", "reports.hires.expires: must be at least 1s"},
      {"expires: 1500ms", "reports.hires.expires: must be at least 1s, in whole seconds"},
      {"expires: soon", "reports.hires.expires:"},
      {"reuse: often", "reports.hires.reuse:"},
      {"filename: a/b.csv", "reports.hires.filename: `a/b.csv` cannot be the name of a file"},
      {"filename: .csv", "reports.hires.filename:"},
      {"filename: \"a b.csv\"", "reports.hires.filename:"},
      {"filename: \"a\\r\\nX: y.csv\"", "reports.hires.filename:"},
  };
  for (const auto& [setting, says] : cases) {
    SCOPED_TRACE(setting);
    const Read made = read(std::string("reports: { hires: { sql: SELECT 1, ") + setting + " } }");
    ASSERT_EQ(made.problems.size(), 1u);
    EXPECT_EQ(made.problems[0].message.substr(0, std::string_view(says).size()), says);
  }
}

TEST(ReportConfig, ARouteIsOfOneReport) {
  const Read made = read(
      "reports:\n"
      "  hires: { sql: SELECT 1, route: /hires }\n"
      "  others: { sql: SELECT 1, route: /hires }\n");
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_EQ(made.problems[0].message, "reports.others.route: the report `hires` has this route already");
}

}  // namespace
}  // namespace rowgate::config

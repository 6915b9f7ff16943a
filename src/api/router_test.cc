#include "api/router.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rowgate::api {
namespace {

using Params = std::map<std::string, std::string, std::less<>>;
using Segments = std::vector<std::string>;

struct RouteCase {
  const char* pattern;
  Segments path;
  bool fits;
  Params params;
};

const RouteCase kRouteCases[] = {
    {"/v1", {"v1"}, true, {}},
    {"/v1", {"v1", "tables"}, false, {}},
    {"/v1", {}, false, {}},
    {"/v1", {"V1"}, false, {}},
    {"/v1/tables/{table}", {"v1", "tables", "jobs"}, true, {{"table", "jobs"}}},
    {"/v1/tables/{table}", {"v1", "tables", "a/b"}, true, {{"table", "a/b"}}},
    {"/v1/tables/{table}", {"v1", "tables", ""}, false, {}},
    {"/v1/tables/{table}", {"v1", "tables"}, false, {}},
    {"/v1/tables/{table}/rows", {"v1", "tables", "jobs", "rows"}, true, {{"table", "jobs"}}},
    {"/v1/tables/{table}/rows", {"v1", "tables", "jobs"}, false, {}},
    {"/v1/reports/{report}.csv", {"v1", "reports", "hires.csv"}, true, {{"report", "hires"}}},
    {"/v1/reports/{report}.csv", {"v1", "reports", "hires.json"}, false, {}},
    {"/v1/reports/{report}.csv", {"v1", "reports", ".csv"}, false, {}},
    {"/d/{link}/{filename}", {"d", "lnk_1", "a.csv"}, true, {{"link", "lnk_1"}, {"filename", "a.csv"}}},
    {"/d/{link}/{filename}", {"d", "lnk_1", "a", "b"}, false, {}},
};

TEST(Router, FitsPathsToPatterns) {
  for (const RouteCase& c : kRouteCases) {
    SCOPED_TRACE(c.pattern);
    Params params;
    EXPECT_EQ(fits(c.pattern, c.path, params), c.fits);
    if (c.fits) {
      EXPECT_EQ(params, c.params);
    }
  }
}

TEST(Router, EveryPatternOfTheTableIsItsOwn) {
  for (const Route& route : routes()) {
    SCOPED_TRACE(route.pattern);
    EXPECT_NE(route.handle, nullptr);
    EXPECT_EQ(std::ranges::count_if(routes(),
                                    [&](const Route& other) {
                                      return other.method == route.method && other.pattern == route.pattern;
                                    }),
              1);
  }
}

TEST(Router, AllowNamesHeadWhereThereIsGet) {
  const Route get{.method = "GET"}, post{.method = "POST"};
  const Match found{.pattern = "/x", .methods = {&post, &get}, .params = {}};
  EXPECT_EQ(found.allow(), "GET, HEAD, POST");
  EXPECT_EQ(found.find("HEAD"), &get);
  EXPECT_EQ(found.find("POST"), &post);
  EXPECT_EQ(found.find("TRACE"), nullptr);
  EXPECT_EQ(found.find("get"), nullptr) << "methods are told apart by case";
}

TEST(Router, GlobsOfAllowLists) {
  EXPECT_TRUE(fits_glob("*", "anything"));
  EXPECT_TRUE(fits_glob("jobs", "jobs"));
  EXPECT_FALSE(fits_glob("jobs", "jobs2"));
  EXPECT_TRUE(fits_glob("hr_*", "hr_jobs"));
  EXPECT_FALSE(fits_glob("hr_*", "other_hr_jobs"));
  EXPECT_TRUE(fits_glob("*_archive", "jobs_archive"));
  EXPECT_TRUE(fits_glob("a*b*c", "aXbXbXc"));
  EXPECT_FALSE(fits_glob("a*b*c", "aXc"));
  EXPECT_FALSE(fits_glob("", "jobs"));
}

}  // namespace
}  // namespace rowgate::api

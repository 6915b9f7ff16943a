#include "cli/load_plan.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp

#include <fstream>

namespace rowgate::cli {
namespace {

/// A fresh folder with files, gone at the end of the test.
class LoadPlan : public ::testing::Test {
 protected:
  LoadPlan() {
    char name[] = "/tmp/rowgate-plan-XXXXXX";
    folder_ = mkdtemp(name);
    for (const char* file : {"children.csv", "parents.csv", "People 2021.csv", "parents.csv.gz"})
      std::ofstream(folder_ / file) << "id\n1\n";
    at_.loaded.config.spool_path = folder_ / "spool";
    at_.loaded.config.catalog.tables = {load::TableConfig{.name = {{}, "children"}},
                                        load::TableConfig{.name = {{}, "parents"}}};
    load::TableConfig& children = at_.loaded.config.catalog.tables[0];
    children.schema.fields = {{.name = "id"}, {.name = "parent_id"}};
    children.schema.foreign_keys = {{.fields = {1}, .table = "parents", .parent_fields = {"id"}}};
    children.max_rejects = RejectLimit{.count = 7};
    at_.loaded.config.catalog.tables[1].schema.fields = {{.name = "id"}};
    at_.loaded.config.database_path = folder_ / "none.db";
    at_.database = app::make_database(at_.config());
  }
  ~LoadPlan() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::vector<std::string> tables_of(const LoadArguments& arguments) const {
    std::vector<std::string> tables;
    const auto requests = plan_loads(at_, arguments);
    EXPECT_TRUE(requests);
    if (requests)
      for (const load::LoadRequest& request : *requests) tables.push_back(request.table.name);
    return tables;
  }
  std::vector<Code> codes_of(const LoadArguments& arguments) const {
    std::vector<Code> codes;
    if (const auto requests = plan_loads(at_, arguments); !requests)
      for (const Error& error : requests.error()) codes.push_back(error.code);
    return codes;
  }

  std::filesystem::path folder_;
  app::Opened at_;
};

using Names = std::vector<std::string>;
using Codes = std::vector<Code>;

TEST_F(LoadPlan, TakesTheTableFromTheFilesName) {
  EXPECT_EQ(tables_of({.files = {path("parents.csv")}}), Names{"parents"});
  EXPECT_EQ(tables_of({.files = {path("parents.csv.gz")}}), Names{"parents"});
  EXPECT_EQ(tables_of({.files = {path("People 2021.csv")}}), Names{"people_2021"});
  EXPECT_EQ(tables_of({.files = {path("People 2021.csv")}, .table = "parents"}), Names{"parents"});
}

TEST_F(LoadPlan, OrdersParentsBeforeChildren) {
  EXPECT_EQ(tables_of({.files = {path("children.csv"), path("parents.csv"), path("parents.csv.gz")}}),
            (Names{"parents", "parents", "children"}));
}

TEST_F(LoadPlan, TellsEveryMissingFile) {
  EXPECT_EQ(codes_of({.files = {path("no.csv"), path("parents.csv"), path("none.csv")}}),
            (Codes{Code::FileNotFound, Code::FileNotFound}));
}

TEST_F(LoadPlan, RefusesArgumentsThatMakeNoSense) {
  const std::string file = path("parents.csv");
  const LoadArguments cases[] = {
      {.files = {file}, .mode = "merge"},
      {.files = {file}, .on_reject = "stop"},
      {.files = {file}, .max_rejects = "many"},
      {.files = {file}, .delimiter = ";;"},
      {.files = {file}, .map = "a"},
      {.files = {file}, .encoding = "ebcdic"},
      {.files = {file}, .on_reject = "skip", .strict = true},
      {.files = {"-", "-"}, .table = "parents"},
      {.files = {"-"}},
  };
  for (const LoadArguments& arguments : cases) EXPECT_EQ(codes_of(arguments), Codes{Code::RequestInvalid});
}

TEST_F(LoadPlan, FlagsBeatTheTablesSettings) {
  const auto plain = plan_loads(at_, {.files = {path("children.csv")}});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->front().max_rejects.count, 7U);
  EXPECT_EQ(plain->front().schema, &at_.config().tables()[0].schema);
  EXPECT_FALSE(plain->front().abort_on_reject);
  const auto flagged = plan_loads(at_, {.files = {path("children.csv")},
                                        .mode = "upsert",
                                        .max_rejects = "3",
                                        .delimiter = "tab",
                                        .strict = true});
  ASSERT_TRUE(flagged);
  EXPECT_EQ(flagged->front().max_rejects.count, 3U);
  EXPECT_EQ(flagged->front().dialect.delimiter, '\t');
  EXPECT_EQ(flagged->front().mode, db::Mode::Upsert);
  EXPECT_TRUE(flagged->front().abort_on_reject);
}

TEST_F(LoadPlan, UnknownTablesHaveNoSchemaYet) {
  const auto requests = plan_loads(at_, {.files = {path("parents.csv")}, .table = "new_one"});
  ASSERT_TRUE(requests);
  EXPECT_EQ(requests->front().schema, nullptr);
}

}  // namespace
}  // namespace rowgate::cli

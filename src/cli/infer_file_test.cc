#include "cli/infer_file.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

TEST(TableNameTest, IsMadeOfTheFilesName) {
  const std::pair<const char*, const char*> cases[] = {
      {"jobs.csv", "jobs"},
      {"some/folder/Jobs.CSV", "jobs"},
      {"Sales 2021.csv.gz", "sales_2021"},
      {"a-b.tsv.zst", "a_b"},
      {"2021.csv", "t_2021"},
      {"rowgate_runs.csv", "t_rowgate_runs"},
      {"plain", "plain"},
      {"Gr\xC3\xB6\xC3\x9F"
       "e.csv",
       "gr____e"},
  };
  for (const auto& [file, name] : cases) {
    EXPECT_EQ(table_name_of(file), name) << file;
    EXPECT_EQ(table::why_not_a_name(table_name_of(file), false), "") << file;
  }
}

TEST(TableNameTest, IsNeverTooLong) {
  EXPECT_EQ(table_name_of(std::string(200, 'x') + ".csv"), std::string(63, 'x'));
  EXPECT_EQ(table_name_of(std::string(200, '1') + ".csv"), "t_" + std::string(61, '1'));
}

}  // namespace
}  // namespace rowgate::cli

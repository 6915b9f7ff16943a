#include "load/kept_files.h"

#include "db/testing.h"
#include "load/testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class KeptFilesTest : public ::testing::Test {
 protected:
  KeptFilesTest() : store_(store::dir_store(folder_.path())) {}

  void put(const store::FileKey& key, std::string_view bytes = "x", std::chrono::hours age = {}) {
    const Result<std::unique_ptr<store::StoreWriter>> writer = store_->create(key);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(bytes));
    ASSERT_TRUE((*writer)->close());
    fs::last_write_time(folder_.path() / key, fs::file_time_type::clock::now() - age);
  }
  std::vector<std::string> keys() {
    std::vector<std::string> all;
    for (const char* folder : {"reports", "rejects", "sources", "links"})
      for (const store::StoredFile& file : store_->list(folder).value()) all.push_back(file.key);
    return all;
  }

  db::testing::TempFolder folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(KeptFilesTest, EachKindHasItsTime) {
  const auto days = [](int count) { return std::chrono::hours(24 * count); };
  put("reports/lnk_1/a.csv", "x", days(8));
  put("reports/lnk_2/a.csv", "x", days(6));
  put("rejects/run_1.jsonl", "x", days(31));
  put("rejects/run_2.jsonl", "x", days(29));
  put("sources/run_1", "x", days(8));
  put("sources/run_2", "x", days(6));
  put("links/old", "x", days(900));
  const SystemClock clock;
  ASSERT_TRUE(sweep(*store_, Retention(), clock.now()));
  EXPECT_THAT(keys(),
              ElementsAre("reports/lnk_2/a.csv", "rejects/run_2.jsonl", "sources/run_2", "links/old"));
  EXPECT_FALSE(fs::exists(folder_.path() / "reports" / "lnk_1"));
  ASSERT_TRUE(sweep(*store_, {.sources = std::chrono::hours(1)}, clock.now()));
  EXPECT_THAT(keys(), ElementsAre("reports/lnk_2/a.csv", "rejects/run_2.jsonl", "links/old"));
}

TEST_F(KeptFilesTest, TroubleWithOneFolderDoesNotSaveTheOthers) {
  put("sources/run_1", "x", std::chrono::hours(1000));
  std::ofstream(folder_.path() / "reports") << "no folder";
  const Result<void> swept = sweep(*store_, Retention(), SystemClock().now());
  ASSERT_FALSE(swept);
  EXPECT_FALSE(fs::exists(folder_.path() / "sources" / "run_1"));
}

TEST_F(KeptFilesTest, WhatIsGoneIsToldAsExpired) {
  const db::RunRecord refused{.id = "run_1", .rows_rejected = 3};
  const db::RunRecord clean{.id = "run_2"};
  EXPECT_EQ(open_rejects(*store_, refused).error().code, Code::RunRejectsExpired);
  EXPECT_EQ(open_rejects(*store_, refused).error().message, "the rejects of run_1 are not kept any more");
  EXPECT_EQ(open_rejects(*store_, clean).error().code, Code::FileNotFound);
  EXPECT_EQ(open_source(*store_, folder_.path(), clean).error().code, Code::RunRejectsExpired);
  put("sources/run_2", "id\n");
  EXPECT_TRUE(open_source(*store_, folder_.path(), clean));
}

TEST_F(KeptFilesTest, TheFirstRejectsHaveAllTheirProblemsUpToTheLimit) {
  std::vector<RefusedRecord> records;
  for (std::uint64_t line = 2; line < 6; ++line) {
    RefusedRecord& record =
        records.emplace_back(RefusedRecord{.line = line, .record = line - 1, .raw = "x,y"});
    for (const char* field : {"id", "name"})
      record.problems.push_back({.code = Code::ValueNotInteger, .field = field, .line = line});
  }
  put("rejects/run_1.jsonl",
      load::testing::old_reject_file(
          {.run = "run_1", .table = "people", .file = "people.csv", .columns = {"id"}}, records));
  const db::RunRecord run{.id = "run_1", .rows_rejected = 4};
  const std::vector<RefusedRecord> first = first_rejects(*store_, run, 3);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].problems.size(), 2U);
  EXPECT_EQ(first[0].raw, "");
  EXPECT_EQ(first[1].line, 3U);
  ASSERT_EQ(first[1].problems.size(), 1U);
  EXPECT_EQ(first[1].problems[0].field, "id");
  EXPECT_EQ(first_rejects(*store_, run, 100).size(), 4U);
}

}  // namespace
}  // namespace rowgate::load

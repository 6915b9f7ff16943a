#include "db/server/row_log.h"

#include "db/testing.h"

namespace rowgate::db::server {
namespace {

TEST(RowLog, GivesAllBlocksBackAsOftenAsAsked) {
  const testing::TempFolder folder;
  RowLog log(folder.path() / "spool", 16);
  std::string all;
  RowLog::Block closed;
  for (int i = 0; i < 50; ++i) {
    RowLog::Block& block = log.open_block();
    const std::string row = "row " + std::to_string(i) + "\n";
    block.text += row;
    all += row;
    block.places.push_back({static_cast<std::uint64_t>(i), 1, 2, 3});
    ++block.rows;
    if (log.is_full()) ASSERT_TRUE(log.close_block(closed));
  }
  EXPECT_EQ(log.rows(), 50u);
  for (int time = 0; time < 2; ++time) {
    std::string text;
    std::vector<std::uint64_t> lines;
    ASSERT_TRUE(log.each([&](const RowLog::Block& block) -> Result<void> {
      text += block.text;
      for (const Place& place : block.places) lines.push_back(place.line);
      EXPECT_EQ(block.places.size(), block.rows);
      return {};
    }));
    EXPECT_EQ(text, all);
    ASSERT_EQ(lines.size(), 50u);
    EXPECT_EQ(lines.back(), 49u);
  }
}

TEST(RowLog, AnErrorOfTheVisitorEndsIt) {
  const testing::TempFolder folder;
  RowLog log(folder.path(), 1);
  log.open_block() = {"a\n", {}, 1};
  EXPECT_EQ(log.each([](const RowLog::Block&) -> Result<void> { return fail(Code::RunInterrupted, "no"); })
                .error()
                .code,
            Code::RunInterrupted);
}

}  // namespace
}  // namespace rowgate::db::server

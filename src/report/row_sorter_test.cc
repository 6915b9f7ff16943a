#include "report/row_sorter.h"

#include "report/sort_key.h"
#include "report/testing.h"

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

namespace rowgate::report {
namespace {

using testing::OwnedCell;
using testing::OwnedRow;
using testing::TempFolder;

rc::Gen<OwnedCell> any_cell() {
  const auto number = rc::gen::map(
      rc::gen::inRange(-5, 5), [](int n) { return OwnedCell{OutputCell::Kind::Number, std::to_string(n)}; });
  const auto text = rc::gen::map(
      rc::gen::container<std::string>(rc::gen::element('a', 'A', 'b', '\0', '\xFF')),
      [](const std::string& all) { return OwnedCell{OutputCell::Kind::Text, all.substr(0, 3)}; });
  return rc::gen::oneOf(number, text, rc::gen::just(OwnedCell{}));
}

/// By the first two columns, the second one descending; rows that are equal in both keep their order. (A
/// stable sort by hand: libstdc++ 12's own one warns of a deprecated part of itself.)
std::vector<OwnedRow> plainly_sorted(const std::vector<OwnedRow>& rows) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&rows](std::size_t a, std::size_t b) {
    if (const int first = compare(rows[a][0].view(), rows[b][0].view()); first != 0) return first < 0;
    const int second = compare(rows[a][1].view(), rows[b][1].view());
    return second != 0 ? second > 0 : a < b;
  });
  std::vector<OwnedRow> sorted;
  for (const std::size_t row : order) sorted.push_back(rows[row]);
  return sorted;
}

Result<std::vector<OwnedRow>> sorted(const std::vector<OwnedRow>& rows, const std::filesystem::path& scratch,
                                     std::size_t memory_bytes) {
  RowSorter sorter(scratch, memory_bytes);
  for (const OwnedRow& row : rows) {
    std::string key;
    append_sort_key(key, row[0].view(), false);
    append_sort_key(key, row[1].view(), true);
    TRY(sorter.add(key, testing::views(row)));
  }
  std::vector<OwnedRow> out;
  TRY(sorter.each([&out](std::span<const OutputCell> cells) -> Result<void> {
    out.push_back(testing::owned(cells));
    return {};
  }));
  return out;
}

RC_GTEST_PROP(RowSorter, SortsAsAStableSortDoesInAnyMemory, ()) {
  const TempFolder folder;
  const auto rows = *rc::gen::container<std::vector<OwnedRow>>(rc::gen::container<OwnedRow>(3, any_cell()));
  const auto memory = *rc::gen::element<std::size_t>(0, 100, 1000, 1 << 20);  // 0: each row is a part
  const Result<std::vector<OwnedRow>> out = sorted(rows, folder.path(), memory);
  RC_ASSERT(out);
  RC_ASSERT(*out == plainly_sorted(rows));
  RC_ASSERT(std::filesystem::is_empty(folder.path()));
}

/// Parts of many times the size that is read at once, and single rows larger than that.
TEST(RowSorter, SortsLargePartsAndLargeRows) {
  const TempFolder folder;
  std::vector<OwnedRow> rows;
  for (int i = 0; i < 6'000; ++i) {
    const std::size_t size = i % 500 == 0 ? 300'000 : static_cast<std::size_t>(i * 37 % 400);
    rows.push_back({{OutputCell::Kind::Number, std::to_string(i * 7919 % 1000)},
                    {},
                    {OutputCell::Kind::Text, std::to_string(i) + std::string(size, 'x')}});
  }
  const Result<std::vector<OwnedRow>> out = sorted(rows, folder.path(), 1 << 20);
  ASSERT_TRUE(out);
  EXPECT_TRUE(*out == plainly_sorted(rows));
}

TEST(RowSorter, RowsWithoutCellsAndNoRows) {
  const TempFolder folder;
  RowSorter sorter(folder.path(), 0);
  ASSERT_TRUE(sorter.add("b", {}));
  ASSERT_TRUE(sorter.add("a", {}));
  int rows = 0;
  ASSERT_TRUE(sorter.each([&rows](std::span<const OutputCell> cells) -> Result<void> {
    EXPECT_TRUE(cells.empty());
    ++rows;
    return {};
  }));
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(sorted({}, folder.path(), 100)->size(), 0u);
}

TEST(RowSorter, AnErrorOfTheVisitorOrOfTheDiskEndsIt) {
  const TempFolder folder;
  for (const std::size_t memory : {std::size_t{0}, std::size_t{1} << 20}) {
    RowSorter sorter(folder.path(), memory);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(sorter.add(std::to_string(i), {}));
    int seen = 0;
    const Result<void> done = sorter.each([&seen](std::span<const OutputCell>) -> Result<void> {
      if (++seen == 3) return fail(Code::StorageFull, "full");
      return {};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(seen, 3);
  }
  EXPECT_FALSE(sorted({{{}, {}}, {{}, {}}}, "/proc/rowgate", 0));
}

}  // namespace
}  // namespace rowgate::report

#include "io/external_sorter.h"

#include "io/testing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace rowgate::io {
namespace {

using testing::TempFolder;

/// A hash with the place of its record, as the loader sorts them.
struct Entry {
  std::uint64_t hash, record;
  friend auto operator<=>(const Entry&, const Entry&) = default;
};

template <class T>
Result<std::vector<T>> sorted(const std::vector<T>& records, const std::filesystem::path& folder,
                              std::size_t memory_bytes) {
  ExternalSorter<T> sorter(folder, memory_bytes);
  for (const T& record : records) TRY(sorter.add(record));
  if (sorter.size() != records.size()) return fail(Code::InternalError, "size() is wrong");
  TRY(sorter.finish());
  std::vector<T> out;
  for (;;) {
    TRY_ASSIGN(const std::optional<T> next, sorter.next());
    if (!next) break;
    out.push_back(*next);
  }
  TRY_ASSIGN(const std::optional<T> after, sorter.next());
  if (after) return fail(Code::InternalError, "more behind the end");
  return out;
}

std::vector<Entry> random_entries(std::size_t count, std::uint64_t different) {
  std::mt19937_64 random(7);
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < count; ++i) entries.push_back({random() % different, i});
  return entries;
}

TEST(ExternalSorter, MakesNoFileForWhatFits) {
  const TempFolder folder;
  const auto entries = random_entries(64, 1000);
  auto expected = entries;
  std::ranges::sort(expected);
  EXPECT_EQ(*sorted(entries, folder / "scratch", 64 * sizeof(Entry)), expected);
  EXPECT_TRUE(folder.entries().empty());
  EXPECT_EQ(sorted(entries, folder / "scratch", 63 * sizeof(Entry)).value(), expected);
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"scratch"}) << "one more than fits";
}

TEST(ExternalSorter, MergesManyRuns) {
  const TempFolder folder;
  // 30,000 records of 16 bytes in runs of 64: far more runs than anyone needs; then runs that are larger
  // than what is read of one at a time.
  for (const std::size_t memory : {std::size_t{1024}, std::size_t{200'000}}) {
    const auto entries = random_entries(30'000, 5000);
    auto expected = entries;
    std::ranges::sort(expected);
    EXPECT_EQ(*sorted(entries, folder.path(), memory), expected);
  }
}

TEST(ExternalSorter, KeepsRecordsThatAreEqual) {
  const TempFolder folder;
  const std::vector<int> sevens(1000, 7);
  EXPECT_EQ(*sorted(sevens, folder.path(), 100), sevens);
}

TEST(ExternalSorter, MayBeEmpty) {
  const TempFolder folder;
  EXPECT_TRUE(sorted(std::vector<int>{}, folder.path(), 100)->empty());
}

TEST(ExternalSorter, TakesRecordsOfAnySize) {
  struct Large {
    std::array<int, 10'000> numbers;
    bool operator<(const Large& other) const { return numbers < other.numbers; }
    bool operator==(const Large& other) const { return numbers == other.numbers; }
  };
  const TempFolder folder;
  std::vector<Large> records(40);
  for (std::size_t i = 0; i < records.size(); ++i) records[i].numbers.fill(static_cast<int>(i * 17 % 40));
  auto expected = records;
  std::ranges::sort(expected, std::less<>{});
  EXPECT_EQ(*sorted(records, folder.path(), 0), expected);
}

TEST(ExternalSorter, TellsAFullDisk) {
  const TempFolder folder;
  const std::string answer = testing::in_child([&] {
    testing::fill_disk_after(10'000);
    const auto result = sorted(random_entries(10'000, 100), folder.path(), 4096);
    return result ? std::string("sorted") : std::string(text(result.error().code));
  });
  EXPECT_EQ(answer, "storage.full");
}

RC_GTEST_PROP(ExternalSorterProperty, SortsAsStdSort, (const std::vector<std::int16_t>& numbers)) {
  const TempFolder folder;
  auto expected = numbers;
  std::ranges::sort(expected);
  // The smallest memory is 16 records.
  const auto memory = *rc::gen::inRange<std::size_t>(0, 200);
  RC_ASSERT(*sorted(numbers, folder.path(), memory) == expected);
}

}  // namespace
}  // namespace rowgate::io

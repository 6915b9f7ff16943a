#include "keys/key_index.h"

#include "io/testing.h"
#include "table/testing.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace rowgate::keys {
namespace {

using io::testing::TempFolder;
using table::testing::TestBatch;
using table::testing::TestCell;
using table::testing::TestRow;

/// A primary key of one integer, a unique key of a text and a number, a unique text.
table::TableSchema three_keys() {
  table::TableSchema schema = table::testing::make_schema({{"id", table::Type::Integer},
                                                           {"name", table::Type::String},
                                                           {"pay", table::Type::Number},
                                                           {"email", table::Type::String}});
  schema.unique_keys = {{1, 2}, {3}};
  return schema;
}

/// A key's value as the twin compares it; empty with a null in it. -0 is 0.
std::vector<TestCell> value_of(const TestRow& row, const std::vector<std::size_t>& fields) {
  std::vector<TestCell> value;
  for (const std::size_t field : fields) {
    if (std::holds_alternative<std::nullptr_t>(row[field])) return {};
    value.push_back(row[field]);
    if (auto* real = std::get_if<double>(&value.back()); real != nullptr && *real == 0) *real = 0.0;
  }
  return value;
}

bool less(const std::vector<TestCell>& a, const std::vector<TestCell>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (const auto* integer = std::get_if<std::int64_t>(&a[i]))
      return *integer < std::get<std::int64_t>(b[i]);
    if (const auto* real = std::get_if<double>(&a[i])) return *real < std::get<double>(b[i]);
    const std::string &left = std::get<std::string>(a[i]), &right = std::get<std::string>(b[i]);
    return left < right;
  }
  return false;
}

struct Less {
  bool operator()(const std::vector<TestCell>& a, const std::vector<TestCell>& b) const { return less(a, b); }
};

/// Few different values, so that some are equal; texts that a careless joining of fields would mix up.
rc::Gen<TestRow> any_row() {
  const auto text = rc::gen::map(rc::gen::container<std::string>(rc::gen::element('a', 'b', '\0', '\xFF')),
                                 [](const std::string& whole) { return TestCell(whole.substr(0, 2)); });
  const TestCell null = nullptr;
  const auto number =
      rc::gen::map(rc::gen::inRange<std::int64_t>(-40, 40), [](auto n) { return TestCell(n); });
  const auto or_null = [&](const rc::Gen<TestCell>& gen) {
    return rc::gen::weightedOneOf<TestCell>({{9, gen}, {1, rc::gen::just(null)}});
  };
  return rc::gen::apply([](const TestCell& id, const TestCell& name, const TestCell& pay,
                           const TestCell& email) { return TestRow{id, name, pay, email}; },
                        or_null(number), or_null(text),
                        rc::gen::element<TestCell>(nullptr, 0.0, -0.0, 1.5, -1.5, 1e300), or_null(text));
}

/// The rows in batches of a few.
template <class Visit>
void in_batches(const std::vector<TestRow>& rows, const std::vector<std::size_t>& sizes, Visit visit) {
  std::size_t at = 0, turn = 0;
  while (at < rows.size()) {
    const std::size_t size = std::min(rows.size() - at, sizes.empty() ? 7 : sizes[turn++ % sizes.size()] + 1);
    const std::vector<TestRow> part(rows.begin() + static_cast<std::ptrdiff_t>(at),
                                    rows.begin() + static_cast<std::ptrdiff_t>(at + size));
    visit(TestBatch(part, 2 + at));
    at += size;
  }
}

bool ascends(const std::vector<TestRow>& rows, const std::vector<std::size_t>& fields) {
  std::vector<TestCell> last;
  for (const TestRow& row : rows) {
    const std::vector<TestCell> value = value_of(row, fields);
    if (value.empty()) continue;
    if (!last.empty() && !less(last, value)) return false;
    last = value;
  }
  return true;
}

RC_GTEST_PROP(KeyOrder, TellsWhetherEveryKeyAscends, ()) {
  const table::TableSchema schema = three_keys();
  std::vector<TestRow> rows = *rc::gen::container<std::vector<TestRow>>(any_row());
  const std::vector<std::size_t>& by = *rc::gen::elementOf(schema.keys());
  if (*rc::gen::arbitrary<bool>()) {  // else hardly any ascends
    std::ranges::sort(rows, [&](const TestRow& a, const TestRow& b) {
      const auto left = value_of(a, by), right = value_of(b, by);
      return left.empty() != right.empty() ? right.empty() : less(left, right);
    });
  }
  KeyOrder order(schema);
  in_batches(rows, *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 9)),
             [&](const TestBatch& batch) { order.observe(batch.get()); });
  bool all = true;
  for (const auto& fields : schema.keys()) all = all && ascends(rows, fields);
  RC_ASSERT(order.all_ascend() == all);
  RC_ASSERT(order.primary_ascends() == ascends(rows, schema.primary_key));
}

TEST(KeyOrder, ASchemaWithoutKeysIsAlwaysInOrder) {
  table::TableSchema schema = three_keys();
  schema.primary_key.clear();
  schema.unique_keys.clear();
  KeyOrder order(schema);
  order.observe(TestBatch({{2, "a", 0.5, "x"}, {1, "a", 0.5, "x"}}).get());
  EXPECT_TRUE(order.all_ascend());
  EXPECT_TRUE(order.primary_ascends());
}

TEST(KeyOrder, AnEqualKeyBreaksTheOrderAcrossBatchesToo) {
  KeyOrder order(three_keys());
  order.observe(TestBatch({{1, "a", 0.5, "a"}, {2, "b", 0.5, "b"}}).get());
  EXPECT_TRUE(order.all_ascend());
  order.observe(TestBatch({{3, "b", 0.5, "c"}}, 4).get());
  EXPECT_FALSE(order.all_ascend());
  EXPECT_TRUE(order.primary_ascends());
  order.observe(TestBatch({{3, "c", 0.5, "d"}}, 5).get());
  EXPECT_FALSE(order.primary_ascends());
}

std::string text_of(const Duplicate& duplicate) {
  return fmt::format("{} after {} by key {}", duplicate.line, duplicate.first_line, duplicate.key);
}

/// The twin: for every key a map from value to the first line.
std::vector<std::string> plainly_found(const table::TableSchema& schema, const std::vector<TestRow>& rows) {
  const auto keys = schema.keys();
  std::vector<std::map<std::vector<TestCell>, std::uint64_t, Less>> first(keys.size());
  std::vector<std::string> found;
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (std::uint32_t key = 0; key < keys.size(); ++key) {
      const std::vector<TestCell> value = value_of(rows[row], keys[key]);
      if (value.empty()) continue;
      const auto [winner, is_new] = first[key].emplace(value, row + 2);
      if (!is_new) found.push_back(text_of({row + 2, winner->second, key}));
    }
  return found;
}

/// All duplicates, asked for in steps of `step` lines; each must lie in the lines of its step.
std::vector<std::string> taken(DuplicateFinder& finder, std::size_t rows, std::size_t step) {
  std::vector<std::string> found;
  for (std::uint64_t line = 1; line < rows + 2; line += step) {
    const Result<std::vector<Duplicate>> some = finder.take_until(line + step - 1);
    if (!some) return {to_text(some.error())};
    for (const Duplicate& duplicate : *some) {
      EXPECT_GE(duplicate.line, line);
      EXPECT_LT(duplicate.line, line + step);
      found.push_back(text_of(duplicate));
    }
  }
  return found;
}

RC_GTEST_PROP(DuplicateFinder, FindsWhatAMapFinds, ()) {
  const TempFolder folder;
  const table::TableSchema schema = three_keys();
  const auto rows = *rc::gen::scale(3.0, rc::gen::container<std::vector<TestRow>>(any_row()));
  std::vector<TestBatch> batches;
  in_batches(rows, {4, 0, 11}, [&](TestBatch batch) { batches.push_back(std::move(batch)); });
  if (*rc::gen::arbitrary<bool>()) std::ranges::reverse(batches);  // their order does not matter

  // As little memory as can be: 16 keys, so that most cases spill; or enough for all.
  DuplicateFinder finder(schema, folder.path(), *rc::gen::element<std::size_t>(1, 1 << 20));
  for (const TestBatch& batch : batches) RC_ASSERT(finder.add(batch.get()));
  RC_ASSERT(finder.finish());
  const auto step = *rc::gen::inRange<std::size_t>(1, 30);
  RC_ASSERT(taken(finder, rows.size(), step) == plainly_found(schema, rows));
}

TEST(DuplicateFinder, SpillsAManyTimesLargerFileAndLeavesNothing) {
  const TempFolder folder;
  const table::TableSchema schema = three_keys();
  std::vector<TestRow> rows;
  for (std::int64_t i = 0; i < 20'000; ++i)
    rows.push_back({i * 7919 % 19'000, "name" + std::to_string(i), 0.5, std::to_string(i * 31 % 19'990)});
  DuplicateFinder finder(schema, folder.path(), 64 << 10);
  in_batches(rows, {999}, [&](const TestBatch& batch) { ASSERT_TRUE(finder.add(batch.get())); });
  ASSERT_TRUE(finder.finish());
  const std::vector<std::string> found = taken(finder, rows.size(), 500);
  EXPECT_EQ(found.size(), 1000u + 10u);
  EXPECT_EQ(found, plainly_found(schema, rows));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(DuplicateFinder, AFullScratchFolderIsTold) {
  DuplicateFinder finder(three_keys(), "/proc/rowgate", 1);
  Result<void> added;
  for (std::int64_t i = 0; i < 100 && added; ++i) added = finder.add(TestBatch({{i, "a", 0.5, "b"}}).get());
  EXPECT_FALSE(added);
}

}  // namespace
}  // namespace rowgate::keys

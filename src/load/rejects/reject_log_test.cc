#include "load/rejects/reject_log.h"

#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::load {
namespace {

using table::Problem;
using table::Reject;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TempFolder;

rc::Gen<Problem> any_problem() {
  return rc::gen::build<Problem>(
      rc::gen::set(&Problem::code,
                   rc::gen::element(Code::RuleRequired, Code::CsvStrayQuote, Code::KeyNoParent)),
      rc::gen::set(&Problem::field, rc::gen::element(0u, 7u, Problem::kNoField)),
      rc::gen::set(&Problem::column, rc::gen::element(0u, 1023u, Problem::kNoField)),
      rc::gen::set(&Problem::at, rc::gen::construct<Position>(rc::gen::arbitrary<std::uint64_t>(),
                                                              rc::gen::arbitrary<std::uint64_t>())),
      rc::gen::set(&Problem::found), rc::gen::set(&Problem::detail));
}

rc::Gen<Reject> any_reject() {
  return rc::gen::build<Reject>(
      rc::gen::set(&Reject::line), rc::gen::set(&Reject::record), rc::gen::set(&Reject::offset),
      rc::gen::set(&Reject::length),
      rc::gen::set(&Reject::problems, rc::gen::container<std::vector<Problem>>(any_problem())));
}

bool equal(const Reject& a, const Reject& b) {
  return a.line == b.line && a.record == b.record && a.offset == b.offset && a.length == b.length &&
         a.problems == b.problems;
}

RC_GTEST_PROP(RejectLog, GivesBackWhatItWasGivenInOrder, ()) {
  const auto rejects = *rc::gen::container<std::vector<Reject>>(any_reject());
  RejectLog log("/proc/rowgate", 1 << 30);  // in memory: no file is tried
  for (const Reject& reject : rejects) RC_ASSERT(log.append({reject, hash_of(std::to_string(reject.line))}));
  RC_ASSERT(log.size() == rejects.size());
  for (const Reject& reject : rejects) {
    const auto read = log.next();
    RC_ASSERT(read);
    RC_ASSERT(read->has_value());
    RC_ASSERT(equal((*read)->reject, reject));
    RC_ASSERT((*read)->hash == hash_of(std::to_string(reject.line)));
  }
  const auto end = log.next();
  RC_ASSERT(end);
  RC_ASSERT(!end->has_value());
}

TEST(RejectLog, ManyRejectsGoThroughAScratchFileThatLeavesNothing) {
  const TempFolder folder;
  RejectLog log(folder.path() / "spool", 1 << 30);
  const auto reject = [](std::uint64_t i) {
    return Reject{.line = i + 2,
                  .record = i + 1,
                  .offset = i * 100,
                  .length = 99,
                  .problems = {{.code = Code::RuleRequired, .field = 1, .at = {i + 2, 5}},
                               {.code = Code::RecordTooManyFields,
                                .at = {i + 2, 1},
                                .found = std::string(i % 900, 'x'),
                                .detail = std::to_string(i)}}};
  };
  constexpr std::uint64_t kCount = 9'000;  // about 5 MiB
  for (std::uint64_t i = 0; i < kCount; ++i) ASSERT_TRUE(log.append({reject(i)}));
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const auto read = log.next();
    ASSERT_TRUE(read && *read) << i;
    ASSERT_TRUE(equal((*read)->reject, reject(i))) << i;
  }
  const auto end = log.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "spool"));
}

TEST(RejectLog, AFullLogTakesNoMore) {
  const TempFolder folder;
  RejectLog log(folder.path(), 10'000);
  std::uint64_t given = 0;
  for (; !log.is_full(); ++given) {
    ASSERT_LT(given, 1'000'000U);
    ASSERT_TRUE(log.append(
        {{.line = given * 7919 % 100'003, .record = given, .problems = {{.code = Code::RuleRequired}}}}));
  }
  ASSERT_TRUE(log.append({{.line = 1}}));
  EXPECT_EQ(log.size(), given);
}

TEST(RejectLog, KeepsTheFirstKibibyteOfALongValue) {
  RejectLog log("unused", 1 << 30);
  ASSERT_TRUE(log.append({{.problems = {{.code = Code::ValueNotInteger, .found = std::string(5000, 'x')}}}}));
  const auto read = log.next();
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->reject.problems[0].found, std::string(1024, 'x'));
}

TEST(RejectLog, WhereNoScratchFileCanBeMadeTheLoadIsTold) {
  RejectLog log("/proc/rowgate", 1 << 30);
  Result<void> appended;
  for (int i = 0; i < 3000 && appended; ++i)
    appended = log.append({{.problems = {{.code = Code::ValueNotInteger, .found = std::string(1000, 'x')}}}});
  EXPECT_FALSE(appended);
}

TEST(RejectCounts, GroupsByCodeAndFieldMostFrequentFirstThenByFirstLine) {
  const table::TableSchema schema =
      db::testing::make_schema({{"id", table::Type::Integer}, {"name", table::Type::String}});
  RejectCounts counts;
  const auto add = [&](std::uint64_t line, std::vector<Problem> problems) {
    counts.add({.line = line, .problems = std::move(problems)}, schema);
  };
  add(9, {{.code = Code::RuleRequired, .field = 1}, {.code = Code::ValueNotInteger, .field = 0}});
  add(3, {{.code = Code::RuleRequired, .field = 0}});
  add(7, {{.code = Code::RecordTooManyFields}});
  add(8, {{.code = Code::RuleRequired, .field = 1}});
  std::vector<std::string> groups;
  for (const db::RejectGroup& group : counts.groups())
    groups.push_back(
        fmt::format("{} {} {} from {}", text(group.code), group.field, group.count, group.first_line));
  EXPECT_THAT(groups, ElementsAre("rule.required name 2 from 8", "rule.required id 1 from 3",
                                  "record.too_many_fields  1 from 7", "value.not_integer id 1 from 9"));
  EXPECT_THAT(RejectCounts().groups(), IsEmpty());
}

}  // namespace
}  // namespace rowgate::load

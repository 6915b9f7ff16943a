#include "report/sort_key.h"

#include "table/value_format.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace rowgate::report {
namespace {

using Kind = OutputCell::Kind;

int sign(int order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

/// What stands in ascending order; cells of one line are equal.
const std::vector<std::vector<OutputCell>> kAscending = {
    {{Kind::Null, ""}},
    {{Kind::Number, "-1e999"}},
    {{Kind::Number, "-1e300"}},
    {{Kind::Number, "-9223372036854775809"}},
    {{Kind::Number, "-9223372036854775808"}},
    {{Kind::Number, "-9007199254740993"}},
    {{Kind::Number, "-9007199254740992"}},
    {{Kind::Number, "-12.51"}},
    {{Kind::Number, "-12.5"}, {Kind::Number, "-12.50"}, {Kind::Number, "-1.25e1"}},
    {{Kind::Number, "-12.49999999999999999999"}},
    {{Kind::Number, "-1e-300"}},
    {{Kind::Number, "0"}, {Kind::Number, "-0"}, {Kind::Number, "0.00"}, {Kind::Number, "0e7"}},
    {{Kind::Number, "1e-300"}},
    {{Kind::Number, "0.1"}, {Kind::Number, "0.10"}},
    {{Kind::Number, "9"}},
    {{Kind::Number, "10"}, {Kind::Number, "1e1"}},
    {{Kind::Number, "9007199254740992"}},
    {{Kind::Number, "9007199254740993"}},
    {{Kind::Number, "9223372036854775807"}},
    {{Kind::Number, "18446744073709551616"}},
    {{Kind::Number, "1e999"}},
    {{Kind::Text, ""}},
    {{Kind::Text, std::string_view("\0", 1)}},
    {{Kind::Text, " "}},
    {{Kind::Text, "-1"}},
    {{Kind::Text, "1"}},
    {{Kind::Text, "A"}},  // equal when folded: then the bytes decide
    {{Kind::Text, "a"}},
    {{Kind::Text, std::string_view("a\0", 2)}},
    {{Kind::Text, "a b"}},
    {{Kind::Text, "AB"}},
    {{Kind::Text, "Ab"}},
    {{Kind::Text, "aB"}},
    {{Kind::Text, "ab"}},
    {{Kind::Text, "abc"}},
    {{Kind::Text, "B"}},
    {{Kind::Boolean, "false"}},
    {{Kind::Boolean, "true"}},
    {{Kind::Text, "Z"}},
    {{Kind::Text, "\xC3\x84"}},  // A with diaeresis
    {{Kind::Text, "\xC3\xA4"}},  // the small one
    {{Kind::Text, "\xC3\xA4\x61"}},
    {{Kind::Text, "\xCE\xA3"}},  // capital sigma
    {{Kind::Text, "\xCF\x82"}},  // final sigma folds to sigma
    {{Kind::Text, "\xCF\x83"}},
    {{Kind::Text, "\xF0\x9F\x98\x80"}},
};

TEST(Compare, NullsThenNumbersByValueThenTextsFolded) {
  for (std::size_t i = 0; i < kAscending.size(); ++i)
    for (std::size_t j = 0; j < kAscending.size(); ++j)
      for (const OutputCell& left : kAscending[i])
        for (const OutputCell& right : kAscending[j])
          EXPECT_EQ(sign(compare(left, right)), i < j   ? -1
                                                : i > j ? 1
                                                        : 0)
              << left.text << " and " << right.text;
}

TEST(SortKey, OfSeveralColumnsTheFirstThatDiffersDecides) {
  const auto key = [](const OutputCell& first, bool descending, const OutputCell& second) {
    std::string out;
    append_sort_key(out, first, descending);
    append_sort_key(out, second, false);
    return out;
  };
  for (const bool descending : {false, true})
    for (const auto& left : kAscending)
      for (const auto& right : kAscending)
        for (const OutputCell& second :
             {OutputCell{}, OutputCell{Kind::Number, "5"}, OutputCell{Kind::Text, "x"}}) {
          const OutputCell third{Kind::Text, "m"};
          const int by_first = sign(compare(left[0], right[0])) * (descending ? -1 : 1);
          const int expected = by_first != 0 ? by_first : sign(compare(second, third));
          EXPECT_EQ(sign(key(left[0], descending, second).compare(key(right[0], descending, third))),
                    expected);
        }
}

RC_GTEST_PROP(SortKey, OrdersDoublesAndIntegersAsTheyCompare, ()) {
  const auto any_bits = rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) {
    const auto value = std::bit_cast<double>(bits);
    return std::isfinite(value) ? value : 0.5;
  });
  const auto number =
      rc::gen::oneOf(any_bits, rc::gen::map(rc::gen::inRange(-100, 100), [](int n) { return n / 8.0; }));
  const auto left = *number, right = *number;
  std::string left_text, right_text;
  table::append_number(left_text, left);
  table::append_number(right_text, right);
  const int expected = left < right ? -1 : left > right ? 1 : 0;
  RC_ASSERT(sign(compare({Kind::Number, left_text}, {Kind::Number, right_text})) == expected);

  const auto a = *rc::gen::arbitrary<std::int64_t>(), b = *rc::gen::arbitrary<std::int64_t>();
  RC_ASSERT(sign(compare({Kind::Number, std::to_string(a)}, {Kind::Number, std::to_string(b)})) == (a < b ? -1
                                                                                                    : a > b
                                                                                                        ? 1
                                                                                                        : 0));
}

RC_GTEST_PROP(SortKey, IsAnOrderOfAnyBytes, ()) {
  const auto bytes = rc::gen::container<std::string>(rc::gen::oneOf(
      rc::gen::element('\0', '\1', '\xFF', 'a', 'A', '\xC3', '\x84'), rc::gen::arbitrary<char>()));
  const std::string texts[3] = {*bytes, *bytes, *bytes};
  OutputCell cells[3];
  for (int i = 0; i < 3; ++i) cells[i] = {Kind::Text, texts[i]};
  RC_ASSERT((compare(cells[0], cells[1]) == 0) == (texts[0] == texts[1]));
  RC_ASSERT(sign(compare(cells[0], cells[1])) == -sign(compare(cells[1], cells[0])));
  if (compare(cells[0], cells[1]) <= 0 && compare(cells[1], cells[2]) <= 0)
    RC_ASSERT(compare(cells[0], cells[2]) <= 0);
}

}  // namespace
}  // namespace rowgate::report

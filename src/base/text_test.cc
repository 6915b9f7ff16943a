#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace rowgate {
namespace {

using namespace std::string_view_literals;

rc::Gen<std::string> any_bytes() {
  return rc::gen::container<std::string>(rc::gen::arbitrary<char>());
}

TEST(Shown, EscapesWhatCannotBeSeen) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"Ada Example", "Ada Example"},
      {"a\nb\rc\td", "a\\nb\\rc\\td"},
      {"\0\x1b[31m\x7f"sv, "\\x00\\x1b[31m\\x7f"},
      {"S\xC3\xA3o \xE2\x82\xAC \xF0\x9F\x98\x80", "S\xC3\xA3o \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"Jos\xE9", "Jos\\xe9"},
      {"\xE2\x82", "\\xe2\\x82"},
      {"\xC0\xAF", "\\xc0\\xaf"},
      {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
      {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"\xC2\x9B"
       "31m",
       "\\u009b31m"},
      {"\xC2\x80\xC2\x9F\xC2\xA0", "\\u0080\\u009f\xC2\xA0"},
      {"a\xE2\x80\xAE"
       "b",
       "a\\u202eb"},
      {"\xE2\x80\xA8\xE2\x80\xA9\xE2\x81\xA6\xE2\x81\xA9", "\\u2028\\u2029\\u2066\\u2069"},
      {"\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA",
       "\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA"},
  };
  for (const auto& [value, expected] : cases) EXPECT_EQ(shown(value), expected);
}

TEST(Shown, IsCutBetweenCharacters) {
  EXPECT_EQ(shown(std::string(80, 'a')), std::string(80, 'a'));
  EXPECT_EQ(shown(std::string(81, 'a')), std::string(80, 'a') + "...");
  EXPECT_EQ(shown("abc\xC3\xA3", 4), "abc...");
  EXPECT_EQ(shown("abc\xC3\xA3", 5), "abc\xC3\xA3");
  EXPECT_EQ(shown("abc\n", 4), "abc...") << "the escape is as wide as it is shown";
  EXPECT_EQ(shown("a", 0), "...");
}

RC_GTEST_PROP(ShownProperty, IsValidUtf8WithoutControlsAndWithinTheLimit, ()) {
  const std::string value = *any_bytes();
  const auto limit = *rc::gen::inRange<std::size_t>(0, 100);
  const std::string text = shown(value, limit);
  RC_ASSERT(text.size() <= limit + 3);
  RC_ASSERT(valid_utf8_prefix(text) == text.size());
  for (const char c : text) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

TEST(Grouped, HasACommaEveryThreeDigits) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0"},
      {999, "999"},
      {1000, "1,000"},
      {123456, "123,456"},
      {1234567, "1,234,567"},
      {UINT64_MAX, "18,446,744,073,709,551,615"},
  };
  for (const auto& [number, text] : cases) EXPECT_EQ(grouped(number), text);
}

TEST(Nearest, FindsSlipsOnly) {
  const std::vector<std::string> names = {"id", "name", "datetime", "department_id", "job_id", "x", "y"};
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"name", "name"},
      {"NAME", "name"},
      {"nane", "name"},
      {"nmae", "name"},
      {"names", "name"},
      {"nam", "name"},
      {"na", ""},
      {"surname", ""},
      {"Department-Id", "department_id"},
      {"departmnet_di", "department_id"},
      {"date", ""},
      {"X", "x"},
      {"z", ""},
      {"", ""},
      {"completely different", ""},
  };
  for (const auto& [word, expected] : cases) EXPECT_EQ(nearest(word, names), expected) << word;
  EXPECT_EQ(nearest("name", {}), "");
}

TEST(Nearest, PrefersTheNearerAndThenTheEarlier) {
  const std::vector<std::string> names = {"reports", "report", "rapport"};
  EXPECT_EQ(nearest("report", names), "report");
  EXPECT_EQ(nearest("raport", names), "report") << "one letter from both of the last two";
  EXPECT_EQ(nearest("reporst", names), "reports") << "two letters changed places";
}

TEST(Nearest, IsQuickForAWordOfMegabytes) {
  const std::vector<std::string> names(1000, std::string(60, 'a'));
  EXPECT_EQ(nearest(std::string(4 << 20, 'a'), names), "");
}

TEST(Text, LowersAsciiOnly) {
  EXPECT_EQ(lower_ascii("MiB @[`{ \xC3\x84Z"), "mib @[`{ \xC3\x84z");
}

TEST(Text, TrimsSpacesTabsAndLineEnds) {
  EXPECT_EQ(trim_spaces(" \t\r\n a b \n"), "a b");
  EXPECT_EQ(trim_spaces("a"), "a");
  EXPECT_EQ(trim_spaces(" \n"), "");
  EXPECT_EQ(trim_spaces("\v\xC2\xA0"), "\v\xC2\xA0") << "other spaces are data";
}

// Unicode 15, table 3-7: the border of each row from both sides.
TEST(Utf8, IsValidAsUnicodeSays) {
  for (const std::string_view text :
       {"\0\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xEC\xBF\xBF"sv, "\xED\x80\x80"sv,
        "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF1\x80\x80\x80"sv,
        "\xF3\xBF\xBF\xBF"sv, "\xF4\x80\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv})
    EXPECT_EQ(valid_utf8_prefix(text), text.size()) << shown(text);
  for (const std::string_view text :
       {"\x80"sv, "\xBF"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xC2"sv, "\xC2\x7F"sv, "\xC2\xC0"sv,
        "\xE0\x9F\xBF"sv, "\xE1\x80"sv, "\xE1\x80\x7F"sv, "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv,
        "\xF0\x8F\xBF\xBF"sv, "\xF0\x90\x80"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF"sv}) {
    EXPECT_EQ(valid_utf8_prefix(text), 0u) << shown(text);
    EXPECT_EQ(valid_utf8_prefix("a\xC3\xA3" + std::string(text)), 3u) << shown(text);
  }
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(count_code_points(""), 0u);
  EXPECT_EQ(count_code_points("a\xC3\xA3\xE2\x82\xAC\xF0\x9F\x98\x80"), 4u);
  EXPECT_EQ(count_code_points("e\xCC\x81"), 2u) << "a combining mark is one of its own";
}

RC_GTEST_PROP(Utf8Property, ThePrefixIsTheLongestValidOne, ()) {
  const std::string text = *any_bytes();
  const std::size_t valid = valid_utf8_prefix(text);
  RC_ASSERT(valid_utf8_prefix(std::string_view(text).substr(0, valid)) == valid);
  for (std::size_t more = valid + 1; more <= std::min(text.size(), valid + 4); ++more)
    RC_ASSERT(valid_utf8_prefix(std::string_view(text).substr(0, more)) == valid);
}

}  // namespace
}  // namespace rowgate

#include "base/json.h"

#include "base/text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace rowgate {
namespace {

using namespace std::string_view_literals;

std::string json_string(std::string_view text) {
  std::string out = "x: ";
  append_json_string(out, text);
  EXPECT_TRUE(out.starts_with("x: "));
  return out.substr(3);
}

TEST(JsonString, EscapesWhatJsonDoesNotAllow) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "\"\""},
      {"Ada Example", "\"Ada Example\""},
      {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
      {"\n\r\t", "\"\\n\\r\\t\""},
      {"\0\x01\x1f\x7f"sv, "\"\\u0000\\u0001\\u001f\x7f\""},
      {"S\xC3\xA3o \xE2\x82\xAC \xF0\x9F\x98\x80", "\"S\xC3\xA3o \xE2\x82\xAC \xF0\x9F\x98\x80\""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(json_string(text), expected);
}

TEST(JsonString, ReplacesEachByteThatIsNotUtf8) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Jos\xE9,", "\"Jos\xEF\xBF\xBD,\""},
      {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(json_string(text), expected);
}

RC_GTEST_PROP(JsonStringProperty, AnotherReaderReadsTheTextBack, (const std::string& text)) {
  const auto read = nlohmann::json::parse(json_string(text), nullptr, false);
  RC_ASSERT(read.is_string());
  if (valid_utf8_prefix(text) == text.size()) RC_ASSERT(read.get<std::string>() == text);
}

}  // namespace
}  // namespace rowgate

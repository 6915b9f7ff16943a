#include "base/node.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Node plain(std::string text) {
  return {.kind = Node::Kind::Scalar, .scalar = std::move(text), .plain = true, .at = {3, 14}};
}

Node quoted(std::string text) {
  return {.kind = Node::Kind::Scalar, .scalar = std::move(text), .at = {3, 14}};
}

Node read(std::string_view json) {
  Result<Node> node = node_from_json(json);
  EXPECT_TRUE(node) << json;
  return node ? *std::move(node) : Node{};
}

/// "line:column: message (hint)" of a failure, which must be config.invalid.
template <class T>
std::string trouble(const Result<T>& result) {
  if (result) return "none";
  EXPECT_EQ(result.error().code, Code::ConfigInvalid);
  return to_text(result.error());
}

TEST(Node, FindsMembersOfMapsOnly) {
  const Node map = read(R"({"table": "jobs", "mode": null})");
  ASSERT_NE(map.find("table"), nullptr);
  EXPECT_EQ(map.find("table")->scalar, "jobs");
  ASSERT_NE(map.find("mode"), nullptr);
  EXPECT_TRUE(map.find("mode")->is_null());
  EXPECT_EQ(map.find("Table"), nullptr);
  EXPECT_EQ(read(R"(["table"])").find("table"), nullptr);
  EXPECT_EQ(read(R"("table")").find("table"), nullptr);
}

TEST(Node, TextIsAnyScalar) {
  EXPECT_EQ(*as_text(quoted("Ada"), "x"), "Ada");
  EXPECT_EQ(*as_text(plain("007"), "x"), "007");
  EXPECT_EQ(*as_text(quoted(""), "x"), "");
  EXPECT_EQ(trouble(as_text(Node{.at = {2, 5}}, "database.url")),
            "2:5: database.url: expected a text, found nothing");
  EXPECT_EQ(trouble(as_text(read("[1]"), "database.url")),
            "1:1: database.url: expected a text, found a list");
  EXPECT_EQ(trouble(as_text(read("{}"), "database.url")), "1:1: database.url: expected a text, found a map");
}

TEST(Node, IntegerIsAWholeUnquotedNumberOf64Bits) {
  EXPECT_EQ(*as_integer(plain("0"), "x"), 0);
  EXPECT_EQ(*as_integer(plain("-9223372036854775808"), "x"), INT64_MIN);
  EXPECT_EQ(*as_integer(plain("9223372036854775807"), "x"), INT64_MAX);
  for (const char* text :
       {"", "-", "+1", "1.0", "1e3", "0x10", "12a", " 1", "1 ", "9223372036854775808", "true"})
    EXPECT_EQ(trouble(as_integer(plain(text), "limits.max_columns")),
              fmt::format("3:14: limits.max_columns: expected a whole number, found '{}'", text));
  EXPECT_EQ(trouble(as_integer(quoted("5"), "x")), "3:14: x: expected a whole number, found '5'");
  EXPECT_EQ(trouble(as_integer(Node{}, "x")), "1:1: x: expected a whole number, found nothing");
}

TEST(Node, BoolIsAnUnquotedTrueOrFalse) {
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_TRUE(*as_bool(plain(text), "x"));
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_FALSE(*as_bool(plain(text), "x"));
  for (const char* text : {"yes", "no", "on", "1", "0", "t", ""})
    EXPECT_EQ(trouble(as_bool(plain(text), "header")),
              fmt::format("3:14: header: expected true or false, found '{}'", text));
  EXPECT_EQ(trouble(as_bool(quoted("true"), "x")), "3:14: x: expected true or false, found 'true'");
}

TEST(Node, TextsAreAListOrOneScalar) {
  EXPECT_THAT(*as_texts(quoted("id"), "x"), ElementsAre("id"));
  EXPECT_THAT(*as_texts(read(R"(["id", 5, ""])"), "x"), ElementsAre("id", "5", ""));
  EXPECT_THAT(*as_texts(read("[]"), "x"), ElementsAre());
  EXPECT_EQ(trouble(as_texts(read(R"(["id", ["name"]])"), "primaryKey")),
            "1:1: primaryKey[1]: expected a text, found a list");
  EXPECT_EQ(trouble(as_texts(read("{}"), "primaryKey")), "1:1: primaryKey: expected a list, found a map");
  EXPECT_EQ(trouble(as_texts(Node{}, "primaryKey")), "1:1: primaryKey: expected a list, found nothing");
}

TEST(Node, UnknownKeysAreToldWithTheNearestOne) {
  const std::vector<std::string> known = {"path", "keep", "sources"};
  EXPECT_TRUE(check_keys(read(R"({"path": 1, "sources": 2})"), known, "storage"));
  EXPECT_TRUE(check_keys(read("{}"), known, "storage"));
  Node map = read(R"({"path": 1, "source": 2})");
  map.members[1].second.at = {9, 3};
  EXPECT_EQ(trouble(check_keys(map, known, "storage")),
            "9:3: storage: unknown key `source` (did you mean `sources`?)");
  EXPECT_EQ(trouble(check_keys(read(R"({"where": 1})"), known, "storage")),
            "1:1: storage: unknown key `where` (known are path, keep, sources)");
  EXPECT_EQ(trouble(check_keys(quoted("x"), known, "storage")), "3:14: storage: expected a map, found 'x'");
}

TEST(NodeFromJson, KeepsOrderTextsAndKinds) {
  const Node map = read(R"({"z": "a\"\u00e9", "a": [true, null, {}], "n": {"b": false}})");
  ASSERT_EQ(map.members.size(), 3u);
  EXPECT_EQ(map.members[0].first, "z");
  EXPECT_EQ(map.members[0].second.scalar, "a\"\xC3\xA9");
  EXPECT_FALSE(map.members[0].second.plain);
  const Node& list = map.members[1].second;
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_TRUE(list.items[0].plain);
  EXPECT_EQ(list.items[0].scalar, "true");
  EXPECT_TRUE(list.items[1].is_null());
  EXPECT_EQ(list.items[2].kind, Node::Kind::Map);
  EXPECT_EQ(map.find("n")->find("b")->scalar, "false");
}

TEST(NodeFromJson, NumbersKeepTheirText) {
  for (const char* number : {"0", "-7", "1.50", "1e3", "0.1", "18446744073709551615", "-9223372036854775808",
                             "12345678901234567890123", "100000000000000000000.001"}) {
    const Node node = read(number);
    EXPECT_TRUE(node.plain);
    EXPECT_EQ(node.scalar, number);
  }
}

TEST(NodeFromJson, RefusesWhatIsNoJson) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\": 1,}", "{a: 1}", "'a'", "01", "+1", ".5", "NaN",
                           "nul", "[1] 2", "\"\x01\"", "\"\xE9\"", "\"\\ud800\"", "// no\n1"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(trouble(node_from_json(text)), HasSubstr("not valid JSON at byte "));
  }
  EXPECT_EQ(trouble(node_from_json("[1, 2, x]")), "not valid JSON at byte 8");
}

TEST(NodeFromJson, RefusesANameThatStandsTwice) {
  EXPECT_EQ(trouble(node_from_json(R"({"type": "integer", "a": {"b": 1, "b": 2}})")),
            "the name `b` stands twice in one object");
  EXPECT_TRUE(node_from_json(R"([{"b": 1}, {"b": {"b": 2}}])"));
}

TEST(NodeFromJson, RefusesNestingWithoutEnd) {
  EXPECT_TRUE(node_from_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_EQ(trouble(node_from_json(std::string(101, '[') + std::string(101, ']'))),
            "JSON that nests deeper than 100 levels");
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(trouble(node_from_json(objects)), "JSON that nests deeper than 100 levels");
}

TEST(NodeFromJson, RefusesValuesWithoutEnd) {
  std::string list = "[0";
  for (int i = 0; i < 99'998; ++i) list += ",0";
  EXPECT_TRUE(node_from_json(list + "]"));
  EXPECT_EQ(trouble(node_from_json(list + ",0]")), "JSON of more than 100,000 values");
}

}  // namespace
}  // namespace rowgate

#include "table/schema.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace rowgate::table {
namespace {

constexpr const char* kFull = R"({
  "fieldsMatch": "subset",
  "missingValues": ["", "NA"],
  "primaryKey": ["id"],
  "uniqueKeys": [["name", "born"]],
  "foreignKeys": [{"fields": ["boss"], "reference": {"resource": "", "fields": ["id"]}}],
  "fields": [
    {"name": "id", "type": "integer", "constraints": {"required": true, "minimum": 1}},
    {"name": "name", "type": "string", "title": "Name: full", "constraints": {"pattern": "[A-Z].*", "maxLength": 40}},
    {"name": "born", "type": "date", "format": "%d/%m/%Y", "rowgate:aliases": ["birth date"]},
    {"name": "boss", "type": "integer", "missingValues": ["0"], "groupChar": ","},
    {"name": "pay", "type": "number", "rowgate:decimal": [10, 2], "constraints": {"minimum": "0.50", "unique": true}},
    {"name": "seen", "type": "datetime", "rowgate:timezone": "-05:30", "rowgate:precision": 3},
    {"name": "on", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"], "rowgate:trim": true}
  ]
})";

TEST(SchemaWrite, WhatIsWrittenIsReadBackTheSame) {
  const Result<TableSchema> schema = schema_from_json(kFull, "people");
  ASSERT_TRUE(schema) << to_text(schema.error());
  const std::string json = to_json(*schema);
  const Result<TableSchema> again = schema_from_json(json, "people");
  ASSERT_TRUE(again) << to_text(again.error()) << json;
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->foreign_keys[0].table, "people");
  EXPECT_EQ(again->unique_keys.size(), 2u);
  EXPECT_EQ(again->fields[5].timezone_minutes, -330);
}

/// One field with one property of its own: each must come back.
TEST(SchemaWrite, EveryPropertyIsKept) {
  const char* const fields[] = {
      R"({"name": "f", "type": "string", "format": "uuid"})",
      R"({"name": "f", "type": "string", "title": "T", "description": "D: #1", "example": "7"})",
      R"({"name": "f", "type": "string", "missingValues": []})",
      R"({"name": "f", "type": "string", "missingValues": ["", "-", "null"], "rowgate:quoted_empty": "keep"})",
      R"({"name": "f", "type": "string", "rowgate:aliases": ["a b", "\u00c4", "x\u0085y\u2028z\u007f", "\ufeffq"]})",
      R"({"name": "f", "type": "string", "constraints": {"minLength": 0, "maxLength": 9, "enum": ["1", "yes", ""]}})",
      R"({"name": "f", "type": "string", "constraints": {"pattern": "\\d+\"'#: [a-z]{2}"}})",
      R"({"name": "f", "type": "integer", "bareNumber": false, "groupChar": " "})",
      R"({"name": "f", "type": "integer", "constraints": {"exclusiveMinimum": -3, "exclusiveMaximum": 9223372036854775807}})",
      R"({"name": "f", "type": "number", "decimalChar": ",", "groupChar": ".", "rowgate:nonfinite": "accept"})",
      R"({"name": "f", "type": "number", "constraints": {"minimum": 0.5, "maximum": 1e+300}})",
      R"({"name": "f", "type": "number", "constraints": {"minimum": "0.50", "maximum": "1E3"}})",
      R"({"name": "f", "type": "number", "rowgate:decimal": [38, 0], "constraints": {"maximum": "99999999999999999999"}})",
      R"({"name": "f", "type": "boolean", "trueValues": ["on"], "falseValues": ["off", "0"]})",
      R"({"name": "f", "type": "date", "format": "%Y%m%d", "constraints": {"minimum": "20210101"}})",
      R"({"name": "f", "type": "time", "rowgate:precision": 6, "constraints": {"maximum": "12:00:00"}})",
      R"({"name": "f", "type": "datetime", "rowgate:timezone": "+14:00", "rowgate:precision": 6})",
  };
  for (const char* field : fields) {
    const Result<TableSchema> schema = schema_from_json(fmt::format(R"({{"fields": [{}]}})", field), "t");
    ASSERT_TRUE(schema) << field << to_text(schema.error());
    const auto written = nlohmann::json::parse(to_json(*schema));
    EXPECT_EQ(written["fields"][0], nlohmann::json::parse(field)) << to_json(*schema);
    const Result<TableSchema> again = schema_from_json(to_json(*schema), "t");
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_EQ(to_json(*again), to_json(*schema));
  }
}

TEST(SchemaWrite, BoundsOfNumbersAreNumbers) {
  const Result<TableSchema> schema = schema_from_json(
      R"({"fields": [{"name": "n", "type": "number", "constraints": {"minimum": "0.5", "maximum": "0.50"}},
                     {"name": "d", "type": "date", "format": "%Y%m%d", "constraints": {"minimum": 20210101}}]})",
      "t");
  ASSERT_TRUE(schema) << to_text(schema.error());
  EXPECT_THAT(to_yaml(*schema, 0), ::testing::HasSubstr("constraints: { minimum: 0.5, maximum: \"0.50\" }"));
  EXPECT_THAT(to_yaml(*schema, 0), ::testing::HasSubstr("constraints: { minimum: \"20210101\" }"));
}

TEST(SchemaWrite, YamlEscapesWhatReadersAndTerminalsObey) {
  TableSchema schema;
  schema.fields = {
      {.name = "a",
       .title = "\xC2\x85 \xC2\x9B \xE2\x80\xA8 \xE2\x80\xA9 \xEF\xBB\xBF \x7F \x1B \xC3\x84 \xC2\xA0"}};
  EXPECT_THAT(to_yaml(schema, 0), ::testing::HasSubstr(R"("\u0085 \u009b \u2028 \u2029 \ufeff \u007f \u001b )"
                                                       "\xC3\x84 \xC2\xA0\""));
}

TEST(SchemaWrite, BytesThatAreNoTextDoNotThrow) {
  TableSchema schema;
  schema.fields = {{.name = "a", .title = "caf\xE9"}};
  EXPECT_THAT(to_json(schema), ::testing::HasSubstr("caf\xEF\xBF\xBD"));
  EXPECT_THAT(to_yaml(schema, 0), ::testing::HasSubstr("caf\xEF\xBF\xBD"));
}

TEST(SchemaWrite, YamlIsForReading) {
  const Result<TableSchema> schema = schema_from_json(kFull, "people");
  ASSERT_TRUE(schema);
  const std::string yaml = to_yaml(*schema, 2);
  for (const char* line : {
           "  fieldsMatch: subset\n",
           "  missingValues: [\"\", NA]\n",
           "  primaryKey: [id]\n",
           "    - { fields: [boss], reference: { resource: people, fields: [id] } }\n",
           "    - { name: id, type: integer, constraints: { required: true, minimum: 1 } }\n",
           "title: \"Name: full\"",
           "format: \"%d/%m/%Y\"",
           "{ name: \"on\", type: boolean, trueValues: [\"yes\"], falseValues: [\"no\"], \"rowgate:trim\": "
           "true }\n",
       })
    EXPECT_THAT(yaml, ::testing::HasSubstr(line));
}

}  // namespace
}  // namespace rowgate::table

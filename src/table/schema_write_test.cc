#include "table/schema.h"

#include <gmock/gmock.h>

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
           "{ name: \"on\", type: boolean, trueValues: [\"yes\"], falseValues: [\"no\"], \"rowgate:trim\": true }\n",
       })
    EXPECT_THAT(yaml, ::testing::HasSubstr(line));
}

}  // namespace
}  // namespace rowgate::table

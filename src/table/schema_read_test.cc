#include "table/schema.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowgate::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The schema, with every problem as "message (hint)".
struct Read {
  Result<TableSchema> schema;
  std::vector<std::string> problems;
};

Read read(std::string_view json) {
  const Result<Node> node = node_from_json(json);
  if (!node) return {std::unexpected(node.error()), {"json: " + node.error().message}};
  std::vector<Error> problems;
  Read result{schema_from_node(*node, "people", "s", problems), {}};
  for (const Error& error : problems) {
    EXPECT_EQ(error.code, Code::ConfigInvalid);
    result.problems.push_back(error.message + (error.hint.empty() ? "" : " (" + error.hint + ")"));
  }
  EXPECT_EQ(result.schema.has_value(), result.problems.empty());
  return result;
}

/// Problems of a schema whose one field `f` has these members.
std::vector<std::string> problems_of_field(std::string_view members) {
  return read(fmt::format(R"({{"fields": [{{"name": "f", {}}}]}})", members)).problems;
}

TEST(SchemaRead, TakesEveryProperty) {
  const Read found = read(R"({
    "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
    "fieldsMatch": "subset", "missingValues": ["", "NA"], "primaryKey": "id", "uniqueKeys": [["name", "day"]],
    "foreignKeys": [{"fields": "boss", "reference": {"resource": "", "fields": "id"}},
                    {"fields": ["job"], "reference": {"resource": "jobs", "fields": ["id"]}}],
    "fields": [
      {"name": "id", "type": "integer", "groupChar": ",", "bareNumber": false,
       "constraints": {"minimum": 1, "maximum": "9", "required": true}},
      {"name": "name", "title": "T", "description": "D", "example": "E", "rowgate:trim": true,
       "rowgate:quoted_empty": "keep", "rowgate:aliases": ["full_name"], "missingValues": ["-"],
       "constraints": {"minLength": 1, "maxLength": 20, "pattern": "[A-Z].*", "unique": true}},
      {"name": "day", "type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "2000-01-01"}},
      {"name": "at", "type": "datetime", "rowgate:timezone": "-05:00", "rowgate:precision": 3},
      {"name": "pay", "type": "number", "decimalChar": ",", "rowgate:decimal": [10, 2],
       "constraints": {"exclusiveMinimum": "0", "exclusiveMaximum": 1e6}},
      {"name": "ratio", "type": "number", "rowgate:nonfinite": "accept"},
      {"name": "on", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
      {"name": "boss", "type": "integer"},
      {"name": "job", "type": "integer", "constraints": {"enum": [1, 2]}}]})");
  ASSERT_THAT(found.problems, IsEmpty());
  const TableSchema& schema = *found.schema;
  EXPECT_EQ(schema.fields_match, FieldsMatch::Subset);
  EXPECT_THAT(schema.missing_values, ElementsAre("", "NA"));
  EXPECT_THAT(schema.primary_key, ElementsAre(0u));
  EXPECT_THAT(schema.unique_keys, ElementsAre(ElementsAre(1u, 2u), ElementsAre(1u)));
  EXPECT_THAT(schema.keys(), ElementsAre(ElementsAre(0u), ElementsAre(1u, 2u), ElementsAre(1u)));
  ASSERT_EQ(schema.foreign_keys.size(), 2u);
  EXPECT_EQ(schema.foreign_keys[0].table, "people");
  EXPECT_THAT(schema.foreign_keys[0].parent_fields, ElementsAre("id"));
  EXPECT_EQ(schema.foreign_keys[1].table, "jobs");
  EXPECT_THAT(schema.foreign_keys[1].fields, ElementsAre(8u));
  EXPECT_EQ(schema.fields[0].constraints.minimum, "1");
  EXPECT_FALSE(schema.fields[0].bare_number);
  EXPECT_TRUE(schema.fields[1].keep_quoted_empty);
  EXPECT_THAT(schema.fields[1].missing_values.value(), ElementsAre("-"));
  EXPECT_EQ(schema.fields[3].timezone_minutes, -300);
  EXPECT_EQ(schema.fields[3].precision, 3);
  EXPECT_EQ(schema.fields[4].decimal, (Decimal{10, 2}));
  EXPECT_TRUE(schema.fields[5].accept_nonfinite);
  EXPECT_THAT(schema.fields[6].true_values, ElementsAre("yes"));
  EXPECT_THAT(schema.fields[8].constraints.enum_values, ElementsAre("1", "2"));
}

TEST(SchemaRead, DefaultsAreThoseOfTableSchema) {
  const Read found = read(R"({"fields": [{"name": "f"}]})");
  ASSERT_THAT(found.problems, IsEmpty());
  EXPECT_EQ(found.schema->fields[0].type, Type::String);
  EXPECT_EQ(found.schema->fields_match, FieldsMatch::Equal);
  EXPECT_THAT(found.schema->missing_values, ElementsAre(""));
  EXPECT_FALSE(found.schema->is_required(0));
}

TEST(SchemaRead, PrimaryKeysAreRequired) {
  const Read found = read(R"({"fields": [{"name": "f"}, {"name": "g"}], "primaryKey": ["g"]})");
  ASSERT_THAT(found.problems, IsEmpty());
  EXPECT_FALSE(found.schema->is_required(0));
  EXPECT_TRUE(found.schema->is_required(1));
}

TEST(SchemaRead, EveryProblemIsTold) {
  const Read found = read(R"({"fieldMatch": "equal", "fields": [
      {"name": "id", "type": "intger"}, {"name": "2nd"}, {"name": "ID"}, {"title": "x"}, "y"], "primaryKey": "ix"})");
  EXPECT_THAT(found.problems,
              ElementsAre("s.fieldMatch: there is no property `fieldMatch` (did you mean `fieldsMatch`?)",
                          "s.fields[0].type: there is no type `intger` (did you mean `integer`?)",
                          HasSubstr("s.fields[4]: expected a field"),
                          HasSubstr("s.fields[1].name: `2nd` does not begin"),
                          HasSubstr("s.fields[2].name: there is a field `id` already"),
                          "s.fields[3]: the field has no name",
                          "s.primaryKey: there is no field `ix` (did you mean `id`?)"));
}

TEST(SchemaRead, EveryWrongFieldIsTold) {
  struct Case {
    std::string_view members, problem;
  };
  const Case cases[] = {
      {R"("type": "list", "itemType": "object")", "items of a list cannot be of the type `object`"},
      {R"("type": "list", "delimiter": "")", "s.fields[0].delimiter: at least one character"},
      {R"("type": "geojson", "constraints": {"unique": true})", "`f` cannot be unique"},
      {R"("type": "duration", "constraints": {"minimum": "P1W"})", "`P1W` is no duration"},
      {R"("type": ["integer"])", "s.fields[0].type: expected a type, found a list"},
      {R"("type": "integer", "decimalChar": ",")", "type integer has no `decimalChar`"},
      {R"("categories": ["a"])", "`categories` is not supported yet"},
      {R"("format": "emial")", "the type string has no format `emial`"},
      {R"("type": "integer", "format": "hex")", "the type integer has no format `hex`"},
      {R"("type": "date", "format": "%Q")", "`%Q` is not known"},
      {R"("type": "date", "format": "DD/MM/YYYY")", "neither default, any nor a pattern"},
      {R"("type": "datetime", "rowgate:timezone": "Europe/Berlin")", "neither UTC nor a fixed offset"},
      {R"("type": "datetime", "rowgate:timezone": "+15:00")", "neither UTC nor a fixed offset"},
      {R"("type": "datetime", "rowgate:precision": 2)", "0, 3 or 6 digits"},
      {R"("type": "number", "decimalChar": ",", "groupChar": ",")", "s.fields[0]"},
      {R"("type": "number", "decimalChar": "")", "s.fields[0].decimalChar"},
      {R"("type": "number", "rowgate:decimal": [2, 3])", "s.fields[0].rowgate:decimal"},
      {R"("type": "number", "rowgate:decimal": 2)", "s.fields[0].rowgate:decimal"},
      {R"("type": "boolean", "trueValues": ["x"], "falseValues": ["x"])", "`x` is both true and false"},
      {R"("missingValues": ["", ""])", "`` stands twice"},
      {R"("rowgate:quoted_empty": "yes")", "neither `keep` nor `missing`"},
      {R"("rowgate:trim": "perhaps")", "rowgate:trim"},
      {R"("constraints": [])", "expected a map of constraints, found a list"},
      {R"("constraints": {"minimum": "a"})", "type string has no `minimum`"},
      {R"("constraints": {"minLength": -1})", "a length is not negative"},
      {R"("constraints": {"minLength": 3, "maxLength": 2})", "minLength 3 is more than maxLength 2"},
      {R"("constraints": {"pattern": "("})", "the pattern is not valid"},
      {R"("constraints": {"pattern": "[a-z-[aeiou]]"})", "subtraction within []"},
      {R"("constraints": {"enum": []})", "at least one value is needed here"},
      {R"("type": "integer", "constraints": {"minimum": "x"})", "`x` is no integer"},
      {R"("type": "integer", "constraints": {"minimum": 5, "maximum": 4})", "no value is left between"},
      {R"("type": "integer", "constraints": {"exclusiveMinimum": 4, "maximum": 4})",
       "no value is left between"},
      {R"("type": "integer", "constraints": {"enum": [1, "x"]})",
       "s.fields[0].constraints.enum[1]: `x` is no integer"},
      {R"("type": "date", "constraints": {"minimum": "2021-02-30"})", "day 30; February 2021 has 28 days"},
  };
  for (const Case& c : cases)
    EXPECT_THAT(problems_of_field(c.members), ElementsAre(HasSubstr(std::string(c.problem)))) << c.members;
}

TEST(SchemaRead, BoundsMayBeWrittenByTheFieldsFormatOrByDefault) {
  for (const std::string_view members :
       {R"("type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "31/12/1999"})",
        R"("type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "1999-12-31"})",
        R"("type": "number", "decimalChar": ",", "constraints": {"minimum": "1,5"})",
        R"("type": "number", "decimalChar": ",", "constraints": {"minimum": 1.5})",
        R"("type": "integer", "constraints": {"minimum": 4, "maximum": 4})"})
    EXPECT_THAT(problems_of_field(members), IsEmpty()) << members;
}

TEST(SchemaRead, EveryWrongKeyIsTold) {
  struct Case {
    std::string_view members, problem;
  };
  const Case cases[] = {
      {R"("primaryKey": [])", "a key needs at least one field"},
      {R"("primaryKey": ["a", "a"])", "`a` stands twice"},
      {R"("primaryKey": {"a": 1})", "expected a field name or a list of them, found a map"},
      {R"("uniqueKeys": "a")", "s.uniqueKeys: expected a list of keys"},
      {R"("foreignKeys": [{"fields": "a"}])", "a foreign key needs `fields` and `reference`"},
      {R"("foreignKeys": [{"fields": "a", "reference": {"resource": "t"}}])",
       "the referenced `fields` are missing"},
      {R"("foreignKeys": [{"fields": "a", "reference": {"resource": "t", "fields": ["x", "y"]}}])",
       "1 fields refer to 2"},
      {R"("foreignKeys": [{"fields": "a", "reference": {"fields": "x"}}])", "there is no field `x`"},
      {R"("foreignKeys": [{"fields": "a", "reference": {"resource": "rowgate_runs", "fields": "x"}}])",
       "rowgate_"},
      {R"("fieldsMatch": "same")", "`same` is none of exact, equal"},
  };
  for (const Case& c : cases) {
    const auto problems =
        read(fmt::format(R"({{"fields": [{{"name": "a"}}, {{"name": "b"}}], {}}})", c.members)).problems;
    ASSERT_FALSE(problems.empty()) << c.members;
    EXPECT_THAT(problems[0], HasSubstr(std::string(c.problem))) << c.members;
  }
}

TEST(SchemaRead, KeysAreTakenOnce) {
  const Read found = read(R"({"fields": [{"name": "a", "constraints": {"unique": true}}, {"name": "b"}],
      "primaryKey": ["a"], "uniqueKeys": [["a"], ["a", "b"], ["b", "a"]]})");
  ASSERT_THAT(found.problems, IsEmpty());
  EXPECT_THAT(found.schema->unique_keys, ElementsAre(ElementsAre(0u, 1u)));
}

TEST(SchemaRead, FieldsAreNeeded) {
  EXPECT_THAT(read("{}").problems, ElementsAre("s: `fields` is missing"));
  EXPECT_THAT(read("[]").problems, ElementsAre(HasSubstr("s: expected a schema")));
  EXPECT_THAT(read(R"({"fields": []})").problems, ElementsAre(HasSubstr("at least one field")));
  EXPECT_THAT(read(R"({"fields": {"name": "a"}})").problems,
              ElementsAre(HasSubstr("expected a list of fields")));
}

TEST(SchemaRead, NamesFitEveryDatabase) {
  for (const std::string& name : {std::string("a"), std::string("_x9"), std::string(63, 'a')})
    EXPECT_EQ(why_not_a_name(name, true), "") << name;
  for (const std::string& name : {std::string(), std::string("9a"), std::string("a b"), std::string("a-b"),
                                  std::string(64, 'a'), std::string("rg_line"), std::string("RG_x"),
                                  std::string("rowgate_x"), std::string("__rg_x"), std::string("\xC3\xA4")})
    EXPECT_NE(why_not_a_name(name, true), "") << name;
  EXPECT_EQ(why_not_a_name("rg_line", false), "");
  EXPECT_NE(why_not_a_name("rowgate_runs", false), "");
}

}  // namespace
}  // namespace rowgate::table

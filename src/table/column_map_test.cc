#include "table/column_map.h"

#include <gmock/gmock.h>

namespace rowgate::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

csv::Opening opening_of(const std::vector<std::string>& header) {
  csv::Opening opening{.header = header, .columns = header.size()};
  std::uint32_t at = 1;
  for (const std::string& name : header) {
    opening.header_columns.push_back(at);
    at += static_cast<std::uint32_t>(name.size()) + 1;
  }
  return opening;
}

TableSchema schema_of(FieldsMatch rule) {
  TableSchema schema{
      .fields = {{.name = "id"}, {.name = "name", .aliases = {"nom"}}, {.name = "department_id"}},
      .fields_match = rule};
  return schema;
}

struct MapCase {
  const char* what;
  FieldsMatch rule;
  std::vector<std::string> header;
  std::vector<int> columns;  ///< empty: refused
  const char* part = "";     ///< of message and hint
  NameMap map = {};
};

TEST(ColumnMap, FollowsFieldsMatch) {
  using enum FieldsMatch;
  const MapCase cases[] = {
      {"equal", Equal, {"id", "name", "department_id"}, {0, 1, 2}},
      {"equal in any order", Equal, {"department_id", "id", "name"}, {1, 2, 0}},
      {"spaces around", Equal, {" id", "name ", "department_id"}, {0, 1, 2}},
      {"alias", Equal, {"id", "nom", "department_id"}, {0, 1, 2}},
      {"map", Equal, {"id", "x", "department_id"}, {0, 1, 2}, "", {{"x", "name"}}},
      {"case counts", Equal, {"ID", "name", "department_id"}, {}, "`ID` is not a field"},
      {"unknown and missing",
       Equal,
       {"id", "full_name", "dept"},
       {},
       "--map full_name:name,dept:department_id"},
      {"spaces, quoted for a shell",
       Equal,
       {"id", "Full Name", "Dept"},
       {},
       "--map \"Full Name:name,Dept:department_id\""},
      {"map given is kept",
       Equal,
       {"id", "x", "dept"},
       {},
       "--map x:name,dept:department_id",
       {{"x", "name"}}},
      {"missing", Equal, {"id", "name"}, {}, "`department_id` is missing"},
      {"exact", Exact, {"id", "name", "department_id"}, {0, 1, 2}},
      {"exact in another order",
       Exact,
       {"name", "id", "department_id"},
       {},
       "`name` stands where `id` should"},
      {"subset", Subset, {"id", "x", "name", "department_id"}, {0, 2, 3}},
      {"subset misses one", Subset, {"id", "x", "name"}, {}, "`department_id` is missing"},
      {"superset", Superset, {"name"}, {-1, 0, -1}},
      {"superset with another", Superset, {"name", "x"}, {}, "`x` is not a field"},
      {"partial", Partial, {"name", "x"}, {-1, 0, -1}},
      {"partial without any", Partial, {"x"}, {}, "no column is a field"},
      {"one field twice", Equal, {"id", "name", "nom", "department_id"}, {}, "the second is `nom`"},
      {"map to nothing", Equal, {"id", "name", "department_id"}, {}, "did you mean `name`", {{"id", "nam"}}},
      {"map from nothing",
       Equal,
       {"id", "name", "department_id"},
       {},
       "the file does not have",
       {{"y", "name"}}},
  };
  for (const MapCase& c : cases) {
    const Result<ColumnMap> columns = map_columns(opening_of(c.header), schema_of(c.rule), c.map);
    ASSERT_EQ(columns.has_value(), !c.columns.empty()) << c.what;
    if (columns) {
      EXPECT_EQ(columns->column_of_field, c.columns) << c.what;
    } else {
      EXPECT_EQ(columns.error().code, Code::HeaderMismatch) << c.what;
      EXPECT_THAT(columns.error().message + columns.error().hint, HasSubstr(c.part)) << c.what;
    }
  }
}

TEST(ColumnMap, PointsAtTheFirstColumnThatIsNoField) {
  const csv::Opening opening = opening_of({"id", "full_name", "department_id"});
  EXPECT_EQ(map_columns(opening, schema_of(FieldsMatch::Equal), {}).error().at, (Position{1, 4}));
  const HeaderTrouble trouble = header_trouble(opening, schema_of(FieldsMatch::Equal), {});
  EXPECT_THAT(trouble.unknown_columns, ElementsAre(1));
  EXPECT_THAT(trouble.missing_fields, ElementsAre("name"));
  EXPECT_EQ(trouble.suggested_map, "full_name:name");
}

TEST(ColumnMap, NamesTheHeadersLineBehindBlankLines) {
  csv::Opening opening = opening_of({"id", "full_name", "department_id"});
  opening.header_raw = "id,full_name,department_id";
  const auto line = [&](std::uint64_t data_line) {
    opening.data_line = data_line;
    return map_columns(opening, schema_of(FieldsMatch::Equal), {}).error().at->line;
  };
  EXPECT_EQ(line(1), 1u);  // nothing follows, not even a line end
  EXPECT_EQ(line(2), 1u);
  EXPECT_EQ(line(4), 3u);
  opening.header_raw = "id,\"full\nname\",department_id";
  EXPECT_EQ(line(4), 2u);
}

TEST(ColumnMap, SuggestsOnlyWhatCanBeTyped) {
  for (const char* name :
       {"na\x1b[2Jme", "na$me", "na`me", "\"name\"", "na,me", "name:", "na\xC2\x9Bme", "na\nme", "na!me"}) {
    const csv::Opening opening = opening_of({"id", name, "department_id"});
    EXPECT_EQ(header_trouble(opening, schema_of(FieldsMatch::Equal), {}).suggested_map, "") << name;
    const Error error = map_columns(opening, schema_of(FieldsMatch::Equal), {}).error();
    EXPECT_EQ(error.hint.find(name), std::string::npos) << name;
    EXPECT_EQ(error.message.find('\x1b'), std::string::npos) << name;
  }
}

TEST(ColumnMap, AWideFileOfAnotherTableIsToldAtOnce) {
  TableSchema schema;
  std::vector<std::string> header;
  for (int i = 0; i < 4000; ++i) {
    schema.fields.push_back({.name = "measurement_of_day_" + std::to_string(i)});
    header.push_back("something_else_" + std::string(40, 'x') + std::to_string(i));
  }
  EXPECT_THAT(map_columns(opening_of(header), schema, {}).error().message, HasSubstr("and 3990 more"));
}

TEST(ColumnMap, SuggestsNoPairThatNamesNothing) {
  const TableSchema schema = schema_of(FieldsMatch::Equal);
  const csv::Opening opening = opening_of({"id", "full_name", "department_id"});
  EXPECT_EQ(header_trouble(opening, schema, {{"full_name", "nme"}, {"nobody", "id"}}).suggested_map,
            "full_name:name");
}

TEST(ColumnMap, RecognisesRejectFiles) {
  const Result<ColumnMap> columns =
      map_columns(opening_of({"id", "name", "department_id", "rg_run", "rg_line", "rg_codes", "rg_fields",
                              "rg_message", "rg_raw"}),
                  schema_of(FieldsMatch::Exact), {});
  ASSERT_TRUE(columns);
  EXPECT_TRUE(columns->is_reject_file);
  EXPECT_EQ(columns->rg_run, 3);
  EXPECT_EQ(columns->rg_raw, 8);
  EXPECT_EQ(columns->file_columns, 9u);
  EXPECT_FALSE(
      map_columns(opening_of({"id", "name", "department_id", "rg_run"}), schema_of(FieldsMatch::Equal), {}));
}

TEST(ColumnMap, GoesByPositionWithoutHeader) {
  csv::Opening opening{.columns = 3};
  opening.dialect.header = false;
  EXPECT_THAT(map_columns(opening, schema_of(FieldsMatch::Equal), {})->column_of_field, ElementsAre(0, 1, 2));
  opening.columns = 2;
  EXPECT_FALSE(map_columns(opening, schema_of(FieldsMatch::Equal), {}));
  EXPECT_THAT(map_columns(opening, schema_of(FieldsMatch::Superset), {})->column_of_field,
              ElementsAre(0, 1, -1));
}

}  // namespace
}  // namespace rowgate::table

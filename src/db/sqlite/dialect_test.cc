#include "db/sqlite/dialect.h"

#include "db/sqlite/connection.h"

#include <gtest/gtest.h>

namespace rowgate::db::sqlite {
namespace {

using table::Field;
using table::Type;

TEST(Dialect, WritesTheTableOfASchema) {
  table::TableSchema schema;
  schema.fields = {{.name = "id", .type = Type::Integer},
                   {.name = "na\"me", .type = Type::String},
                   {.name = "pay", .type = Type::Number, .decimal = table::Decimal{10, 2}},
                   {.name = "share", .type = Type::Number},
                   {.name = "parent", .type = Type::Integer}};
  schema.fields[3].constraints.required = true;
  schema.primary_key = {0};
  schema.unique_keys = {{1, 2}};
  schema.foreign_keys = {{.fields = {4}, .table = "jobs", .parent_fields = {"id"}}};
  EXPECT_EQ(Dialect().create_table({.name = "t"}, schema, true, false),
            "CREATE TABLE \"t\" (\n"
            "  \"id\" INTEGER NOT NULL,\n"
            "  \"na\"\"me\" TEXT,\n"
            "  \"pay\" REAL,\n"
            "  \"share\" REAL NOT NULL,\n"
            "  \"parent\" INTEGER,\n"
            "  PRIMARY KEY (\"id\"),\n"
            "  UNIQUE (\"na\"\"me\", \"pay\"),\n"
            "  FOREIGN KEY (\"parent\") REFERENCES \"jobs\" (\"id\") DEFERRABLE INITIALLY DEFERRED\n"
            ") STRICT;\n");
}

struct CheckCase {
  const char* what;
  Field field;
  const char* good;  ///< SQL literals
  const char* bad;
};

Field with(Field field, const table::Constraints& constraints) {
  field.constraints = constraints;
  return field;
}

TEST(Dialect, ChecksRepeatTheRules) {
  const Field integer{.name = "c", .type = Type::Integer}, text{.name = "c", .type = Type::String};
  const CheckCase cases[] = {
      {"minimum", with(integer, {.minimum = "1"}), "1", "0"},
      {"maximum", with(integer, {.maximum = "5"}), "5", "6"},
      {"exclusive bounds", with(integer, {.exclusive_minimum = "1", .exclusive_maximum = "3"}), "2", "3"},
      {"length", with(text, {.min_length = 2, .max_length = 3}), "'\xC3\xA4\xC3\xB6'", "'abcd'"},
      {"enum", with(text, {.enum_values = {"it's", "b"}}), "'it''s'", "'c'"},
      {"boolean", {.name = "c", .type = Type::Boolean}, "1", "2"},
      {"date", {.name = "c", .type = Type::Date}, "'2021-02-28'", "'2021-02-30'"},
      {"time", {.name = "c", .type = Type::Time}, "'23:59:59'", "'23:59'"},
      {"datetime", {.name = "c", .type = Type::Datetime}, "'2021-02-28T10:00:00Z'", "'2021-02-28 10:00:00'"},
      {"datetime with milliseconds",
       {.name = "c", .type = Type::Datetime, .precision = 3},
       "'2021-02-28T10:00:00.123Z'",
       "'2021-02-28T10:00:00Z'"},
      {"uuid",
       {.name = "c", .type = Type::String, .format = "uuid"},
       "'123e4567-e89b-12d3-a456-426614174000'",
       "'1'"},
      {"decimal",
       {.name = "c", .type = Type::Number, .decimal = table::Decimal{10, 2}},
       "'-12.50'",
       "'-12.505'"},
      {"long decimal",
       {.name = "c", .type = Type::Number, .decimal = table::Decimal{30, 2}},
       "'-12.50'",
       "'-12.5'"},
      {"decimal bound",
       with({.name = "c", .type = Type::Number, .decimal = table::Decimal{10, 2}}, {.minimum = "9"}),
       "'10.00'", "'8.00'"},
  };
  for (const CheckCase& c : cases) {
    Result<Connection> connection = Connection::open("", Access::Scratch, std::chrono::milliseconds(0));
    ASSERT_TRUE(connection);
    table::TableSchema schema;
    schema.fields = {c.field};
    const std::string create = Dialect().create_table({.name = "t"}, schema, false, true);
    ASSERT_TRUE(connection->run(create)) << c.what << "\n" << create;
    EXPECT_TRUE(connection->run(std::string("INSERT INTO t VALUES (") + c.good + ")")) << c.what << "\n"
                                                                                       << create;
    EXPECT_FALSE(connection->run(std::string("INSERT INTO t VALUES (") + c.bad + ")")) << c.what << "\n"
                                                                                       << create;
    EXPECT_TRUE(connection->run("INSERT INTO t VALUES (NULL)")) << c.what;
  }
}

}  // namespace
}  // namespace rowgate::db::sqlite

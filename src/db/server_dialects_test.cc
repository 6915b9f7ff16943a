#include "db/mysql/dialect.h"
#include "db/postgresql/dialect.h"

#include <gmock/gmock.h>

namespace rowgate::db {
namespace {

using table::Field;
using table::Type;

table::TableSchema hires() {
  table::TableSchema schema;
  schema.fields = {{.name = "id", .type = Type::Integer},
                   {.name = "na\"me", .type = Type::String},
                   {.name = "note", .type = Type::String},
                   {.name = "pay", .type = Type::Number, .decimal = table::Decimal{10, 2}},
                   {.name = "share", .type = Type::Number},
                   {.name = "at", .type = Type::Datetime, .precision = 3},
                   {.name = "ok", .type = Type::Boolean},
                   {.name = "who", .type = Type::String, .format = "uuid"},
                   {.name = "job_id", .type = Type::Integer}};
  schema.fields[1].constraints.max_length = 20;
  schema.fields[4].constraints.required = true;
  schema.primary_key = {0};
  schema.unique_keys = {{1, 3}};
  schema.foreign_keys = {{.fields = {8}, .table = "jobs", .parent_fields = {"id"}}};
  return schema;
}

TEST(ServerDialects, MySqlWritesTheTableOfASchema) {
  EXPECT_EQ(mysql::Dialect().create_table({.space = "hr", .name = "t"}, hires(), true, false),
            "CREATE TABLE \"hr\".\"t\" (\n"
            "  \"id\" BIGINT NOT NULL,\n"
            "  \"na\"\"me\" VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL,\n"
            "  \"note\" LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL,\n"
            "  \"pay\" DECIMAL(10,2) NULL,\n"
            "  \"share\" DOUBLE NOT NULL,\n"
            "  \"at\" DATETIME(3) NULL,\n"
            "  \"ok\" BOOLEAN NULL,\n"
            "  \"who\" CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,\n"
            "  \"job_id\" BIGINT NULL,\n"
            "  PRIMARY KEY (\"id\"),\n"
            "  UNIQUE (\"na\"\"me\", \"pay\"),\n"
            "  FOREIGN KEY (\"job_id\") REFERENCES \"hr\".\"jobs\" (\"id\")\n"
            ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;\n");
}

TEST(ServerDialects, PostgreSqlWritesTheTableOfASchema) {
  EXPECT_EQ(postgresql::Dialect().create_table({.name = "t"}, hires(), true, true),
            "CREATE TABLE \"t\" (\n"
            "  \"id\" bigint NOT NULL,\n"
            "  \"na\"\"me\" text COLLATE \"C\" CHECK (char_length(\"na\"\"me\") <= 20),\n"
            "  \"note\" text COLLATE \"C\",\n"
            "  \"pay\" numeric(10,2),\n"
            "  \"share\" double precision NOT NULL,\n"
            "  \"at\" timestamp(3) with time zone,\n"
            "  \"ok\" boolean,\n"
            "  \"who\" uuid,\n"
            "  \"job_id\" bigint,\n"
            "  PRIMARY KEY (\"id\"),\n"
            "  UNIQUE (\"na\"\"me\", \"pay\"),\n"
            "  FOREIGN KEY (\"job_id\") REFERENCES \"jobs\" (\"id\") DEFERRABLE INITIALLY DEFERRED\n"
            ");\n");
}

TEST(ServerDialects, MySqlRowsStayBelowTheirLimit) {
  table::TableSchema schema;
  for (int i = 0; i < 4; ++i) {
    Field field{.name = fmt::format("c{}", i), .type = Type::String};
    field.constraints.max_length = i == 3 ? 100 : 6000;
    schema.fields.push_back(field);
  }
  schema.primary_key = {3};
  const std::vector<std::string> types = mysql::Dialect().column_types(schema);
  EXPECT_TRUE(types[0].starts_with("VARCHAR(6000)"));
  EXPECT_TRUE(types[1].starts_with("VARCHAR(6000)"));
  EXPECT_TRUE(types[2].starts_with("LONGTEXT"));
  EXPECT_TRUE(types[3].starts_with("VARCHAR(100)")) << "keys come first";
}

TEST(ServerDialects, TheRarerTypes) {
  struct Case {
    Field field;
    const char *mysql, *postgresql;
  };
  const Case cases[] = {
      {{.type = Type::Year}, "SMALLINT", "smallint"},
      {{.type = Type::YearMonth}, "CHAR(7) CHARACTER SET ascii COLLATE ascii_bin", "character(7)"},
      {{.type = Type::Duration}, "VARCHAR(64)", "text"},
      {{.type = Type::GeoPoint}, "VARCHAR(64)", "text"},
      {{.type = Type::Object}, "LONGTEXT", "text"},
      {{.type = Type::List}, "LONGTEXT", "text"},
      {{.type = Type::String, .format = "binary"}, "LONGBLOB", "bytea"},
      {{.type = Type::Time, .precision = 6}, "TIME(6)", "time(6) without time zone"},
      {{.type = Type::Date}, "DATE", "date"}};
  for (const Case& c : cases) {
    EXPECT_EQ(mysql::Dialect().type_name(c.field), c.mysql);
    EXPECT_EQ(postgresql::Dialect().type_name(c.field), c.postgresql);
  }
}

}  // namespace
}  // namespace rowgate::db

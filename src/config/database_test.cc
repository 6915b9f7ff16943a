#include "config/testing.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace rowgate::config {
namespace {

using ::testing::HasSubstr;
using testing::Read;
using testing::read;
using ::testing::StartsWith;

TEST(DatabaseConfig, SqliteIsTheDefault) {
  const Read made = read("limits: {}");
  EXPECT_TRUE(made.problems.empty());
  EXPECT_FALSE(made.config.server);
  EXPECT_EQ(made.config.database_path, "/etc/rowgate/data/rowgate.db");
}

TEST(DatabaseConfig, AServerHasItsAddressPasswordAndReader) {
  ::setenv("CONFIG_TEST_PASSWORD", "sesame", 1);
  const Read made = read(
      "database:\n  url: mysql://loader@db.example.org/hr?ca=ca.pem\n  password: { env: CONFIG_TEST_PASSWORD "
      "}\n"
      "  reader_url: mysql://reader@replica.example.org/hr\n  pool: 3\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  ASSERT_TRUE(made.config.server);
  EXPECT_EQ(made.config.server->address.host, "db.example.org");
  EXPECT_EQ(made.config.server->address.password, "sesame");
  EXPECT_EQ(made.config.server->address.ca, "/etc/rowgate/ca.pem");
  EXPECT_EQ(made.config.server->pool, 3u);
  ASSERT_TRUE(made.config.server->reader);
  EXPECT_EQ(made.config.server->reader->user, "reader");
  EXPECT_TRUE(made.config.service.compat.schemas.contains("hr"));
  for (const Setting& setting : settings_of(made.config, {}))
    EXPECT_THAT(setting.value, Not(HasSubstr("sesame"))) << setting.path;
}

TEST(DatabaseConfig, APasswordMayBeASecret) {
  ::unsetenv("AWS_REGION");
  ::unsetenv("AWS_DEFAULT_REGION");
  ::unsetenv("AWS_ENDPOINT_URL");
  ::unsetenv("AWS_ENDPOINT_URL_SECRETS_MANAGER");
  const std::string before = "database: { url: mysql://a@127.0.0.1/hr, password: { secret: ";
  const Read made = read(before + "hr/database, key: word, region: eu-west-1 } }");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  ASSERT_TRUE(made.config.secret);
  EXPECT_EQ(made.config.secret->name, "hr/database");
  EXPECT_EQ(made.config.secret->key, "word");
  EXPECT_EQ(made.config.secret->region, "eu-west-1");
  const Read by_arn =
      read(before + "\"arn:aws:secretsmanager:eu-north-1:111122223333:secret:hr-a1b2c3\" } }");
  ASSERT_TRUE(by_arn.problems.empty()) << by_arn.problems[0].message;
  EXPECT_EQ(by_arn.config.secret->region, "eu-north-1");
  EXPECT_EQ(by_arn.config.secret->key, "password");
  for (const auto& [rest, says] :
       {std::pair{"hr } }", "database.password: the region of the secret is not known"},
        {"hr, region: EU } }", "database.password: `EU` is no region"},
        {"hr, kye: word, region: eu-west-1 } }", "database.password"}}) {
    const Read wrong = read(before + rest);
    ASSERT_EQ(wrong.problems.size(), 1u) << rest;
    EXPECT_THAT(wrong.problems[0].message, StartsWith(says));
  }
}

TEST(DatabaseConfig, NamespacesAreDatabasesOrSchemasOfTheServer) {
  const Read made = read(
      "database: { url: \"postgresql://loader@127.0.0.1/hr?schema=people\" }\n"
      "compat: { schemas: { test_db: archive } }\n"
      "tables:\n  jobs:\n    namespace: archive\n    schema: { fields: [{ name: id, type: integer }] }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  EXPECT_EQ(made.config.tables()[0].name, (db::TableName{"archive", "jobs"}));
  const auto& schemas = made.config.service.compat.schemas;
  EXPECT_EQ(schemas.at("hr"), "default");
  EXPECT_EQ(schemas.at("people"), "default");
  EXPECT_EQ(schemas.at("test_db"), "archive");
}

TEST(DatabaseConfig, TellsEveryMistakeAtItsPlace) {
  const std::string on_mysql = "database: { url: mysql://a@127.0.0.1/hr }\ntables:\n  t:\n    schema:\n";
  const std::string key = on_mysql + "      primaryKey: [k]\n      fields:\n        - ";
  const std::pair<std::string, const char*> cases[] = {
      {"database: { url: oracle://x }", "database.url: `oracle://x` is no database"},
      {"database: { url: mysql://127.0.0.1/hr }", "database.url: the address names no user"},
      {"database: { url: \"mysql://a:b@127.0.0.1/hr\" }", "database.url: the address has a password in it"},
      {"database: { url: mysql://a@127.0.0.1/hr, password: sesame }",
       "database.password: expected { env: NAME }"},
      {"database: { url: mysql://a@127.0.0.1/hr, password: { env: NO_SUCH_VARIABLE } }",
       "database.password: the variable NO_SUCH_VARIABLE is not set"},
      {"database: { url: mysql://a@127.0.0.1/hr, password: { file: /no/such/file } }",
       "database.password: the password cannot be read"},
      {"database: { url: mysql://a@127.0.0.1/hr, reader_url: postgresql://a@127.0.0.1/hr }",
       "database.reader_url: the reader is a database of another kind"},
      {"database: { pool: 3 }", "database.pool: SQLite has no such setting"},
      {"tables:\n  t:\n    namespace: x\n    schema: { fields: [{ name: a, type: integer }] }",
       "tables.t.namespace: SQLite has one namespace only"},
      {key + "{ name: k, type: string }",
       "tables.t.schema.fields[0]: `k` is part of a key, which needs maxLength"},
      {key + "{ name: k, type: string, constraints: { maxLength: 192 } }",
       "tables.t.schema.fields[0]: `k` is part of a key"},
      {on_mysql + "      fields: [{ name: a, type: number, \"rowgate:nonfinite\": accept }]",
       "tables.t.schema.fields[0]: `a` accepts INF"},
      {on_mysql + "      fields: [{ name: a, type: number, \"rowgate:decimal\": [38, 31] }]",
       "tables.t.schema.fields[0]: `a` has 31 digits after the point"}};
  for (const auto& [yaml, says] : cases) {
    SCOPED_TRACE(yaml);
    const Read made = read(yaml);
    ASSERT_EQ(made.problems.size(), 1u);
    EXPECT_THAT(made.problems[0].message, StartsWith(says));
    EXPECT_EQ(made.problems[0].code, Code::ConfigInvalid);
    EXPECT_THAT(to_text(made.problems[0]), Not(HasSubstr("sesame")));
  }
}

TEST(DatabaseConfig, AKeyOfAllowedLengthIsFineOnEveryServer) {
  for (const char* url : {"mysql://a@127.0.0.1/hr", "postgresql://a@127.0.0.1/hr"}) {
    const Read made = read(std::string("database: { url: ") + url +
                           " }\ntables:\n  t:\n    schema:\n      primaryKey: [k]\n      fields:\n"
                           "        - { name: k, type: string, constraints: { maxLength: 191 } }\n");
    EXPECT_TRUE(made.problems.empty()) << url;
  }
}

}  // namespace
}  // namespace rowgate::config

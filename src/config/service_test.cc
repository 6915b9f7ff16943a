#include "config/testing.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace rowgate::config {
namespace {

using testing::Read;
using testing::read;

TEST(ServiceConfig, PassesOverTheVariablesOfAContainerPlatform) {
  const std::vector<std::string> names = {"ROWGATE_SERVICE_HOST",       "ROWGATE_SERVICE_PORT",
                                          "ROWGATE_SERVICE_PORT_HTTP",  "ROWGATE_PORT",
                                          "ROWGATE_PORT_8080_TCP",      "ROWGATE_PORT_8080_TCP_ADDR",
                                          "ROWGATE_PORT_8080_TCP_PORT", "ROWGATE_PORT_8080_TCP_PROTO",
                                          "ROWGATE_ADMIN_SERVICE_HOST"};
  for (const std::string& name : names) ::setenv(name.c_str(), "tcp://10.0.0.1:8080", 1);
  ::setenv("ROWGATE_SERVER__DRAIN", "7s", 1);

  Document document;
  std::vector<Error> problems;
  apply_environment(document, problems);
  for (const std::string& name : names) ::unsetenv(name.c_str());
  ::unsetenv("ROWGATE_SERVER__DRAIN");

  EXPECT_TRUE(problems.empty());
  EXPECT_TRUE(document.from_environment.contains("server.drain"));
  EXPECT_EQ(document.root.members.size(), 1u) << "only the setting has come in";
}

TEST(ServiceConfig, IsSafeByDefault) {
  const Read made = read("limits: {}\n");
  ASSERT_TRUE(made.problems.empty());
  const api::Settings& service = made.config.service;
  ASSERT_EQ(service.server.listeners.size(), 1u);
  EXPECT_EQ(service.server.listeners[0].host, "127.0.0.1");
  EXPECT_EQ(service.server.listeners[0].port, 8080);
  EXPECT_EQ(service.public_url, "http://127.0.0.1:8080");
  EXPECT_FALSE(service.needs_keys);
  EXPECT_FALSE(service.allow_public_without_auth);
  EXPECT_TRUE(service.cors.origins.empty());
  EXPECT_EQ(service.limits.max_upload_bytes, kGiB);
}

TEST(ServiceConfig, KnowsWhatLambdaCarries) {
  EXPECT_EQ(read("{}").config.lambda.max_body_bytes, 4'500'000u);
  EXPECT_EQ(read("lambda: { max_body_bytes: 4MiB }").config.lambda.max_body_bytes, 4 * kMiB);
  for (const char* bad : {"lambda: { max_body_bytes: 7MiB }", "lambda: { max_answer_bytes: 6291557 }",
                          "lambda: { memory: 512 }", "lambda: 4MiB"})
    EXPECT_EQ(read(bad).problems.size(), 1u) << bad;
}

TEST(ServiceConfig, ReadsAddresses) {
  const Read made = read("server: { listen: \"[::1]:9000\", admin_listen: localhost:0 }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  const auto& listeners = made.config.service.server.listeners;
  ASSERT_EQ(listeners.size(), 2u);
  EXPECT_EQ(listeners[0].host, "::1");
  EXPECT_EQ(listeners[0].port, 9000);
  EXPECT_FALSE(listeners[0].is_admin);
  EXPECT_EQ(listeners[1].host, "localhost");
  EXPECT_TRUE(listeners[1].is_admin);
  EXPECT_EQ(made.config.service.public_url, "http://[::1]:9000");
}

TEST(ServiceConfig, ReadsKeys) {
  const std::string digest(64, 'A');
  const Read made = read("auth:\n  mode: keys\n  keys:\n    - { name: loader, sha256: " + digest +
                         ", scopes: [loads:write, runs:read], tables: [hr_*], expires: 2027-01-01 }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  ASSERT_EQ(made.config.service.keys.size(), 1u);
  const api::KeySettings& key = made.config.service.keys[0];
  EXPECT_EQ(key.sha256, std::string(64, 'a'));
  EXPECT_EQ(key.scopes, (std::vector{api::Scope::LoadsWrite, api::Scope::RunsRead}));
  EXPECT_EQ(key.tables, std::vector<std::string>{"hr_*"});
  EXPECT_EQ(key.reports, std::vector<std::string>{"*"});
  EXPECT_EQ(key.expires, from_rfc3339("2027-01-01T00:00:00.000Z"));
}

struct BadCase {
  const char* name;
  const char* yaml;
  const char* says;  ///< the beginning of the only problem
};

const BadCase kBad[] = {
    {"a port that is no number", "server: { listen: 127.0.0.1:http }",
     "server.listen: `127.0.0.1:http` is no address"},
    {"a port beyond 65535", "server: { listen: 127.0.0.1:65536 }",
     "server.listen: `127.0.0.1:65536` is no address"},
    {"an address without port", "server: { listen: localhost }", "server.listen: `localhost` is no address"},
    {"a public URL without scheme", "server: { public_url: example.org }",
     "server.public_url: `example.org` is no"},
    {"half a certificate", "server: { tls: { key: key.pem } }", "server.tls: TLS needs both"},
    {"credentials for everybody", "server: { cors: { origins: [\"*\"], credentials: true } }",
     "server.cors: the origin * cannot be combined"},
    {"a mode that does not exist", "auth: { mode: basic }", "auth.mode: `basic` is neither"},
    {"keys without keys", "auth: { mode: keys }", "auth: `mode: keys` needs at least one key"},
    {"an unknown schema", "compat: { schemas: { test_db: hr } }",
     "compat.schemas.test_db: SQLite has no schema `hr`"},
    {"a wait that is too long", "limits: { sync_wait: 2m }", "limits.sync_wait: must be at most 60 s"},
    {"pages larger than allowed", "limits: { page: 200, max_page: 100 }", "limits: `page` is larger"},
    {"a key that does not exist", "server: { lissen: 127.0.0.1:1 }", "server.lissen: there is no property"},
    {"a log level that does not exist", "observability: { logs: { level: all } }",
     "observability.logs.level: `all` is"},
    {"a negative age", "storage: { keep: { rejects: -1d } }", "storage.keep.rejects: "},
};

TEST(ServiceConfig, TellsEveryMistakeAtItsPlace) {
  for (const BadCase& c : kBad) {
    SCOPED_TRACE(c.name);
    const Read made = read(c.yaml);
    ASSERT_EQ(made.problems.size(), 1u);
    EXPECT_TRUE(made.problems[0].message.starts_with(c.says)) << made.problems[0].message;
    EXPECT_EQ(made.problems[0].code, Code::ConfigInvalid);
    EXPECT_TRUE(made.problems[0].at);
  }
}

TEST(ServiceConfig, ScopesHaveNamesBothWays) {
  for (const char* word : {"tables:read", "loads:write", "runs:read", "rejects:read", "reports:read",
                           "reports:link", "backups:read", "backups:write", "admin"}) {
    const std::optional<api::Scope> scope = api::scope_from(word);
    ASSERT_TRUE(scope) << word;
    EXPECT_EQ(api::name(*scope), word);
  }
  EXPECT_FALSE(api::scope_from("none"));
}

}  // namespace
}  // namespace rowgate::config

#include "app/reload.h"

#include "config/testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowgate::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

config::LoadedConfig loaded(std::string_view yaml) {
  config::testing::Read read = config::testing::read(yaml);
  EXPECT_TRUE(read.problems.empty()) << read.problem();
  return {.config = std::move(read.config), .settings = std::move(read.settings)};
}

TEST(Reload, WhatOpensOrSizesSomethingNeedsARestart) {
  for (const std::string_view fixed :
       {"server.listen", "server.admin_listen", "server.tls.key", "server.workers", "database.url",
        "database.password.env", "storage.url", "storage.spool", "links.mode", "links.keys.file",
        "limits.loads_at_once", "limits.reports_at_once", "limits.idle_timeout"})
    EXPECT_TRUE(needs_restart(fixed)) << fixed;
  for (const std::string_view free :
       {"server.hosts", "server.cors.origins", "server.public_url", "server.drain", "storage.keep.sources",
        "auth.mode", "limits.queue", "limits.max_rejects", "compat.enabled", "tables.database.title",
        "reports.links.sql", "observability.logs.level", "databases"})
    EXPECT_FALSE(needs_restart(free)) << free;
}

TEST(Reload, DifferencesAreToldOncePerTable) {
  const config::LoadedConfig before = loaded(R"(
tables:
  jobs: { title: Jobs, schema: { fields: [{ name: id, type: integer }] } }
  old: { schema: { fields: [{ name: id, type: integer }] } }
)");
  const config::LoadedConfig now = loaded(R"(
server: { workers: 3 }
limits: { queue: 5 }
tables:
  jobs: { title: Work, schema: { fields: [{ name: id, type: string }] } }
reports:
  all: { sql: SELECT 1 }
)");
  const api::Reloaded told = differences(before, before, now);
  EXPECT_THAT(told.taken, ElementsAre("limits.queue", "tables.jobs", "reports.all", "tables.old"));
  EXPECT_THAT(told.needs_restart, ElementsAre("server.workers"));
  EXPECT_EQ(told.tables, 1U);
  EXPECT_EQ(told.reports, 1U);

  const api::Reloaded again = differences(before, now, now);
  EXPECT_THAT(again.taken, IsEmpty());
  EXPECT_THAT(again.needs_restart, ElementsAre("server.workers")) << "as long as it is so";
}

TEST(Reload, WhatNeedsARestartStaysAsItRuns) {
  const api::Settings running = loaded("server: { listen: 127.0.0.1:1, workers: 2 }").config.service;
  const api::Settings fresh =
      loaded("server: { listen: 127.0.0.1:2, workers: 3 }\nlimits: { queue: 5, loads_at_once: 1 }")
          .config.service;
  const api::Settings taken = settings_to_take(fresh, running, "http://127.0.0.1:1");
  EXPECT_EQ(taken.server.listeners[0].port, 1);
  EXPECT_EQ(taken.server.workers, 2U);
  EXPECT_EQ(taken.limits.loads_at_once, running.limits.loads_at_once);
  EXPECT_EQ(taken.limits.queue, 5U);
  EXPECT_EQ(taken.public_url, "http://127.0.0.1:1");
  EXPECT_EQ(taken.compat.cors, "") << "on loopback without keys";

  const api::Settings named = loaded("server: { public_url: https://a.example }").config.service;
  EXPECT_EQ(settings_to_take(named, running, "http://127.0.0.1:1").public_url, "https://a.example");
}

TEST(Reload, NobodyElseReachesAServerWithoutKeys) {
  api::Settings settings = loaded("server: { listen: 0.0.0.0:8080 }").config.service;
  EXPECT_EQ(refuse_public_without_keys(settings).error().code, Code::ConfigInvalid);
  settings.allow_public_without_auth = true;
  EXPECT_TRUE(refuse_public_without_keys(settings));
}

}  // namespace
}  // namespace rowgate::app

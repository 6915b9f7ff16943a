#include "api/core/sources.h"

#include <gtest/gtest.h>

namespace rowgate::api {
namespace {

constexpr auto kId = "upl_06FAQ3T9Z8V4N1H7C2XKJ5M0RW";

TEST(SourceKeys, TellTableAndFile) {
  const auto key = read_source_key(fmt::format("uploads/jobs/{}/jobs-2.csv.gz", kId));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->table, "jobs");
  EXPECT_EQ(key->id, kId);
  EXPECT_EQ(key->file_name, "jobs-2.csv.gz");
  EXPECT_EQ(read_source_key(fmt::format("uploads/-/{}/a", kId))->table, "") << "any table";
}

TEST(SourceKeys, AreReadAsTheyAreMade) {
  for (const char* table : {"", "jobs"}) {
    const auto key = read_source_key(new_source_key(table, "a.csv", SystemClock().now()));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->table, table);
    EXPECT_EQ(key->file_name, "a.csv");
  }
}

TEST(SourceKeys, AreNothingElse) {
  for (const std::string& other :
       {std::string(), std::string("uploads"), fmt::format("uploads/jobs/{}", kId),
        fmt::format("uploads/jobs/{}/", kId), fmt::format("uploads/jobs/{}/a/b", kId),
        fmt::format("uploads//{}/a", kId), fmt::format("Uploads/jobs/{}/a", kId),
        fmt::format("/uploads/jobs/{}/a", kId), fmt::format("uploads/../{}/a", kId),
        fmt::format("uploads/jobs/{}/.a", kId), fmt::format("uploads/jobs/{}/a b", kId),
        std::string("uploads/jobs/run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW/a"), std::string("uploads/jobs/upl_1/a"),
        std::string("sources/run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW"), std::string(".link-keys")})
    EXPECT_FALSE(read_source_key(other)) << other;
}

}  // namespace
}  // namespace rowgate::api

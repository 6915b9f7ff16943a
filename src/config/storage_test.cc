#include "config/testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace rowgate::config {
namespace {

constexpr const char* kVariables[] = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
                                      "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"};

using testing::Read;
using testing::read;

class StorageConfig : public ::testing::Test {
 protected:
  StorageConfig() {
    for (const char* name : kVariables) ::unsetenv(name);
  }
  ~StorageConfig() override {
    for (const char* name : kVariables) ::unsetenv(name);
  }
};

TEST_F(StorageConfig, IsAFolderByDefault) {
  const Read made = read("limits: {}\n");
  EXPECT_TRUE(made.problems.empty());
  EXPECT_FALSE(made.config.s3);
  EXPECT_EQ(made.config.storage_path, "/etc/rowgate/data/files");
  EXPECT_EQ(made.config.storage_text(), "/etc/rowgate/data/files");
  EXPECT_FALSE(made.config.direct_links);
  EXPECT_FALSE(made.config.link_keys);
  EXPECT_EQ(made.setting("storage.url"), "file:/etc/rowgate/data/files from default");
  EXPECT_EQ(made.setting("storage.region"), "none");
  EXPECT_EQ(made.setting("links.mode"), "redirect from default");
}

TEST_F(StorageConfig, IsABucket) {
  const Read made =
      read("storage: { url: s3://hr-files/rowgate/prod/, region: eu-west-1, profile: loader, ca: ca.pem }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  ASSERT_TRUE(made.config.s3);
  const store::S3Settings& s3 = *made.config.s3;
  EXPECT_EQ(s3.bucket, "hr-files");
  EXPECT_EQ(s3.prefix, "rowgate/prod");
  EXPECT_EQ(s3.region, "eu-west-1");
  EXPECT_EQ(s3.endpoint, "");
  EXPECT_FALSE(s3.path_style);
  EXPECT_EQ(s3.profile, "loader");
  EXPECT_EQ(s3.authorities, "/etc/rowgate/ca.pem");
  EXPECT_EQ(made.config.storage_text(), "s3://hr-files/rowgate/prod");
  EXPECT_EQ(made.setting("storage.url"), "s3://hr-files/rowgate/prod from rowgate.yaml:1");
  EXPECT_EQ(made.config.spool_path, "/etc/rowgate/data/spool") << "always a local folder";
}

TEST_F(StorageConfig, IsAtAnotherServer) {
  const Read made = read("storage: { url: s3://files, endpoint: http://127.0.0.1:9000/ }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  EXPECT_EQ(made.config.s3->endpoint, "http://127.0.0.1:9000");
  EXPECT_EQ(made.config.s3->region, "us-east-1");
  EXPECT_TRUE(made.config.s3->path_style);
  EXPECT_FALSE(read("storage: { url: s3://files, endpoint: https://s3.example.org, path_style: false }")
                   .config.s3->path_style);
  EXPECT_TRUE(read("storage: { url: s3://my.files, region: eu-west-1 }").config.s3->path_style)
      << "no certificate is of my.files.s3...";
}

TEST_F(StorageConfig, IsCompletedByTheEnvironmentOfAws) {
  ::setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
  EXPECT_EQ(read("storage: { url: s3://files }").setting("storage.region"),
            "eu-north-1 from AWS_DEFAULT_REGION");
  ::setenv("AWS_REGION", "eu-west-1", 1);
  EXPECT_EQ(read("storage: { url: s3://files }").setting("storage.region"), "eu-west-1 from AWS_REGION");
  EXPECT_EQ(read("storage: { url: s3://files, region: x }").setting("storage.region"),
            "x from rowgate.yaml:1");
  ::setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1", 1);
  EXPECT_EQ(read("storage: { url: s3://files }").setting("storage.endpoint"),
            "http://127.0.0.1:1 from AWS_ENDPOINT_URL");
  ::setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2", 1);
  ::setenv("AWS_CA_BUNDLE", "/ca.pem", 1);
  const Read made = read("storage: { url: s3://files }");
  EXPECT_EQ(made.setting("storage.endpoint"), "http://127.0.0.1:2 from AWS_ENDPOINT_URL_S3");
  EXPECT_EQ(made.setting("storage.ca"), "/ca.pem from AWS_CA_BUNDLE");
  EXPECT_TRUE(made.config.s3->path_style);
  EXPECT_TRUE(read("storage: { url: file:./x }").problems.empty()) << "they are not asked for";
}

TEST_F(StorageConfig, TellsHowLinksAreMade) {
  constexpr std::string_view kBucket = "storage: { url: s3://files, region: eu-west-1 }\n";
  EXPECT_TRUE(read(fmt::format("{}links: direct\n", kBucket)).config.direct_links);
  EXPECT_EQ(read(fmt::format("{}links: direct\n", kBucket)).setting("links.mode"),
            "direct from rowgate.yaml:2");
  EXPECT_TRUE(read(fmt::format("{}links: {{ mode: direct }}\n", kBucket)).config.direct_links);
  EXPECT_FALSE(read(fmt::format("{}links: redirect\n", kBucket)).config.direct_links);
  const Read made = read("links: { keys: { file: link-keys } }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  EXPECT_EQ(made.config.link_keys, "/etc/rowgate/link-keys");
}

TEST_F(StorageConfig, LinkKeysMayBeWrittenOut) {
  const Read made = read(
      "links: { keys: [{ id: a1, secret: 0123456789abcdef0123456789abcdef },"
      " { id: b, secret: fedcba9876543210fedcba9876543210 }] }\n");
  ASSERT_TRUE(made.problems.empty()) << made.problems[0].message;
  ASSERT_EQ(made.config.link_secrets.size(), 2u);
  EXPECT_EQ(made.config.link_secrets[0].id, "a1");
  EXPECT_EQ(made.config.link_secrets[0].bytes, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(made.setting("links.keys"), "[a1, b] from rowgate.yaml:1") << "never the secrets";
}

struct BadStorage {
  const char* yaml;
  const char* says;  ///< the beginning of the only problem
};

const BadStorage kBadStorages[] = {
    {"storage: { url: s3://files }", "storage.url: the region of the bucket is not known"},
    {"storage: { url: \"s3://\", region: x }", "storage.url: `` is not the name of a bucket"},
    {"storage: { url: s3://Files, region: x }", "storage.url: `Files` is not the name"},
    {"storage: { url: s3://my_files, region: x }", "storage.url: `my_files` is not the name"},
    {"storage: { url: s3://a..b, region: x }", "storage.url: `a..b` is not the name"},
    {"storage: { url: s3://-ab, region: x }", "storage.url: `-ab` is not the name"},
    {"storage: { url: s3://files//a, region: x }", "storage.url: `/a` cannot be in front"},
    {"storage: { url: s3://files/a b, region: x }", "storage.url: `a b` cannot be in front"},
    {"storage: { url: s3://files/.a, region: x }", "storage.url: `.a` cannot be in front"},
    {"storage: { url: s3://files/a/../b, region: x }", "storage.url: `a/../b` cannot be in front"},
    {"storage: { url: s3://files, region: EU West }", "storage.region: `EU West` is no region"},
    {"storage: { url: s3://files, endpoint: 127.0.0.1:9000 }",
     "storage.endpoint: `127.0.0.1:9000` is no address"},
    {"storage: { url: s3://files, endpoint: http://a/b }", "storage.endpoint: `http://a/b` is no address"},
    {"storage: { url: s3://files, endpoint: http://u@a }", "storage.endpoint: `http://u@a` is no address"},
    {"storage: { url: s3://files, endpoint: ftp://a }", "storage.endpoint: `ftp://a` is no address"},
    {"storage: { url: s3:files, region: x }", "2 problems"},
    {"storage: { url: ftp://files }", "storage.url: `ftp://files` is no storage"},
    {"storage: { region: eu-west-1 }", "storage.region: `region` goes with an s3:// storage only"},
    {"storage: { url: s3://files, region: x, key: y }", "storage.key: "},
    {"links: direct", "links: direct links need an s3:// storage"},
    {"links: { mode: direct }", "links: direct links need an s3:// storage"},
    {"links: short", "links: `short` is neither"},
    {"links: { mode: short }", "links.mode: `short` is neither"},
    {"links: [direct]", "links: "},
    {"links: { keys: link-keys }", "links.keys: "},
    {"links: { keys: {} }", "links.keys: the file is not named"},
    {"links: { keys: [] }", "links.keys: there is no key"},
    {"links: { keys: [a] }", "links.keys[0]: "},
    {"links: { keys: [{ id: a, secret: short }] }", "links.keys[0]: the secret has fewer than 32"},
    {"links: { keys: [{ id: a-b, secret: 0123456789abcdef0123456789abcdef }] }",
     "links.keys[0]: `a-b` is not the id"},
    {"links: { keys: [{ id: a, secret: 0123456789abcdef0123456789abcdef },"
     " { id: a, secret: 0123456789abcdef0123456789abcdef }] }",
     "links.keys[1]: there is a key `a` already"},
    {"links: { key: a }", "links.key: "},
};

TEST_F(StorageConfig, SaysWhatIsWrong) {
  for (const BadStorage& bad : kBadStorages) {
    const std::string problem = read(bad.yaml).problem();
    EXPECT_TRUE(problem.starts_with(bad.says)) << bad.yaml << "\n" << problem;
  }
}

}  // namespace
}  // namespace rowgate::config

#include "load/upload.h"

#include "db/testing.h"
#include "io/digest.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace rowgate::load {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class UploadTest : public ::testing::Test {
 protected:
  Result<Upload> create(std::uint64_t limit = 1'000'000) {
    return Upload::create({.spool = folder_.path() / "spool", .limit_bytes = limit}, "run_1");
  }
  fs::path path() const { return folder_.path() / "spool" / "uploads" / "run_1.part"; }
  db::testing::TempFolder folder_;
};

TEST_F(UploadTest, WhatIsWrittenIsThereAndHashed) {
  Result<Upload> upload = create();
  ASSERT_TRUE(upload) << to_text(upload.error());
  ASSERT_TRUE(upload->write(std::string_view("id,name\n")));
  ASSERT_TRUE(upload->write(std::string_view("1,Ada\n")));
  EXPECT_EQ(upload->size(), 14U);
  const Result<Upload::Received> received = upload->finish();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->file.path(), path());
  EXPECT_EQ(received->bytes, 14U);
  EXPECT_EQ(received->sha256, io::sha256_hex("id,name\n1,Ada\n"));
  EXPECT_EQ(content(path()), "id,name\n1,Ada\n");
  struct stat about{};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
}

TEST_F(UploadTest, NothingIsLeftOfWhatIsDropped) {
  int dropped = 0;
  {
    const Result<Upload> upload = Upload::create(
        {.spool = folder_.path() / "spool", .limit_bytes = 10, .on_drop = [&] { ++dropped; }}, "run_1");
    ASSERT_TRUE(upload);
    EXPECT_TRUE(fs::exists(path()));
  }
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_EQ(dropped, 1);
  {
    Result<Upload> upload = Upload::create(
        {.spool = folder_.path() / "spool", .limit_bytes = 10, .on_drop = [&] { ++dropped; }}, "run_1");
    ASSERT_TRUE(upload);
    const Result<Upload::Received> received = upload->finish();
    EXPECT_TRUE(fs::exists(path()));
  }
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_EQ(dropped, 2);
}

TEST_F(UploadTest, AMovedUploadIsOne) {
  Result<Upload> first = create();
  ASSERT_TRUE(first);
  {
    Upload second = *std::move(first);
    ASSERT_TRUE(second.write(std::string_view("x")));
    Result<Upload::Received> received = second.finish();
    ASSERT_TRUE(received);
    received->file.release();
  }
  EXPECT_EQ(content(path()), "x");
}

TEST_F(UploadTest, TheLimitIsExact) {
  Result<Upload> upload = create(10);
  ASSERT_TRUE(upload);
  ASSERT_TRUE(upload->write(std::string_view("0123456789")));
  const Result<void> beyond = upload->write(std::string_view("x"));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Code::LimitBytes);
  EXPECT_EQ(beyond.error().message, "the file is larger than the 10 B that are allowed");
}

TEST_F(UploadTest, AFullDiskIsTold) {
  struct rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  Result<Upload> upload = create();
  ASSERT_TRUE(upload);
  auto* const before = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{.rlim_cur = 4096, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Result<void> written = upload->write(std::string(10'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::StorageFull);
}

TEST_F(UploadTest, AFolderThatCannotBeMadeIsTold) {
  std::ofstream(folder_.path() / "spool") << "a file";
  const Result<Upload> upload = create();
  ASSERT_FALSE(upload);
  EXPECT_EQ(upload.error().code, Code::StorageDenied);
}

}  // namespace
}  // namespace rowgate::load

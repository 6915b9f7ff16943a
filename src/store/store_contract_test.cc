// What every Store must do: one in a local folder, one in an S3 bucket.

#include "io/testing.h"
#include "store/store.h"
#include "store/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Kind { Folder, S3 };

class StoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  StoreContract() {
    if (GetParam() != Kind::Folder) s3_ = testing::S3Server::shared().settings();
    reopen();
  }
  /// As another process would.
  void reopen() {
    if (s3_)
      store_ = s3_store(*s3_);
    else
      store_ = dir_store(root_ / "files");
  }
  void put(const FileKey& key, std::string_view bytes) {
    Result<std::unique_ptr<StoreWriter>> writer = store_->create(key);
    ASSERT_TRUE(writer) << to_text(writer.error());
    ASSERT_TRUE((*writer)->write(bytes));
    ASSERT_TRUE((*writer)->close());
  }
  /// The file's bytes from `offset`, or the code of the error.
  std::string get(const FileKey& key, std::uint64_t offset = 0) {
    const Result<std::shared_ptr<io::SourceFile>> file = store_->file(key);
    if (!file) return std::string(text(file.error().code));
    const Result<std::unique_ptr<io::Source>> source = (*file)->open(offset);
    if (!source) return std::string(text(source.error().code));
    return io::read_all(**source, 1 << 20).value_or("unreadable");
  }
  std::vector<std::string> keys(const FileKey& folder) {
    const Result<std::vector<StoredFile>> files = store_->list(folder);
    std::vector<std::string> found;
    if (!files) return {std::string(text(files.error().code))};
    for (const StoredFile& file : *files) found.push_back(file.key);
    return found;
  }
  static std::string code_of(const Result<void>& result) {
    return result ? "done" : std::string(text(result.error().code));
  }

  io::testing::TempFolder folder_;
  fs::path root_ = folder_.path();
  std::optional<S3Settings> s3_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(Kind::Folder, Kind::S3),
                         [](const auto& info) { return info.param == Kind::Folder ? "Folder" : "S3"; });

TEST_P(StoreContract, AFileIsThereWhenItIsClosedAndNotBefore) {
  Result<std::unique_ptr<StoreWriter>> writer = store_->create("reports/lnk_1/a.csv");
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->write("a,b\r\n"));
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "file.not_found");
  EXPECT_THAT(keys("reports"), IsEmpty());
  ASSERT_TRUE((*writer)->close());
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "a,b\r\n");
}

TEST_P(StoreContract, AWriterThatIsDroppedLeavesNothing) {
  {
    Result<std::unique_ptr<StoreWriter>> writer = store_->create("reports/lnk_1/a.csv");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write("half"));
  }
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "file.not_found");
  EXPECT_THAT(keys("reports"), IsEmpty());
}

TEST_P(StoreContract, KeysHaveOneToFourLevels) {
  for (const char* key : {"one", "two/levels.csv", "three/whole/levels.csv", "and/even/four/levels.csv"}) {
    put(key, key);
    EXPECT_EQ(get(key), key);
  }
}

TEST_P(StoreContract, NoOtherKeyIsTaken) {
  put("reports/lnk_1/a.csv", "a");
  const std::string cases[] = {"",
                               "/",
                               "/etc/passwd",
                               "..",
                               "../files/one",
                               "reports/../../etc",
                               "reports/.",
                               ".link-keys",
                               "reports/.hidden",
                               "reports//a.csv",
                               "reports/lnk_1/",
                               "a/b/c/d/e",
                               "reports/lnk_1/a%2f",
                               "reports\\a",
                               "reports/a b.csv",
                               std::string("reports/a\0.csv", 14),
                               "reports/\xC3\xA9.csv",
                               "reports/" + std::string(151, 'a')};
  for (const std::string& key : cases) {
    SCOPED_TRACE(key);
    EXPECT_EQ(get(key), "storage.denied");
    EXPECT_FALSE(store_->create(key));
    EXPECT_EQ(code_of(store_->remove(key)), "storage.denied");
    EXPECT_EQ(code_of(store_->copy(key, "reports/lnk_2/a.csv")), "storage.denied");
    EXPECT_EQ(code_of(store_->copy("reports/lnk_1/a.csv", key)), "storage.denied");
    EXPECT_FALSE(store_->list(key));
  }
}

TEST_P(StoreContract, TellsSizeAndReadsFromAnyOffset) {
  put("reports/lnk_1/a.csv", "0123456789");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->stored_size(), 10u);
  EXPECT_EQ(get("reports/lnk_1/a.csv", 0), "0123456789");
  EXPECT_EQ(get("reports/lnk_1/a.csv", 7), "789");
  EXPECT_EQ(get("reports/lnk_1/a.csv", 10), "");
  EXPECT_EQ(get("reports/lnk_1/a.csv", 11), "");
}

TEST_P(StoreContract, AFileThatIsOpenIsReadToItsEndWhateverHappensToIt) {
  put("reports/lnk_1/a.csv", "before");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  put("reports/lnk_1/a.csv", "after, and longer");
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "after, and longer");
  ASSERT_TRUE(store_->remove("reports/lnk_1/a.csv"));
  const Result<std::unique_ptr<io::Source>> source = (*file)->open(3);
  ASSERT_TRUE(source);
  EXPECT_EQ(io::read_all(**source, 100).value_or(""), "ore");
  EXPECT_EQ((*file)->stored_size(), 6u);
}

TEST_P(StoreContract, WhatIsNotThereIsNotFound) {
  put("reports/lnk_1/a.csv", "a");
  for (const char* key : {"reports/lnk_1/b.csv", "reports/lnk_2/a.csv", "reports/lnk_1", "reports", "x"}) {
    SCOPED_TRACE(key);
    EXPECT_EQ(get(key), "file.not_found") << "a folder is never shown";
    EXPECT_FALSE(store_->open(key));
    EXPECT_EQ(code_of(store_->remove(key)), "file.not_found");
    EXPECT_EQ(code_of(store_->copy(key, "reports/lnk_3/a.csv")), "file.not_found");
  }
  EXPECT_THAT(keys("reports"), ElementsAre("reports/lnk_1/a.csv"));
}

TEST_P(StoreContract, ACopyStandsForItself) {
  put("reports/lnk_1/a.csv", "bytes");
  ASSERT_TRUE(store_->copy("reports/lnk_1/a.csv", "reports/lnk_2/b.csv"));
  EXPECT_EQ(get("reports/lnk_2/b.csv"), "bytes");
  put("reports/lnk_1/a.csv", "others");
  EXPECT_EQ(get("reports/lnk_2/b.csv"), "bytes");
  ASSERT_TRUE(store_->remove("reports/lnk_1/a.csv"));
  EXPECT_EQ(get("reports/lnk_2/b.csv"), "bytes");
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "file.not_found");
}

TEST_P(StoreContract, ListsWhatLiesBelowAFolder) {
  put("reports/lnk_2/b.csv", "22");
  put("reports/lnk_1/a.csv", "1");
  put("rejects/run_1.jsonl", "x");
  const Result<std::vector<StoredFile>> files = store_->list("reports");
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].key, "reports/lnk_1/a.csv");
  EXPECT_EQ((*files)[0].bytes, 1u);
  EXPECT_EQ((*files)[1].key, "reports/lnk_2/b.csv");
  const std::int64_t age = SystemClock().now().micros - (*files)[0].stored_at.micros;
  EXPECT_GE(age, -1'000'000);
  EXPECT_LT(age, 60'000'000);
  EXPECT_THAT(keys("reports/lnk_2"), ElementsAre("reports/lnk_2/b.csv"));
  EXPECT_THAT(keys("rejects"), ElementsAre("rejects/run_1.jsonl"));
  EXPECT_THAT(keys("sources"), IsEmpty());
}

TEST_P(StoreContract, AFileIsReplacedAtOnceOrNotAtAll) {
  put("rejects/run_1.jsonl", "first");
  {
    Result<std::unique_ptr<StoreWriter>> dropped = store_->create("rejects/run_1.jsonl");
    ASSERT_TRUE(dropped);
    ASSERT_TRUE((*dropped)->write("half"));
    EXPECT_EQ(get("rejects/run_1.jsonl"), "first");
  }
  EXPECT_EQ(get("rejects/run_1.jsonl"), "first");
  put("rejects/run_1.jsonl", "second");
  EXPECT_EQ(get("rejects/run_1.jsonl"), "second");
}

TEST_P(StoreContract, TakesAnyBytesInAnyPieces) {
  std::string whole;
  Result<std::unique_ptr<StoreWriter>> writer = store_->create("rejects/run_1.jsonl");
  ASSERT_TRUE(writer);
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>(i));
    ASSERT_TRUE((*writer)->write(piece));
    whole += piece;
  }
  ASSERT_TRUE((*writer)->close());
  EXPECT_EQ(get("rejects/run_1.jsonl"), whole);
}

TEST_P(StoreContract, AClosedFileTakesNothingMore) {
  Result<std::unique_ptr<StoreWriter>> writer = store_->create("rejects/run_1.jsonl");
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->write("whole"));
  ASSERT_TRUE((*writer)->close());
  EXPECT_FALSE((*writer)->write("more"));
  EXPECT_EQ(get("rejects/run_1.jsonl"), "whole");
}

TEST_P(StoreContract, ManyThreadsMayUseIt) {
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([this, thread] {
        for (int i = 0; i < 20; ++i) {
          const std::string key = fmt::format("rejects/run_{}_{}.jsonl", thread, i);
          put(key, key);
          EXPECT_EQ(get(key), key);
          if (i % 2 == 0) EXPECT_EQ(code_of(store_->remove(key)), "done");
        }
      });
  }
  EXPECT_EQ(keys("rejects").size(), 40u);
}

TEST_P(StoreContract, AnotherProcessFindsWhatIsThere) {
  put("rejects/run_1.jsonl", "kept");
  reopen();
  EXPECT_EQ(get("rejects/run_1.jsonl"), "kept");
  EXPECT_THAT(keys("rejects"), ElementsAre("rejects/run_1.jsonl"));
}

TEST_P(StoreContract, AFileIsTakenOver) {
  std::ofstream(root_ / "received.part") << "id,name\n";
  EXPECT_EQ(code_of(store_->adopt("sources/run_1", root_ / "received.part")), "done");
  EXPECT_EQ(get("sources/run_1"), "id,name\n");
  EXPECT_FALSE(fs::exists(root_ / "received.part"));
  EXPECT_EQ(code_of(store_->adopt("../run_1", root_ / "received.part")), "storage.denied");
  EXPECT_NE(code_of(store_->adopt("sources/run_2", root_ / "no.part")), "done");
  EXPECT_THAT(keys("sources"), ElementsAre("sources/run_1"));
}

/// As it is done where the file lies on another disk.
TEST_P(StoreContract, AFileIsCopiedWhereItCannotBeMoved) {
  std::ofstream(root_ / "received.part") << std::string(300'000, 'x');
  EXPECT_EQ(code_of(store_->Store::adopt("sources/run_1", root_ / "received.part")), "done");
  EXPECT_EQ(get("sources/run_1"), std::string(300'000, 'x'));
  EXPECT_FALSE(fs::exists(root_ / "received.part"));
  EXPECT_EQ(code_of(store_->Store::adopt("sources/run_2", root_ / "no.part")), "file.not_found");
}

TEST_P(StoreContract, TellsTheHashOfAFile) {
  put("reports/lnk_1/a.csv", "0123456789");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  const std::string hash = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
  EXPECT_EQ((*file)->sha256().value_or("unreadable"), hash);
  const Result<std::unique_ptr<io::Source>> source = (*file)->open(0);
  ASSERT_TRUE(source);
  EXPECT_EQ(io::testing::rest_of(**source, 3), "0123456789");
  EXPECT_EQ((*file)->sha256().value_or("unreadable"), hash);
  EXPECT_EQ((*file)->name(), "reports/lnk_1/a.csv");
}

TEST_P(StoreContract, AnEmptyFileIsAFile) {
  put("rejects/run_1.jsonl", "");
  EXPECT_EQ(get("rejects/run_1.jsonl"), "");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("rejects/run_1.jsonl");
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->stored_size(), 0u);
  EXPECT_THAT(keys("rejects"), ElementsAre("rejects/run_1.jsonl"));
}

TEST_P(StoreContract, AProbeLeavesNothing) {
  const Result<StoreHealth> health = store_->probe();
  ASSERT_TRUE(health) << to_text(health.error());
  EXPECT_EQ(health->credentials, s3_ ? "the test" : "");
  EXPECT_EQ(health->clock_ahead.has_value(), s3_.has_value());
  const fs::path where =
      s3_ ? testing::S3Server::shared().folder() / "data" / s3_->bucket / s3_->prefix : root_ / "files";
  if (fs::exists(where)) EXPECT_THAT(io::testing::entries_of(where), IsEmpty());
}

}  // namespace
}  // namespace rowgate::store

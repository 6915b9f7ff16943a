// What only a store in a local folder has; all else is in store_contract_test.cc.

#include "io/testing.h"
#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DirStoreTest : public ::testing::Test {
 protected:
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
  std::unique_ptr<Store> store_ = dir_store(root_ / "files");
};

TEST_F(DirStoreTest, NothingIsMadeByLooking) {
  EXPECT_EQ(get("rejects/run_1.jsonl"), "file.not_found");
  EXPECT_THAT(keys("rejects"), IsEmpty());
  EXPECT_EQ(code_of(store_->remove("rejects/run_1.jsonl")), "file.not_found");
  EXPECT_FALSE(fs::exists(root_ / "files"));
}

TEST_F(DirStoreTest, AFullDiskLeavesTheOldFile) {
  put("rejects/run_1.jsonl", "old");
  EXPECT_EQ(io::testing::in_child([this] {
              io::testing::fill_disk_after(1000);
              Result<std::unique_ptr<StoreWriter>> writer = store_->create("rejects/run_1.jsonl");
              return writer ? code_of((*writer)->write(std::string(1001, 'x'))) : std::string("not made");
            }),
            "storage.full");
  EXPECT_EQ(get("rejects/run_1.jsonl"), "old");
  EXPECT_THAT(io::testing::entries_of(root_ / "files"), ElementsAre("rejects", "rejects/run_1.jsonl"));
}

TEST_F(DirStoreTest, WhatStandsInTheWayIsTold) {
  put("rejects", "a file");
  EXPECT_FALSE(store_->create("rejects/run_1.jsonl"));
  EXPECT_EQ(get("rejects/run_1.jsonl"), "file.not_found");
  put("reports/lnk_1/a.csv", "a");
  Result<std::unique_ptr<StoreWriter>> writer = store_->create("reports/lnk_1");
  ASSERT_TRUE(writer);
  EXPECT_EQ(code_of((*writer)->close()), "storage.denied");
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "a");
}

TEST_F(DirStoreTest, FilesAndFoldersAreForTheOwnerAlone) {
  put("reports/lnk_1/a.csv", "a");
  EXPECT_EQ(fs::status(root_ / "files/reports/lnk_1/a.csv").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(root_ / "files/reports/lnk_1").permissions(), fs::perms::owner_all);
}

TEST_F(DirStoreTest, AWriterThatIsDroppedLeavesNoFile) {
  {
    Result<std::unique_ptr<StoreWriter>> writer = store_->create("reports/lnk_1/a.csv");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write("half"));
  }
  EXPECT_TRUE(fs::is_empty(root_ / "files" / "reports" / "lnk_1"));
}

TEST_F(DirStoreTest, TheFolderOfALinkGoesWithItsFile) {
  put("reports/lnk_1/a.csv", "a");
  ASSERT_TRUE(store_->remove("reports/lnk_1/a.csv"));
  EXPECT_TRUE(fs::is_empty(root_ / "files" / "reports"));
}

TEST_F(DirStoreTest, SymbolicLinksAreNotFollowed) {
  fs::create_directories(root_ / "outside");
  std::ofstream(root_ / "outside" / "secret.csv") << "secret";
  put("reports/lnk_1/a.csv", "a");
  fs::create_symlink(root_ / "outside" / "secret.csv", root_ / "files/reports/lnk_1/s.csv");
  fs::create_directory_symlink(root_ / "outside", root_ / "files/reports/lnk_2");
  EXPECT_EQ(get("reports/lnk_1/s.csv"), "storage.denied");
  EXPECT_EQ(get("reports/lnk_2/secret.csv"), "storage.denied");
  EXPECT_EQ(code_of(store_->remove("reports/lnk_2/secret.csv")), "storage.denied");
  EXPECT_EQ(code_of(store_->copy("reports/lnk_2/secret.csv", "reports/lnk_3/a.csv")), "storage.denied");
  EXPECT_FALSE(store_->create("reports/lnk_2/new.csv"));
  EXPECT_THAT(keys("reports"), ElementsAre("reports/lnk_1/a.csv"));
}

TEST_F(DirStoreTest, WhatDeadWritersLeftGoesAfterADay) {
  put("reports/lnk_1/a.csv", "a");
  const fs::path old = root_ / "files/reports/lnk_1/.b.csv.tmp-0000abcd";
  const fs::path fresh = root_ / "files/reports/lnk_1/.c.csv.tmp-0000abcd";
  std::ofstream(old) << "half";
  std::ofstream(fresh) << "half";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
  EXPECT_THAT(keys("reports"), ElementsAre("reports/lnk_1/a.csv"));
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
}

}  // namespace
}  // namespace rowgate::store

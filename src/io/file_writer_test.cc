#include "io/files.h"
#include "io/testing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace rowgate::io {
namespace {

namespace fs = std::filesystem;
using testing::outcome;
using testing::TempFolder;
using Names = std::vector<std::string>;

std::string text_of(const fs::path& path) {
  return testing::contents(**open_file(path, path.filename().string()));
}

TEST(FileWriter, AppearsWholeWhenItIsClosed) {
  const TempFolder folder;
  auto file = *FileWriter::create(folder / "report.csv");
  EXPECT_EQ(file.bytes_written(), 0u);
  ASSERT_TRUE(file.write("id\n"));
  ASSERT_TRUE(file.write(""));
  ASSERT_TRUE(file.write("7\n"));
  EXPECT_EQ(file.bytes_written(), 5u);
  EXPECT_FALSE(fs::exists(folder / "report.csv"));
  ASSERT_TRUE(file.close());
  EXPECT_EQ(folder.entries(), Names{"report.csv"});
  EXPECT_EQ(text_of(folder / "report.csv"), "id\n7\n");
}

TEST(FileWriter, LeavesNothingWhenDropped) {
  const TempFolder folder;
  {
    auto file = *FileWriter::create(folder / "report.csv");
    ASSERT_TRUE(file.write("id\n"));
    EXPECT_EQ(folder.entries().size(), 1u);
  }
  EXPECT_TRUE(folder.entries().empty());
}

TEST(FileWriter, ReplacesTheOldFileAtOnceOrNotAtAll) {
  const TempFolder folder;
  std::ofstream(folder / "report.csv") << "old\n";
  {
    auto dropped = *FileWriter::create(folder / "report.csv");
    ASSERT_TRUE(dropped.write("half"));
  }
  EXPECT_EQ(text_of(folder / "report.csv"), "old\n");
  const auto reader = *(*open_file(folder / "report.csv", "report.csv"))->open(0);
  auto file = *FileWriter::create(folder / "report.csv");
  ASSERT_TRUE(file.write("new\n"));
  EXPECT_EQ(text_of(folder / "report.csv"), "old\n");
  ASSERT_TRUE(file.close());
  EXPECT_EQ(text_of(folder / "report.csv"), "new\n");
  EXPECT_EQ(testing::rest_of(*reader), "old\n") << "who had it open goes on with the old one";
  EXPECT_EQ(folder.entries(), Names{"report.csv"});
}

TEST(FileWriter, TwoOfOneNameDoNotMix) {
  const TempFolder folder;
  auto one = *FileWriter::create(folder / "report.csv"), two = *FileWriter::create(folder / "report.csv");
  ASSERT_TRUE(one.write("one"));
  ASSERT_TRUE(two.write("two"));
  ASSERT_TRUE(two.close());
  EXPECT_EQ(text_of(folder / "report.csv"), "two");
  ASSERT_TRUE(one.close());
  EXPECT_EQ(text_of(folder / "report.csv"), "one");
  EXPECT_EQ(folder.entries(), Names{"report.csv"});
}

TEST(FileWriter, LeavesAFileThatIsThereWhenToldTo) {
  const TempFolder folder;
  for (const char* text : {"first", "second"}) {
    auto file = *FileWriter::create(folder / "keys");
    ASSERT_TRUE(file.write(text));
    ASSERT_TRUE(file.close_unless_there());
  }
  EXPECT_EQ(text_of(folder / "keys"), "first");
  EXPECT_EQ(folder.entries(), Names{"keys"});
}

TEST(FileWriter, IsForThisUserOnly) {
  const TempFolder folder;
  ASSERT_TRUE(FileWriter::create(folder / "a" / "b" / "report.csv")->close());
  EXPECT_EQ(folder.entries(), (Names{"a", "a/b", "a/b/report.csv"}));
  EXPECT_EQ(fs::status(folder / "a" / "b" / "report.csv").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  for (const char* made : {"a", "a/b"})
    EXPECT_EQ(fs::status(folder / made).permissions(), fs::perms::owner_all);
}

TEST(FileWriter, TakesTheLongestNameOfAFolder) {
  const TempFolder folder;
  const std::string longest(255, 'n');
  ASSERT_TRUE(FileWriter::create(folder / longest)->close());
  EXPECT_EQ(folder.entries(), Names{longest});
  auto file = FileWriter::create(folder / (longest + "n"));
  ASSERT_TRUE(file);
  const auto closed = file->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Code::StorageDenied);
}

TEST(FileWriter, ReplacesALinkAndNotWhatItPointsTo) {
  const TempFolder folder;
  std::ofstream(folder / "other.csv") << "mine\n";
  fs::create_symlink("other.csv", folder / "report.csv");
  auto file = *FileWriter::create(folder / "report.csv");
  ASSERT_TRUE(file.write("new\n"));
  ASSERT_TRUE(file.close());
  EXPECT_EQ(text_of(folder / "other.csv"), "mine\n");
  EXPECT_FALSE(fs::is_symlink(folder / "report.csv"));
  EXPECT_EQ(text_of(folder / "report.csv"), "new\n");
}

TEST(FileWriter, ForAPersonWritesThroughLinksDevicesAndPipes) {
  const TempFolder folder;
  std::ofstream(folder / "target.csv") << "something longer than what comes\n";
  fs::create_symlink("target.csv", folder / "link.csv");
  auto file = *FileWriter::create_for_user(folder / "link.csv");
  ASSERT_TRUE(file.write("id\n"));
  ASSERT_TRUE(file.close());
  EXPECT_EQ(text_of(folder / "target.csv"), "id\n");
  EXPECT_TRUE(fs::is_symlink(folder / "link.csv"));

  auto nothing = *FileWriter::create_for_user("/dev/null");
  ASSERT_TRUE(nothing.write("id\n"));
  ASSERT_TRUE(nothing.close());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));

  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::string read;
  {
    const std::jthread reader([&] { std::getline(std::ifstream(folder / "pipe"), read); });
    auto pipe = *FileWriter::create_for_user(folder / "pipe");
    ASSERT_TRUE(pipe.write("id\n"));
    ASSERT_TRUE(pipe.close());
  }
  EXPECT_EQ(read, "id");
  EXPECT_EQ(folder.entries(), (Names{"link.csv", "pipe", "target.csv"}));
}

TEST(FileWriter, ForAPersonIsAnOrdinaryFileElsewhere) {
  const TempFolder folder;
  std::ofstream(folder / "old.csv") << "old\n";
  fs::create_symlink("nowhere.csv", folder / "dangling.csv");
  for (const char* name : {"old.csv", "new.csv", "dangling.csv"}) {
    {
      ASSERT_TRUE(FileWriter::create_for_user(folder / name)->write("dropped\n"));
    }
    auto file = *FileWriter::create_for_user(folder / name);
    ASSERT_TRUE(file.write("id\n"));
    ASSERT_TRUE(file.close());
    EXPECT_EQ(text_of(folder / name), "id\n");
  }
  EXPECT_EQ(folder.entries(), (Names{"dangling.csv", "new.csv", "old.csv"}));
}

TEST(FileWriter, DoesNotReplaceAFolder) {
  const TempFolder folder;
  fs::create_directory(folder / "report.csv");
  {
    auto file = *FileWriter::create(folder / "report.csv");
    EXPECT_EQ(outcome(file.close()), "storage.denied: cannot make '" + (folder / "report.csv").string() +
                                         "': Is a directory (check the path and who may write there)");
  }
  EXPECT_EQ(folder.entries(), Names{"report.csv"}) << "nothing is left beside it";
}

TEST(FileWriter, TellsAFolderThatIsNone) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto file = FileWriter::create(folder / "file" / "report.csv");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::StorageDenied);
}

TEST(FileWriter, AFullDiskLeavesTheOldFile) {
  const TempFolder folder;
  std::ofstream(folder / "report.csv") << "old\n";
  const std::string answer = testing::in_child([&] {
    testing::fill_disk_after(1000);
    auto file = *FileWriter::create(folder / "report.csv");
    const std::string fits = outcome(file.write(std::string(999, 'x')));
    return fits + "; " + outcome(file.write("yz"));
  });
  EXPECT_EQ(answer, "done; storage.full: cannot write '" + (folder / "report.csv").string() +
                        "': File too large (make room there, or set another folder in `storage`)");
  EXPECT_EQ(folder.entries(), Names{"report.csv"});
  EXPECT_EQ(text_of(folder / "report.csv"), "old\n");
}

TEST(FileWriter, TakesNothingAfterItWasClosed) {
  const TempFolder folder;
  auto file = *FileWriter::create(folder / "report.csv");
  ASSERT_TRUE(file.write("whole"));
  ASSERT_TRUE(file.close());
  EXPECT_FALSE(file.write("more"));
  EXPECT_FALSE(file.close());
  EXPECT_EQ(text_of(folder / "report.csv"), "whole");
}

TEST(FileWriter, CanBeMoved) {
  const TempFolder folder;
  auto first = *FileWriter::create(folder / "a.csv");
  ASSERT_TRUE(first.write("a"));
  FileWriter moved = std::move(first);
  moved = *FileWriter::create(folder / "b.csv");
  ASSERT_TRUE(moved.write("b"));
  ASSERT_TRUE(moved.close());
  EXPECT_EQ(folder.entries(), Names{"b.csv"}) << "what was moved over is dropped";
}

}  // namespace
}  // namespace rowgate::io

#include "io/files.h"
#include "io/testing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace rowgate::io {
namespace {

TEST(OpenFile, TellsWhyItCannot) {
  const testing::TempFolder folder;
  EXPECT_EQ(testing::trouble(open_file(folder / "people.csv", "people.csv")),
            "file.not_found: 'people.csv' does not exist (check the path)");
  EXPECT_EQ(testing::trouble(open_file(folder / "a\nb.csv", "a\nb.csv")),
            "file.not_found: 'a\\nb.csv' does not exist (check the path)");
  EXPECT_EQ(testing::trouble(open_file(folder.path(), "exports")),
            "file.unreadable: 'exports' is a folder (name the files in it)");
  std::ofstream(folder / "plain.csv") << "id\n";
  EXPECT_EQ(
      testing::trouble(open_file(folder / "plain.csv" / "x.csv", "plain.csv/x.csv")),
      "file.unreadable: cannot read 'plain.csv/x.csv': Not a directory (check the path and who may read it)");
}

TEST(OpenFile, NeitherHangsOnAPipeNorReadsADevice) {
  const testing::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(testing::trouble(open_file(folder / "pipe", "pipe")),
            "file.unreadable: 'pipe' is not a plain file (pipe it in and give - as the file's name)");
  EXPECT_EQ(testing::trouble(open_file("/dev/zero", "/dev/zero")),
            "file.unreadable: '/dev/zero' is not a plain file (pipe it in and give - as the file's name)");
}

TEST(OpenFile, NeedsTheRightToRead) {
  const testing::TempFolder folder;
  std::ofstream(folder / "people.csv") << "id\n";
  ASSERT_EQ(::chmod((folder / "people.csv").c_str(), 0), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string answer = testing::in_child([&] {
    // Root may read everything; whoever else runs the tests may not read this.
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return std::string("cannot become nobody");
    return testing::trouble(open_file(folder / "people.csv", "people.csv"));
  });
  EXPECT_EQ(
      answer,
      "file.unreadable: cannot read 'people.csv': Permission denied (check the path and who may read it)");
}

TEST(OpenFile, FollowsLinksAndLeavesTheFileAlone) {
  const testing::TempFolder folder;
  std::ofstream(folder / "people.csv") << "id\n7\n";
  std::filesystem::create_symlink("people.csv", folder / "link.csv");
  const auto written = std::filesystem::last_write_time(folder / "people.csv");
  const auto file = open_file(folder / "link.csv", "link.csv");
  ASSERT_TRUE(file);
  EXPECT_EQ(testing::contents(**file), "id\n7\n");
  EXPECT_EQ(std::filesystem::last_write_time(folder / "people.csv"), written);
  EXPECT_EQ(folder.entries(), (std::vector<std::string>{"link.csv", "people.csv"}));
}

TEST(OpenFile, StaysWithTheFileThatItOpened) {
  const testing::TempFolder folder;
  std::ofstream(folder / "people.csv") << "id\n7\n";
  const auto file = open_file(folder / "people.csv", "people.csv");
  std::filesystem::remove(folder / "people.csv");
  std::ofstream(folder / "people.csv") << "another\n";
  EXPECT_EQ(testing::contents(**file), "id\n7\n");
}

}  // namespace
}  // namespace rowgate::io

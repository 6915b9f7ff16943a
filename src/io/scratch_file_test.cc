#include "io/files.h"
#include "io/testing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <thread>

namespace rowgate::io {
namespace {

using testing::outcome;
using testing::TempFolder;

/// What can be read from `offset` on, at most `size` bytes.
std::string read(const ScratchFile& file, std::uint64_t offset, std::size_t size) {
  std::string into(size, '\0');
  const auto got = file.read_at(offset, into);
  return got ? into.substr(0, *got) : "error: " + to_text(got.error());
}

TEST(ScratchFile, KeepsWhatIsAppended) {
  const TempFolder folder;
  auto file = *ScratchFile::create(folder / "scratch");
  EXPECT_EQ(file.size(), 0u);
  EXPECT_EQ(read(file, 0, 10), "");
  ASSERT_TRUE(file.append(std::string_view("hello ")));
  ASSERT_TRUE(file.append(std::string_view("")));
  ASSERT_TRUE(file.append(std::string_view("world")));
  EXPECT_EQ(file.size(), 11u);
  EXPECT_EQ(read(file, 0, 11), "hello world");
  EXPECT_EQ(read(file, 6, 5), "world");
  EXPECT_EQ(read(file, 6, 100), "world") << "short at the end";
  EXPECT_EQ(read(file, 11, 1), "");
  EXPECT_EQ(read(file, 1000, 1), "");
}

TEST(ScratchFile, IsNeverSeen) {
  const TempFolder folder;
  {
    auto file = *ScratchFile::create(folder / "scratch");
    ASSERT_TRUE(file.append(std::string_view("hello")));
    EXPECT_EQ(folder.entries(), std::vector<std::string>{"scratch"});
  }
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"scratch"});
}

TEST(ScratchFile, MovesWithItsBytes) {
  const TempFolder folder;
  auto first = *ScratchFile::create(folder.path());
  ASSERT_TRUE(first.append(std::string_view("first")));
  auto second = std::move(first);
  EXPECT_EQ(second.size(), 5u);
  auto third = *ScratchFile::create(folder.path());
  ASSERT_TRUE(third.append(std::string_view("third one")));
  third = std::move(second);
  EXPECT_EQ(read(third, 0, 100), "first");
  ASSERT_TRUE(third.append(std::string_view(" and more")));
  EXPECT_EQ(read(third, 0, 100), "first and more");
}

TEST(ScratchFile, NamesItsFolderWhenTheDiskIsFull) {
  const TempFolder folder;
  EXPECT_EQ(testing::in_child([&] {
              testing::fill_disk_after(1000);
              auto file = *ScratchFile::create(folder.path());
              const std::string answer = outcome(file.append(std::string(1001, 'x')));
              return answer + "; " + std::to_string(read(file, 0, 2000).size());
            }),
            "storage.full: cannot write a scratch file in '" + folder.path().string() +
                "': File too large (make room there, or set another folder in `storage`); 1000");
}

TEST(ScratchFile, TellsAFolderThatIsNone) {
  const TempFolder folder;
  ASSERT_TRUE(FileWriter::create(folder / "file")->close());
  const auto file = ScratchFile::create(folder / "file");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::StorageDenied);
  EXPECT_EQ(file.error().message,
            "cannot make a scratch file in '" + (folder / "file").string() + "': Not a directory");
}

TEST(ScratchFile, IsReadByManyThreads) {
  const TempFolder folder;
  auto file = *ScratchFile::create(folder.path());
  const std::string rows = testing::csv_rows(5000);
  ASSERT_TRUE(file.append(rows));
  std::vector<std::string> parts(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < parts.size(); ++i)
      threads.emplace_back([&, i] { parts[i] = read(file, i * 100, rows.size()); });
  }
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i], rows.substr(i * 100));
}

RC_GTEST_PROP(ScratchFileProperty, IsTheTextOfItsPieces, (const std::vector<std::string>& pieces)) {
  const TempFolder folder;
  auto file = *ScratchFile::create(folder.path());
  std::string whole;
  for (const std::string& piece : pieces) {
    RC_ASSERT(file.append(piece).has_value());
    whole += piece;
  }
  RC_ASSERT(file.size() == whole.size());
  const auto at = *rc::gen::inRange<std::size_t>(0, whole.size() + 1);
  RC_ASSERT(read(file, at, whole.size() + 1) == whole.substr(at));
}

}  // namespace
}  // namespace rowgate::io

#include "io/digest.h"
#include "io/files.h"
#include "io/testing.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>

namespace rowgate::io {
namespace {

using testing::contents;
using testing::FaultySource;
using testing::PieceSource;
using testing::TempFolder;

// The folder is made when the first file in it is.
TEST(Spool, MakesAFileOnlyForWhatMemoryMayNotHold) {
  for (const std::size_t piece : std::initializer_list<std::size_t>{1, 7, 100, 1 << 20}) {
    const TempFolder folder;
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 99, 100}) {
      PieceSource source("", piece);
      const std::string bytes(size, 'x');
      source = PieceSource(bytes, piece);
      EXPECT_EQ(contents(**spool(source, folder / "spool", "-", 100)), bytes);
      EXPECT_TRUE(folder.entries().empty()) << size << " bytes in pieces of " << piece;
    }
    const std::string bytes(101, 'x');
    PieceSource source(bytes, piece);
    EXPECT_EQ(contents(**spool(source, folder / "spool", "-", 100)), bytes);
    EXPECT_EQ(folder.entries(), std::vector<std::string>{"spool"}) << "the file in it has no name";
  }
}

TEST(Spool, HoldsAMebibyteInMemoryUnlessToldOtherwise) {
  const TempFolder folder;
  std::string bytes(1 << 20, 'x');
  PieceSource fits(bytes, 65'536);
  ASSERT_TRUE(spool(fits, folder / "spool", "-"));
  EXPECT_TRUE(folder.entries().empty());
  bytes += 'x';
  PieceSource more(bytes, 65'536);
  ASSERT_TRUE(spool(more, folder / "spool", "-"));
  EXPECT_FALSE(folder.entries().empty());
}

TEST(Spool, KnowsTheHashBeforeItIsRead) {
  const TempFolder folder;
  const std::string bytes = testing::csv_rows(5000);
  for (const std::size_t memory : {std::size_t{0}, bytes.size()}) {
    PieceSource source(bytes, 1000);
    const auto file = *spool(source, folder.path(), "-", memory);
    EXPECT_EQ(*file->sha256(), sha256_hex(bytes));
    EXPECT_EQ(file->stored_bytes_read(), 0u);
    EXPECT_EQ(file->stored_size(), bytes.size());
    EXPECT_EQ(file->name(), "-");
  }
}

TEST(Spool, PassesTheErrorOfTheStreamOn) {
  const TempFolder folder;
  for (const std::size_t memory : std::initializer_list<std::size_t>{0, 100}) {
    FaultySource source("id,name\n7,Ada", 3);
    EXPECT_EQ(testing::trouble(spool(source, folder.path(), "-", memory)),
              "file.unreadable: the cable was pulled");
    EXPECT_TRUE(folder.entries().empty());
  }
}

TEST(Spool, ItsFolderIsForThisUserOnly) {
  const TempFolder folder;
  PieceSource source("id\n", 3);
  ASSERT_TRUE(spool(source, folder / "data" / "spool", "-", 0));
  for (const auto& made : {folder / "data", folder / "data" / "spool"})
    EXPECT_EQ(std::filesystem::status(made).permissions(), std::filesystem::perms::owner_all);
}

TEST(Spool, TellsAFolderThatIsNone) {
  const TempFolder folder;
  { *FileWriter::create(folder / "spool")->close(); }
  PieceSource source("id\n", 3);
  EXPECT_EQ(testing::trouble(spool(source, folder / "spool", "-", 0)),
            "storage.denied: cannot make a scratch file in '" + (folder / "spool").string() +
                "': Not a directory (check the path and who may write there)");
}

TEST(Spool, AFullDiskIsStorageFull) {
  const TempFolder folder;
  const std::string bytes(300'000, 'x');
  const std::string answer = testing::in_child([&] {
    testing::fill_disk_after(100'000);
    PieceSource source(bytes, 65'536);
    return testing::trouble(spool(source, folder.path(), "-", 4096));
  });
  EXPECT_EQ(answer, "storage.full: cannot write '" + folder.path().string() +
                        "': File too large (make room there, or set another folder in `storage`)");
  EXPECT_TRUE(folder.entries().empty());
}

/// What standard_input() gives in a child whose standard input is `fd`.
std::string input_of(int fd) {
  return testing::in_child([&] {
    ::dup2(fd, STDIN_FILENO);
    return testing::rest_of(*standard_input());
  });
}

TEST(StandardInput, IsReadToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "id\n7\n", 5), 5);
  ::close(ends[1]);
  EXPECT_EQ(input_of(ends[0]), "id\n7\n");
  ::close(ends[0]);
}

TEST(StandardInput, WaitsForAPipeThatDoesNotBlock) {
  const std::string answer = testing::in_child([] {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK) != 0) return std::string("no pipe");
    ::dup2(ends[0], STDIN_FILENO);
    const std::jthread writer([&] {
      for (const std::string_view line : {"id\n", "7\n"}) {
        if (::write(ends[1], line.data(), line.size()) < 0) break;
        std::this_thread::yield();
      }
      ::close(ends[1]);
    });
    return testing::rest_of(*standard_input());
  });
  EXPECT_EQ(answer, "id\n7\n");
}

TEST(StandardInput, TellsWhyItCannotBeRead) {
  const int folder = ::open("/", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(input_of(folder), "error: file.unreadable: cannot read standard input: Is a directory");
  ::close(folder);
  EXPECT_EQ(testing::in_child([] {
              ::close(STDIN_FILENO);
              return testing::rest_of(*standard_input());
            }),
            "error: file.unreadable: cannot read standard input: Bad file descriptor");
}

}  // namespace
}  // namespace rowgate::io

#include "io/descriptor.h"

#include "io/files.h"
#include "io/testing.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <thread>

namespace rowgate::io {
namespace {

using testing::outcome;
using testing::TempFolder;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Descriptor, ClosesOnceAndWithItsLastOwner) {
  int number = -1;
  {
    Descriptor first(::open("/dev/null", O_RDONLY));
    number = first.get();
    Descriptor second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is what is promised
    Descriptor third;
    third = std::move(second);
    EXPECT_EQ(third.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Descriptor, LetsGo) {
  int number = -1;
  {
    Descriptor fd(::open("/dev/null", O_RDONLY));
    number = fd.release();
    EXPECT_FALSE(fd);
  }
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(StorageError, SaysWhoseTroubleItIs) {
  const std::pair<int, Code> cases[] = {
      {ENOSPC, Code::StorageFull},         {EDQUOT, Code::StorageFull},   {EFBIG, Code::StorageFull},
      {EACCES, Code::StorageDenied},       {EPERM, Code::StorageDenied},  {EROFS, Code::StorageDenied},
      {ENOTDIR, Code::StorageDenied},      {ENOENT, Code::StorageDenied}, {EISDIR, Code::StorageDenied},
      {ENAMETOOLONG, Code::StorageDenied}, {ELOOP, Code::StorageDenied},  {EIO, Code::StorageDenied},
      {EBADF, Code::InternalError},        {EMFILE, Code::StorageFull},   {ENFILE, Code::StorageFull},
  };
  for (const auto& [number, code] : cases)
    EXPECT_EQ(storage_error(number, "cannot write", "/data").code, code) << number;
  EXPECT_EQ(to_text(storage_error(ENOSPC, "cannot write", "/data/a\nb")),
            "cannot write '/data/a\\nb': No space left on device (make room there, or set another folder in "
            "`storage`)");
  EXPECT_EQ(to_text(storage_error(EROFS, "cannot make", "/data/x")),
            "cannot make '/data/x': Read-only file system (check the path and who may write there)");
}

// A pipe of 64 KiB takes what it has room for.
TEST(WriteFully, GoesOnUntilAllIsWritten) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string bytes = testing::csv_rows(10'000);
  std::string read;
  {
    const std::jthread writer([&] {
      EXPECT_TRUE(write_fully(ends[1], bytes, "pipe"));
      ::close(ends[1]);
    });
    std::array<char, 999> piece{};
    for (ssize_t got; (got = ::read(ends[0], piece.data(), piece.size())) > 0;)
      read.append(piece.data(), static_cast<std::size_t>(got));
  }
  EXPECT_EQ(read, bytes);
  ::close(ends[0]);
}

TEST(WriteFully, ShowsAFullDisk) {
  const TempFolder folder;
  EXPECT_EQ(testing::in_child([&] {
              testing::fill_disk_after(1000);
              const Descriptor fd(::open((folder / "x").c_str(), O_WRONLY | O_CREAT, 0600));
              return outcome(write_fully(fd.get(), std::string(2000, 'x'), "/data/x"));
            }),
            "storage.full: cannot write '/data/x': File too large (make room there, or set another folder in "
            "`storage`)");
  EXPECT_EQ(std::filesystem::file_size(folder / "x"), 1000u) << "a short write came first";
}

TEST(MakeFolders, MakesAllThatIsMissingForThisUserOnly) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "a" / "b" / "c"));
  ASSERT_TRUE(make_folders(folder / "a" / "b" / "c")) << "again";
  EXPECT_EQ(folder.entries(), (std::vector<std::string>{"a", "a/b", "a/b/c"}));
  for (const char* made : {"a", "a/b", "a/b/c"})
    EXPECT_EQ(std::filesystem::status(folder / made).permissions(), std::filesystem::perms::owner_all);
  EXPECT_TRUE(make_folders("")) << "where the program stands";
}

TEST(MakeFolders, TellsWhatIsInTheWay) {
  const TempFolder folder;
  ASSERT_TRUE(FileWriter::create(folder / "file")->close());
  EXPECT_EQ(outcome(make_folders(folder / "file" / "a")),
            "storage.denied: cannot make the folder '" + (folder / "file/a").string() +
                "': Not a directory (check the path and who may write there)");
}

TEST(OpenUnlinked, IsNotSeenAndCanBeWrittenAndRead) {
  const TempFolder folder;
  const auto fd = open_unlinked(folder / "scratch");
  ASSERT_TRUE(fd);
  ASSERT_TRUE(write_fully(fd->get(), std::string_view("hello"), "x"));
  std::array<char, 5> read{};
  EXPECT_EQ(::pread(fd->get(), read.data(), 5, 0), 5);
  EXPECT_EQ(std::string_view(read.data(), 5), "hello");
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"scratch"});
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace rowgate::io

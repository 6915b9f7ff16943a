#include "io/digest.h"
#include "io/files.h"
#include "io/testing.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <thread>

namespace rowgate::io {
namespace {

using testing::contents;
using testing::PieceSource;
using testing::TempFolder;

/// A SourceFile over `bytes`, and what is stored for it.
struct Made {
  std::shared_ptr<SourceFile> file;
  std::string stored;
};
struct Kind {
  const char* name;
  std::function<Made(const std::string& bytes, const TempFolder& folder)> make;
};

Made compressed(std::string stored) {
  Result<std::shared_ptr<SourceFile>> file = decompressed(memory_file(stored, "rows.csv"));
  EXPECT_TRUE(file);
  return {*file, std::move(stored)};
}

Made spooled(const std::string& bytes, const TempFolder& folder, std::size_t memory_bytes) {
  PieceSource source(bytes, 1000);
  return {*spool(source, folder.path(), "rows.csv", memory_bytes), bytes};
}

std::vector<Kind> kinds() {
  return {
      {"Memory", [](const std::string& bytes,
                    const TempFolder&) { return Made{memory_file(bytes, "rows.csv"), bytes}; }},
      {"PlainFile",
       [](const std::string& bytes, const TempFolder& folder) {
         std::ofstream(folder / "rows.csv", std::ios::binary) << bytes;
         return Made{*open_file(folder / "rows.csv", "rows.csv"), bytes};
       }},
      {"SpoolInMemory", [](const std::string& bytes,
                           const TempFolder& folder) { return spooled(bytes, folder, bytes.size()); }},
      {"SpoolInAFile",
       [](const std::string& bytes, const TempFolder& folder) { return spooled(bytes, folder, 0); }},
      {"Gzip", [](const std::string& bytes, const TempFolder&) { return compressed(testing::gzip(bytes)); }},
      {"GzipMembers",
       [](const std::string& bytes, const TempFolder&) {
         return compressed(testing::gzip(bytes.substr(0, 10)) + testing::gzip("") +
                           testing::gzip(bytes.substr(std::min<std::size_t>(bytes.size(), 10))));
       }},
      {"Zstd", [](const std::string& bytes, const TempFolder&) { return compressed(testing::zstd(bytes)); }},
      {"ZstdFrames",
       [](const std::string& bytes, const TempFolder&) {
         return compressed(testing::zstd(bytes.substr(0, 10)) + testing::zstd("") +
                           testing::zstd(bytes.substr(std::min<std::size_t>(bytes.size(), 10))));
       }},
  };
}

/// What every SourceFile promises, whatever is behind it.
class SourceFileContract : public ::testing::TestWithParam<Kind> {
 protected:
  Made make(const std::string& bytes) { return GetParam().make(bytes, folder_); }
  TempFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Every, SourceFileContract, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(SourceFileContract, IsReadAgainAndAgain) {
  const std::string bytes = testing::csv_rows(500);
  const Made made = make(bytes);
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 7, 4096, 1 << 20})
    EXPECT_EQ(contents(*made.file, 0, step), bytes);
}

TEST_P(SourceFileContract, ReadersDoNotDisturbEachOther) {
  const std::string bytes = testing::csv_rows(300);
  const Made made = make(bytes);
  const auto one = *made.file->open(0), other = *made.file->open(0);
  std::string first, second, piece(100, '\0');
  for (std::size_t got = 1; got != 0;) {
    got = *one->read(piece);
    first.append(piece, 0, got);
    second.append(piece, 0, *other->read(std::span(piece).first(33)));
  }
  EXPECT_EQ(first, bytes);
  EXPECT_EQ(second + testing::rest_of(*other), bytes);
}

TEST_P(SourceFileContract, BeginsAtAnyOffset) {
  const std::string bytes = testing::csv_rows(20);
  const Made made = make(bytes);
  for (std::size_t offset = 0; offset <= bytes.size(); offset += 13)
    EXPECT_EQ(contents(*made.file, offset), bytes.substr(offset));
  for (const std::uint64_t offset : {bytes.size(), bytes.size() + 1, bytes.size() + (std::size_t{1} << 40)})
    EXPECT_EQ(contents(*made.file, offset), "") << offset;
}

TEST_P(SourceFileContract, StaysAtItsEnd) {
  const Made made = make("id\n");
  const auto source = *made.file->open(0);
  EXPECT_EQ(testing::rest_of(*source), "id\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(testing::rest_of(*source), "");
}

TEST_P(SourceFileContract, MayBeEmpty) {
  const Made made = make("");
  EXPECT_EQ(contents(*made.file), "");
  EXPECT_EQ(*made.file->sha256(), sha256_hex(made.stored));
}

TEST_P(SourceFileContract, KnowsNameSizeAndHashOfWhatIsStored) {
  const Made made = make(testing::csv_rows(200));
  EXPECT_EQ(made.file->name(), "rows.csv");
  EXPECT_EQ(made.file->stored_size(), made.stored.size());
  EXPECT_EQ(*made.file->sha256(), sha256_hex(made.stored)) << "before anything is read";
  contents(*made.file);
  EXPECT_EQ(*made.file->sha256(), sha256_hex(made.stored)) << "afterwards";
}

TEST_P(SourceFileContract, ReadingToTheEndGivesTheHash) {
  const Made made = make(testing::csv_rows(200));
  contents(*made.file);
  const std::uint64_t read = made.file->stored_bytes_read();
  EXPECT_EQ(*made.file->sha256(), sha256_hex(made.stored));
  EXPECT_EQ(made.file->stored_bytes_read(), read);
}

TEST_P(SourceFileContract, AHalfReadFileIsHashedAsAWhole) {
  const Made made = make(testing::csv_rows(2000));
  {
    const auto source = *made.file->open(0);
    std::string piece(100, '\0');
    ASSERT_TRUE(source->read(piece));
    contents(*made.file, 50);
  }
  EXPECT_EQ(*made.file->sha256(), sha256_hex(made.stored));
}

TEST_P(SourceFileContract, CountsWhatWasRead) {
  const Made made = make(testing::csv_rows(2000));
  const std::uint64_t before = made.file->stored_bytes_read();
  EXPECT_LE(before, 64u) << "a look at the front at most";
  contents(*made.file);
  EXPECT_EQ(made.file->stored_bytes_read() - before, made.stored.size());
}

TEST_P(SourceFileContract, ReadersOutliveTheirFile) {
  const std::string bytes = testing::csv_rows(300);
  Made made = make(bytes);
  const auto source = *made.file->open(0);
  made.file.reset();
  EXPECT_EQ(testing::rest_of(*source), bytes);
}

TEST_P(SourceFileContract, IsReadByManyThreads) {
  const std::string bytes = testing::csv_rows(1000);
  const Made made = make(bytes);
  std::vector<std::string> read(4), hashes(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < read.size(); ++i)
      threads.emplace_back([&, i] {
        read[i] = contents(*made.file, i * 10);
        hashes[i] = made.file->sha256().value();
      });
  }
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i], bytes.substr(i * 10));
    EXPECT_EQ(hashes[i], sha256_hex(made.stored));
  }
}

TEST_P(SourceFileContract, HoldsAnyBytes) {
  EXPECT_TRUE(rc::check("what went in comes out, from any offset", [this](const std::string& bytes) {
    const Made made = make(bytes);
    const auto offset = *rc::gen::inRange<std::size_t>(0, bytes.size() + 2);
    RC_ASSERT(contents(*made.file, offset, 5) == bytes.substr(std::min(offset, bytes.size())));
  }));
}

}  // namespace
}  // namespace rowgate::io

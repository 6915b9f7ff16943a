#include "io/files.h"
#include "io/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isa-l/crc.h>
#include <rapidcheck/gtest.h>

namespace rowgate::io {
namespace {

using namespace std::string_literals;
using testing::contents;
using testing::gzip;
using ::testing::HasSubstr;
using testing::PieceFile;
using ::testing::StartsWith;
using testing::zstd;

constexpr const char* kDamaged = "error: file.bad_compression: the ";

/// What comes out of `stored`.
std::string unpacked(const std::string& stored, std::size_t step = 4096) {
  const auto file = decompressed(memory_file(stored));
  return file ? contents(**file, 0, step) : "error: " + to_text(file.error());
}

/// The same, `stored` coming `piece` bytes at a time.
std::string unpacked_in_pieces(const std::string& stored, std::size_t piece) {
  const auto file = decompressed(std::make_shared<PieceFile>(stored, piece));
  return file ? contents(**file, 0, piece) : "error: " + to_text(file.error());
}

std::string little_endian(std::uint32_t number) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
  return out;
}

/// A member with every optional part of its header (RFC 1952 section 2.3.1), made around plain deflate data.
std::string gzip_with_all_fields(const std::string& bytes) {
  std::string header = "\x1f\x8b\x08\x1f"s + little_endian(1'772'366'400) + "\x02\x03"s;
  header += "\x04\x00RG\x00\x00"s + "people.csv\0"s + "made up\0"s;
  const std::uint32_t header_crc =
      crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(header.data()), header.size());
  header += little_endian(header_crc).substr(0, 2);
  return header + gzip(bytes).substr(10);  // isal writes the shortest header
}

struct Format {
  const char* name;
  std::string (*pack)(std::string_view);
};

class Decompressed : public ::testing::TestWithParam<Format> {
 protected:
  static std::string pack(std::string_view bytes) { return GetParam().pack(bytes); }
};

INSTANTIATE_TEST_SUITE_P(Each, Decompressed,
                         ::testing::Values(Format{"Gzip", gzip},
                                           Format{"Zstd",
                                                  [](std::string_view bytes) { return zstd(bytes); }}),
                         [](const auto& format) { return std::string(format.param.name); });

TEST_P(Decompressed, GivesTheBytesBackHoweverTheyCome) {
  const std::string bytes = testing::csv_rows(3000);
  const std::string stored = pack(bytes);
  for (const std::size_t step : std::initializer_list<std::size_t>{1, 100, 1 << 20})
    EXPECT_EQ(unpacked(stored, step), bytes);
  for (const std::size_t piece : std::initializer_list<std::size_t>{1, 3, 1000})
    EXPECT_EQ(unpacked_in_pieces(stored, piece), bytes);
}

TEST_P(Decompressed, UnpacksMoreThanItsBuffers) {
  const std::string rows = testing::csv_rows(100'000);
  EXPECT_EQ(unpacked(pack(rows)), rows);
  const std::string same(5'000'000, 'x');
  EXPECT_EQ(unpacked(pack(same), 999), same);
}

TEST_P(Decompressed, JoinsAllMembers) {
  const std::string one = pack("id,name\n"), none = pack(""), two = pack("7,Ada Example\n");
  for (const std::string& stored :
       {one + two, one + none + two, none + one + two + none, none + none + one + two}) {
    EXPECT_EQ(unpacked(stored), "id,name\n7,Ada Example\n");
    EXPECT_EQ(unpacked_in_pieces(stored, 1), "id,name\n7,Ada Example\n");
  }
  EXPECT_EQ(unpacked(none), "");
}

TEST_P(Decompressed, TellsAStreamThatIsCutAnywhere) {
  const std::string bytes = testing::csv_rows(10);
  const std::string stored = pack(bytes);
  for (std::size_t kept = 4; kept < stored.size(); ++kept) {
    EXPECT_THAT(unpacked(stored.substr(0, kept)), HasSubstr("it ends in the middle")) << kept;
    EXPECT_THAT(unpacked_in_pieces(stored.substr(0, kept), 1), HasSubstr("it ends in the middle")) << kept;
    EXPECT_THAT(unpacked(stored + stored.substr(0, kept)), HasSubstr("it ends in the middle")) << kept;
  }
}

TEST_P(Decompressed, TellsBytesBehindTheStream) {
  for (const std::string& behind :
       {"\n"s, "\0"s, std::string(512, '\0'), "id,name\n"s, "\x1f"s, "\x1f\x8b"s, "\x28\xb5"s, "PK\3\4"s}) {
    EXPECT_THAT(unpacked(pack("id\n") + behind), StartsWith(kDamaged)) << behind.size();
    EXPECT_THAT(unpacked_in_pieces(pack("id\n") + behind, 1), StartsWith(kDamaged)) << behind.size();
  }
}

// A bit that falls over is told, or is one that carries nothing (a time stamp, a flag); the bytes that come
// out whole are never others.
TEST_P(Decompressed, NeverGivesOtherBytes) {
  const std::string bytes = testing::csv_rows(30);
  const std::string stored = pack(bytes);
  std::size_t told = 0;
  for (std::size_t at = 4; at < stored.size(); ++at) {
    std::string flipped = stored;
    flipped[at] = static_cast<char>(flipped[at] ^ 1 << at % 8);
    const std::string out = unpacked(flipped);
    if (out.starts_with("error: file.bad_compression"))
      ++told;
    else
      ASSERT_EQ(out, bytes) << "byte " << at;
  }
  EXPECT_GT(told, stored.size() * 8 / 10);
}

TEST_P(Decompressed, OneFileIsOneFormat) {
  EXPECT_THAT(unpacked(gzip("id\n") + zstd("7\n")), StartsWith(kDamaged));
  EXPECT_THAT(unpacked(zstd("id\n") + gzip("7\n")), StartsWith(kDamaged));
}

RC_GTEST_PROP(DecompressedProperty, AnyBytesInAnyPieces, (const std::vector<std::string>& members)) {
  std::string whole, gzipped = gzip(""), zstandard = zstd("");
  for (const std::string& member : members) {
    whole += member;
    gzipped += gzip(member);
    zstandard += zstd(member);
  }
  const auto piece = *rc::gen::inRange<std::size_t>(1, 40);
  RC_ASSERT(unpacked_in_pieces(gzipped, piece) == whole);
  RC_ASSERT(unpacked_in_pieces(zstandard, piece) == whole);
}

TEST(DecompressedPlain, LeavesOtherFilesAlone) {
  for (const std::string& bytes : {""s, "i"s, "id\n"s, "id,name\n7,Ada Example\n"s, "\x1f"s,
                                   "\x1f\x8c\x08\0"s, "\x28\xb5\x2f"s, "PAGE,\x4d\x18\n"s, "P*M,"s}) {
    const auto file = memory_file(bytes);
    const auto same = decompressed(file);
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, file);
  }
}

TEST(DecompressedPlain, PassesTheErrorOfTheFileOn) {
  class NoFile : public PieceFile {
   public:
    NoFile() : PieceFile("", 1) {}
    Result<std::unique_ptr<Source>> open(std::uint64_t) const override {
      return std::unique_ptr<Source>(new testing::FaultySource("\x1f\x8b", 1));
    }
  };
  const auto file = decompressed(std::make_shared<NoFile>());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message, "the cable was pulled");
}

TEST(DecompressedGzip, ReadsEveryFieldOfTheHeader) {
  const std::string stored = gzip_with_all_fields("id\n7\n");
  EXPECT_EQ(unpacked(stored + gzip("8\n")), "id\n7\n8\n");
  EXPECT_EQ(unpacked_in_pieces(stored, 1), "id\n7\n");
  for (std::size_t kept = 4; kept < stored.size(); ++kept)
    EXPECT_THAT(unpacked(stored.substr(0, kept)), HasSubstr("it ends in the middle")) << kept;
}

// As bgzip writes them: members of at most 64 KiB, each with a field in its header. The header of many a one
// lies across the end of what was read at once.
TEST(DecompressedGzip, HeadersMayLieAcrossTheEndOfABuffer) {
  const std::string rows = testing::csv_rows(40);
  std::string stored, whole;
  for (int i = 0; i < 2000; ++i) {
    stored += gzip_with_all_fields(rows);
    whole += rows;
  }
  ASSERT_GT(stored.size(), 1u << 20);
  EXPECT_EQ(unpacked(stored), whole);
}

TEST(DecompressedGzip, TellsWhatIsWrongAndWhere) {
  const std::string stored = gzip(testing::csv_rows(20));
  std::string flipped = stored;
  flipped[stored.size() - 8] = static_cast<char>(flipped[stored.size() - 8] ^ 1);
  EXPECT_EQ(unpacked(flipped),
            fmt::format("error: file.bad_compression: the gzip stream is damaged at byte {}: the "
                        "checksum does not match (copy or compress the file again; nothing of it "
                        "can be trusted)",
                        stored.size()));
  flipped = stored;
  flipped[stored.size() - 1] = static_cast<char>(flipped[stored.size() - 1] ^ 1);
  EXPECT_THAT(unpacked(flipped), HasSubstr("the checksum does not match")) << "the length is checked too";
  EXPECT_THAT(unpacked(stored.substr(0, stored.size() - 1)),
              HasSubstr(fmt::format("damaged at byte {}: it ends in the middle", stored.size() - 1)));
  EXPECT_THAT(unpacked(stored + "id,name,datetime\n"), HasSubstr("bytes that are no gzip member"));
  EXPECT_THAT(unpacked("\x1f\x8b\x07\0\0\0\0\0\0\xff\3\0"s), HasSubstr("bytes that are no gzip member"));
  EXPECT_THAT(unpacked("\x1f\x8b\x08\0\0\0\0\0\0\xff\7"s), HasSubstr("not a valid deflate block"));
}

TEST(DecompressedZstd, PassesOverFramesToBeSkipped) {
  const std::string skipped = "\x5a\x2a\x4d\x18"s + little_endian(5) + "hello";
  const std::string stored = zstd("id\n") + skipped + zstd("7\n");
  for (const std::string& whole : {stored, skipped + stored, stored + skipped}) {
    EXPECT_EQ(unpacked(whole), "id\n7\n");
    EXPECT_EQ(unpacked_in_pieces(whole, 1), "id\n7\n");
  }
  EXPECT_THAT(unpacked(stored + skipped.substr(0, 10)), HasSubstr("it ends in the middle"));
}

TEST(DecompressedZstd, TellsWhatIsWrong) {
  std::string stored = zstd(testing::csv_rows(20));
  stored.back() = static_cast<char>(stored.back() ^ 1);
  EXPECT_THAT(unpacked(stored), HasSubstr("the zstd stream is damaged at byte "));
  EXPECT_THAT(unpacked(stored), HasSubstr("checksum"));
}

// zstd --long=31: a frame header that asks for 2 GiB of memory (RFC 8878 section 3.1.1.1.2).
TEST(DecompressedZstd, TakesNoMoreThanAWindowOf128MiB) {
  const std::string rows = testing::csv_rows(10);
  EXPECT_EQ(unpacked(zstd(rows, 27)), rows);
  EXPECT_EQ(
      unpacked("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"s),
      "error: file.bad_compression: the zstd stream needs more memory to unpack than is allowed (compress it "
      "again without --long and --ultra)");
}

}  // namespace
}  // namespace rowgate::io

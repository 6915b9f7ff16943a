#include "base/units.h"
#include "io/files.h"
#include "io/testing.h"

#include <gtest/gtest.h>

namespace rowgate::io {
namespace {

using testing::gzip;
using testing::zstd;

/// How many bytes come out, or the code of the error.
std::string outcome(const std::string& packed, const std::optional<UnpackLimits>& limits) {
  const Result<std::shared_ptr<SourceFile>> file = decompressed(memory_file(packed), limits);
  if (!file) return std::string(text(file.error().code));
  const Result<std::unique_ptr<Source>> source = (*file)->open(0);
  if (!source) return std::string(text(source.error().code));
  std::string piece(64 * 1024, '\0');
  std::uint64_t size = 0;
  for (;;) {
    const Result<std::size_t> got = (*source)->read(piece);
    if (!got) return std::string(text(got.error().code));
    if (*got == 0) return std::to_string(size);
    size += *got;
  }
}

constexpr UnpackLimits kUsual{.max_bytes = 4 * kGiB, .max_ratio = 100};

TEST(UnpackLimits, ABombIsRefusedButNotToItsOwner) {
  const std::string zeros(8 * kMiB, '\0');
  for (const std::string& packed : {gzip(zeros), zstd(zeros)}) {
    EXPECT_EQ(outcome(packed, std::nullopt), std::to_string(zeros.size()));
    EXPECT_EQ(outcome(packed, kUsual), "limit.bytes");
  }
}

TEST(UnpackLimits, SmallFilesMayUnpackToAnyRatio) {
  const std::string rows(kMiB, 'x');
  EXPECT_EQ(outcome(gzip(rows), kUsual), std::to_string(rows.size()));
  EXPECT_EQ(outcome(gzip(rows + "x"), kUsual), "limit.bytes");
}

TEST(UnpackLimits, BytesAreCountedWhateverTheRatio) {
  std::string noise(3 * kMiB, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  EXPECT_EQ(outcome(gzip(noise), UnpackLimits{.max_bytes = noise.size()}), std::to_string(noise.size()));
  EXPECT_EQ(outcome(gzip(noise), UnpackLimits{.max_bytes = noise.size() - 1}), "limit.bytes");
}

/// What is skipped on the way to an offset counts too.
TEST(UnpackLimits, HoldForReadersInTheMiddle) {
  const Result<std::shared_ptr<SourceFile>> file =
      decompressed(memory_file(zstd(std::string(4 * kMiB, 'x'))), kUsual);
  ASSERT_TRUE(file);
  const Result<std::unique_ptr<Source>> source = (*file)->open(3 * kMiB);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Code::LimitBytes);
  EXPECT_EQ(source.error().message, "the file unpacks to more than 100 times its size");
}

TEST(UnpackLimits, LargeZstdWindowsAreForFilesOfOnesOwn) {
  std::string noise(20 * kMiB, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const std::string packed = zstd(noise, 24);
  EXPECT_EQ(outcome(packed, std::nullopt), std::to_string(noise.size()));
  EXPECT_EQ(outcome(packed, kUsual), "file.bad_compression");
  EXPECT_EQ(outcome(zstd(noise, 23), kUsual), std::to_string(noise.size()));
}

}  // namespace
}  // namespace rowgate::io

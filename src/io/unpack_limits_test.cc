#include "base/units.h"
#include "io/files.h"

#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

namespace rowgate::io {
namespace {

std::string gzipped(const std::string& bytes) {
  std::string out(bytes.size() + 1024, '\0');
  isal_zstream stream{};
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<std::uint32_t>(bytes.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  EXPECT_EQ(isal_deflate_stateless(&stream), COMP_OK);
  out.resize(stream.total_out);
  return out;
}

std::string zstd(const std::string& bytes, int window_log = 0) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) != 0) {}
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

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
  for (const std::string& packed : {gzipped(zeros), zstd(zeros)}) {
    EXPECT_EQ(outcome(packed, std::nullopt), std::to_string(zeros.size()));
    EXPECT_EQ(outcome(packed, kUsual), "limit.bytes");
  }
}

TEST(UnpackLimits, SmallFilesMayUnpackToAnyRatio) {
  const std::string rows(kMiB, 'x');
  EXPECT_EQ(outcome(gzipped(rows), kUsual), std::to_string(rows.size()));
  EXPECT_EQ(outcome(gzipped(rows + "x"), kUsual), "limit.bytes");
}

TEST(UnpackLimits, BytesAreCountedWhateverTheRatio) {
  std::string noise(3 * kMiB, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  EXPECT_EQ(outcome(gzipped(noise), UnpackLimits{.max_bytes = noise.size()}), std::to_string(noise.size()));
  EXPECT_EQ(outcome(gzipped(noise), UnpackLimits{.max_bytes = noise.size() - 1}), "limit.bytes");
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

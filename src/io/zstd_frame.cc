#include "io/zstd_frame.h"

#include <fmt/format.h>
#include <zstd.h>

#include <memory>

namespace rowgate::io {
namespace {

constexpr int kLevel = 3;
constexpr std::uint32_t kSkippableMagic = 0x184D2A5E;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

/// One for each thread that writes: its tables take longer to make than a small frame to compress.
ZSTD_CCtx* context_of_thread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (context) {
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  }
  return context.get();
}

void append_le32(std::string& out, std::uint32_t value) {
  for (int byte = 0; byte < 4; ++byte) out += static_cast<char>((value >> (8 * byte)) & 0xffu);
}

}  // namespace

Result<std::string> zstd_frame(std::string_view bytes) {
  ZSTD_CCtx* const context = context_of_thread();
  if (context == nullptr) return fail(Code::InternalError, "no memory for zstd");
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress2(context, frame.data(), frame.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) return fail(Code::InternalError, ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

Result<std::string> unpack_zstd_frame(std::string_view frame, std::size_t most_bytes) {
  const auto damaged = [](std::string_view why) {
    return fail(Code::FileBadCompression, fmt::format("a zstd frame is damaged: {}", why));
  };
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) return damaged("it has no size");
  if (size > most_bytes) return damaged("it is too large");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0) return damaged(ZSTD_getErrorName(got));
  if (got != bytes.size()) return damaged("it ends early");
  return bytes;
}

std::string skippable_zstd_frame(std::string_view bytes) {
  std::string frame;
  append_le32(frame, kSkippableMagic);
  append_le32(frame, static_cast<std::uint32_t>(bytes.size()));
  return frame.append(bytes);
}

}  // namespace rowgate::io

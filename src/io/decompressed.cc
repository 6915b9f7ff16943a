#include "base/units.h"
#include "io/files.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <vector>

namespace rowgate::io {
namespace {

constexpr std::size_t kInputBytes = 128 * 1024;

enum class Compression { None, Gzip, Zstd };

Error damaged(std::string_view format, std::string_view why, std::uint64_t offset) {
  return {Code::FileBadCompression,
          fmt::format("the {} stream is damaged at byte {}: {}", format, offset, why),
          "copy or compress the file again; nothing of it can be trusted"};
}

/// The compressed bytes, a buffer at a time.
struct Input {
  std::unique_ptr<Source> source;
  std::vector<char> buffer = std::vector<char>(kInputBytes);
  std::size_t used = 0, filled = 0;
  std::uint64_t before = 0;  ///< bytes of the file in front of the buffer

  std::uint64_t offset() const { return before + used; }
  bool empty() const { return used == filled; }
  /// False at the end of the file.
  Result<bool> fill() {
    if (!empty()) return true;
    before += filled;
    used = filled = 0;
    TRY_ASSIGN(filled, source->read(buffer));
    return filled != 0;
  }
};

/// RFC 1952: one member after the other, each with its checksum and length.
class GzipSource : public Source {
 public:
  explicit GzipSource(std::unique_ptr<Source> source) : input_{.source = std::move(source)} {
    begin_member();
  }

  Result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      TRY_ASSIGN(const bool more, input_.fill());
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        if (!more) return std::size_t{0};
        begin_member();
      }
      if (!in_data_) {
        if (!more) return std::unexpected(cut());
        TRY(read_header());
        continue;
      }
      take_input();
      state_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
      state_.avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), 1u << 30));
      const std::uint32_t room = state_.avail_out;
      const int code = isal_inflate(&state_);
      input_.used = input_.filled - state_.avail_in;
      if (code < 0) return std::unexpected(damaged("gzip", why(code), input_.offset()));
      if (state_.avail_out != room) return std::size_t{room - state_.avail_out};
      if (!more && state_.block_state != ISAL_BLOCK_FINISH) return std::unexpected(cut());
    }
  }

 private:
  void begin_member() {
    isal_inflate_init(&state_);
    isal_gzip_header_init(&header_);
    in_data_ = false;
  }

  void take_input() {
    state_.next_in = reinterpret_cast<std::uint8_t*>(input_.buffer.data() + input_.used);
    state_.avail_in = static_cast<std::uint32_t>(input_.filled - input_.used);
  }

  /// The header, or as much of it as the buffer has. isal_inflate() would read it too, but forgets which
  /// fields there are where the buffer ends among them.
  Result<void> read_header() {
    take_input();
    const int code = isal_read_gzip_header(&state_, &header_);
    input_.used = input_.filled - state_.avail_in;
    if (code < 0) return std::unexpected(damaged("gzip", why(code), input_.offset()));
    in_data_ = code == ISAL_DECOMP_OK;
    if (in_data_) state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    return {};
  }

  Error cut() const { return damaged("gzip", "it ends in the middle", input_.offset()); }
  static std::string_view why(int code) {
    switch (code) {
      case ISAL_INCORRECT_CHECKSUM:
        return "the checksum does not match";
      case ISAL_UNSUPPORTED_METHOD:
      case ISAL_INVALID_WRAPPER:
        return "bytes that are no gzip member";
      default:
        return "not a valid deflate block";
    }
  }

  Input input_;
  inflate_state state_{};
  isal_gzip_header header_{};
  bool in_data_ = false;  ///< behind the header of the member
};

struct FreeZstd {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

/// RFC 8878, all frames; windows up to 128 MiB (2^27), zstd's own default limit, or up to 8 MiB, which is all
/// that a sender may ask of a stranger (RFC 9659).
class ZstdSource : public Source {
 public:
  ZstdSource(std::unique_ptr<Source> source, bool small_windows) : input_{.source = std::move(source)} {
    ZSTD_initDStream(stream_.get());
    if (small_windows) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, 23);
  }

  Result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      TRY_ASSIGN(const bool more, input_.fill());
      if (!more && between_frames_) return std::size_t{0};
      ZSTD_inBuffer in{input_.buffer.data(), input_.filled, input_.used};
      ZSTD_outBuffer out{into.data(), into.size(), 0};
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &out, &in);
      const bool moved = in.pos != input_.used || out.pos != 0;
      input_.used = in.pos;
      if (ZSTD_isError(code) != 0) return std::unexpected(broken(code));
      between_frames_ = code == 0;
      if (out.pos != 0) return out.pos;
      if (!more && !moved) return std::unexpected(damaged("zstd", "it ends in the middle", input_.offset()));
    }
  }

 private:
  Error broken(std::size_t code) const {
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
      return {Code::FileBadCompression, "the zstd stream needs more memory to unpack than is allowed",
              "compress it again without --long and --ultra"};
    return damaged("zstd", ZSTD_getErrorName(code), input_.offset());
  }

  Input input_;
  std::unique_ptr<ZSTD_DStream, FreeZstd> stream_{ZSTD_createDStream()};
  bool between_frames_ = false;
};

/// Stops where the unpacked bytes are more than the sender of so few packed ones may have made of them.
class LimitedSource : public Source {
 public:
  LimitedSource(std::unique_ptr<Source> source, const UnpackLimits& limits, std::uint64_t stored_size)
      : source_(std::move(source)), limits_(limits) {
    const std::uint64_t by_ratio =
        stored_size > limits.max_bytes / limits.max_ratio ? limits.max_bytes : stored_size * limits.max_ratio;
    allowed_ = std::min(limits.max_bytes, std::max(by_ratio, kRatioCounts));
  }

  Result<std::size_t> read(std::span<char> into) override {
    TRY_ASSIGN(const std::size_t got, source_->read(into));
    given_ += got;
    if (given_ > allowed_) return std::unexpected(too_much());
    return got;
  }

 private:
  static constexpr std::uint64_t kRatioCounts = kMiB;  ///< less unpacks to any ratio: it harms nobody
  Error too_much() const {
    if (allowed_ == limits_.max_bytes)
      return {Code::LimitBytes,
              fmt::format("the file unpacks to more than the {} that are allowed", bytes_text(allowed_)),
              "split the file, or raise limits.max_unpacked_bytes"};
    return {Code::LimitBytes,
            fmt::format("the file unpacks to more than {} times its size", limits_.max_ratio),
            "send it unpacked, or raise limits.max_ratio"};
  }

  std::unique_ptr<Source> source_;
  UnpackLimits limits_;
  std::uint64_t allowed_ = 0, given_ = 0;
};

class DecompressedFile : public SourceFile {
 public:
  DecompressedFile(std::shared_ptr<SourceFile> stored, Compression compression,
                   std::optional<UnpackLimits> limits)
      : stored_(std::move(stored)), compression_(compression), limits_(limits) {}

  /// There is no way into the middle of a stream but from its beginning.
  Result<std::unique_ptr<Source>> open(std::uint64_t offset) const override {
    TRY_ASSIGN(std::unique_ptr<Source> stored, stored_->open(0));
    std::unique_ptr<Source> source;
    if (compression_ == Compression::Gzip)
      source = std::make_unique<GzipSource>(std::move(stored));
    else
      source = std::make_unique<ZstdSource>(std::move(stored), limits_.has_value());
    if (limits_)
      source = std::make_unique<LimitedSource>(std::move(source), *limits_, stored_->stored_size());
    TRY(skip(*source, offset));
    return source;
  }
  std::uint64_t stored_size() const override { return stored_->stored_size(); }
  std::uint64_t stored_bytes_read() const override { return stored_->stored_bytes_read(); }
  Result<std::string> sha256() const override { return stored_->sha256(); }
  const std::string& name() const override { return stored_->name(); }
  Result<void> check_unchanged() const override { return stored_->check_unchanged(); }

 private:
  std::shared_ptr<SourceFile> stored_;
  Compression compression_;
  std::optional<UnpackLimits> limits_;
};

Compression compression_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::Gzip;
  // A file may begin with frames that are to be skipped (RFC 8878 section 3.1.2), as those of pzstd do.
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::Zstd;
  if ((first_bytes[0] & 0xF0) == 0x50 && first_bytes.ends_with("\x2a\x4d\x18")) return Compression::Zstd;
  return Compression::None;
}

}  // namespace

Result<std::shared_ptr<SourceFile>> decompressed(std::shared_ptr<SourceFile> file,
                                                 const std::optional<UnpackLimits>& limits) {
  std::array<char, 4> first{};
  {
    TRY_ASSIGN(const std::unique_ptr<Source> source, file->open(0));
    TRY(read_fully(*source, first));
  }
  const Compression compression = compression_of({first.data(), first.size()});
  if (compression == Compression::None) return file;
  return std::shared_ptr<SourceFile>(new DecompressedFile(std::move(file), compression, limits));
}

}  // namespace rowgate::io

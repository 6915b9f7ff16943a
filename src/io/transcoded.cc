#include "io/transcoded.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::io {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

struct Label {
  std::string_view text;
  Encoding encoding;
};
constexpr Label kLabels[] = {
    {"utf-8", Encoding::Utf8},         {"utf8", Encoding::Utf8},
    {"us-ascii", Encoding::Utf8},      {"ascii", Encoding::Utf8},
    {"utf-16", Encoding::Utf16},       {"utf16", Encoding::Utf16},
    {"utf-16le", Encoding::Utf16Le},   {"utf-16be", Encoding::Utf16Be},
    {"iso-8859-1", Encoding::Latin1},  {"iso8859-1", Encoding::Latin1},
    {"latin1", Encoding::Latin1},      {"latin-1", Encoding::Latin1},
    {"iso_8859-1", Encoding::Latin1},  {"windows-1252", Encoding::Windows1252},
    {"cp1252", Encoding::Windows1252},
};

/// What windows-1252 has in 80 to 9F; elsewhere it is ISO-8859-1 (WHATWG Encoding Standard, index
/// windows-1252).
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x1'0000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

void decode_bytes(std::string_view bytes, bool is_windows, std::string& out) {
  for (const char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x80)
      out += byte;
    else if (is_windows && c < 0xA0)
      append_utf8(out, kWindows1252[c - 0x80]);
    else
      append_utf8(out, c);
  }
}

Error cut_in_half(std::uint64_t offset) {
  return {Code::FileBadEncoding,
          fmt::format("the UTF-16 text ends in the middle of a character, at byte {}", offset),
          "copy or export the file again; its last bytes are missing"};
}

/// UTF-16 in pieces that may end anywhere. RFC 2781 section 2.2.
class Utf16Decoder {
 public:
  explicit Utf16Decoder(bool big_endian) : big_endian_(big_endian) {}

  void decode(std::string_view bytes, std::string& out) {
    taken_ += bytes.size();
    std::size_t at = 0;
    if (half_ && !bytes.empty()) {
      take(unit(*half_, bytes[0]), out);
      half_.reset();
      at = 1;
    }
    for (; at + 1 < bytes.size(); at += 2) take(unit(bytes[at], bytes[at + 1]), out);
    if (at < bytes.size()) half_ = bytes[at];
  }
  Result<void> finish() const {
    if (half_ || high_ != 0) return std::unexpected(cut_in_half(taken_));
    return {};
  }

 private:
  char16_t unit(char first, char second) const {
    if (!big_endian_) std::swap(first, second);
    return static_cast<char16_t>((static_cast<unsigned char>(first) << 8) |
                                 static_cast<unsigned char>(second));
  }
  void take(char16_t unit, std::string& out) {
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (high_ != 0) {
      const char16_t high = std::exchange(high_, 0);
      if (is_low) {
        append_utf8(out, 0x1'0000 + ((static_cast<char32_t>(high) & 0x3FF) << 10) + (unit & 0x3FF));
        return;
      }
      append_utf8(out, high);
    }
    if (unit >= 0xD800 && unit < 0xDC00)
      high_ = unit;
    else
      append_utf8(out, unit);
  }

  bool big_endian_;
  std::optional<char> half_ = {};  ///< the first byte of a unit whose second one has not come
  char16_t high_ = 0;              ///< a high surrogate that waits for its low one
  std::uint64_t taken_ = 0;
};

class TranscodedSource : public Source {
 public:
  TranscodedSource(std::unique_ptr<Source> source, Encoding encoding)
      : source_(std::move(source)), encoding_(encoding), utf16_(encoding == Encoding::Utf16Be) {}

  Result<std::size_t> read(std::span<char> into) override {
    while (given_ == decoded_.size()) {
      if (ended_) return std::size_t{0};
      TRY(decode_more());
    }
    const std::size_t count = std::min(into.size(), decoded_.size() - given_);
    std::copy_n(decoded_.data() + given_, count, into.data());
    given_ += count;
    return count;
  }

 private:
  Result<void> decode_more() {
    decoded_.clear();
    given_ = 0;
    TRY_ASSIGN(const std::size_t got, source_->read(raw_));
    ended_ = got == 0;
    const std::string_view bytes(raw_.data(), got);
    if (encoding_ == Encoding::Latin1 || encoding_ == Encoding::Windows1252) {
      decode_bytes(bytes, encoding_ == Encoding::Windows1252, decoded_);
      return {};
    }
    if (ended_) return utf16_.finish();
    utf16_.decode(bytes, decoded_);
    return {};
  }

  std::unique_ptr<Source> source_;
  Encoding encoding_;
  Utf16Decoder utf16_;
  std::vector<char> raw_ = std::vector<char>(kPiece);
  std::string decoded_;
  std::size_t given_ = 0;
  bool ended_ = false;
};

/// The order of UTF-16 without a mark. Headers are mostly ASCII, whose high bytes are zero.
Encoding order_of(std::string_view front) {
  std::array<std::size_t, 2> zeros = {};
  for (std::size_t i = 0; i < front.size(); ++i) zeros[i % 2] += front[i] == '\0' ? 1 : 0;
  return zeros[0] > zeros[1] ? Encoding::Utf16Be : Encoding::Utf16Le;
}

/// Looks at the file only when it is opened, so that what is wrong with its first bytes (broken compression)
/// is told by whoever reads it.
class TranscodedFile : public SourceFile {
 public:
  TranscodedFile(std::shared_ptr<SourceFile> stored, std::optional<Encoding> declared)
      : stored_(std::move(stored)), declared_(declared) {}

  /// A character may take more or fewer bytes than it did, so the way to an offset is from the beginning.
  Result<std::unique_ptr<Source>> open(std::uint64_t offset) const override {
    TRY_ASSIGN(const Beginning beginning, look());
    if (beginning.encoding == Encoding::Utf8) return stored_->open(offset);
    TRY_ASSIGN(std::unique_ptr<Source> stored, stored_->open(0));
    TRY(skip(*stored, beginning.mark_bytes));
    std::unique_ptr<Source> source =
        std::make_unique<TranscodedSource>(std::move(stored), beginning.encoding);
    TRY(skip(*source, offset));
    return source;
  }
  std::uint64_t stored_size() const override { return stored_->stored_size(); }
  std::uint64_t stored_bytes_read() const override { return stored_->stored_bytes_read(); }
  Result<std::string> sha256() const override { return stored_->sha256(); }
  const std::string& name() const override { return stored_->name(); }
  Result<void> check_unchanged() const override { return stored_->check_unchanged(); }

 private:
  struct Beginning {
    Encoding encoding = Encoding::Utf8;
    std::uint64_t mark_bytes = 0;
  };
  Result<Beginning> look() const {
    const std::scoped_lock lock(mutex_);
    if (beginning_) return *beginning_;
    std::array<char, 64> bytes{};
    TRY_ASSIGN(const std::unique_ptr<Source> source, stored_->open(0));
    TRY_ASSIGN(const std::size_t size, read_fully(*source, bytes));
    const std::string_view front(bytes.data(), size);
    Beginning found{.encoding = declared_.value_or(Encoding::Utf8)};
    if (front.starts_with("\xEF\xBB\xBF")) found.encoding = Encoding::Utf8;
    if (front.starts_with("\xFF\xFE")) found = {Encoding::Utf16Le, 2};
    if (front.starts_with("\xFE\xFF")) found = {Encoding::Utf16Be, 2};
    if (found.encoding == Encoding::Utf16) found.encoding = order_of(front);
    beginning_ = found;
    return found;
  }

  std::shared_ptr<SourceFile> stored_;
  std::optional<Encoding> declared_;
  mutable std::mutex mutex_;
  mutable std::optional<Beginning> beginning_;  ///< guarded by mutex_
};

}  // namespace

std::optional<Encoding> encoding_from(std::string_view label) {
  const std::string wanted = lower_ascii(label);
  const auto* const found = std::ranges::find(kLabels, wanted, &Label::text);
  return found != std::end(kLabels) ? std::optional(found->encoding) : std::nullopt;
}

std::shared_ptr<SourceFile> transcoded(std::shared_ptr<SourceFile> file, std::optional<Encoding> declared) {
  return std::make_shared<TranscodedFile>(std::move(file), declared);
}

}  // namespace rowgate::io

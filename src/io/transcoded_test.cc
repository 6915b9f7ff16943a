#include "io/transcoded.h"

#include "io/files.h"

#include <gtest/gtest.h>

#include <array>

namespace rowgate::io {
namespace {

using namespace std::string_literals;

/// The whole file from `offset` on, read `step` bytes at a time; the error's code where it fails.
std::string decoded(const std::string& bytes, std::optional<Encoding> encoding, std::uint64_t offset = 0,
                    std::size_t step = 4096) {
  const std::shared_ptr<SourceFile> file = transcoded(memory_file(bytes), encoding);
  const Result<std::unique_ptr<Source>> source = file->open(offset);
  if (!source) return std::string(text(source.error().code));
  std::string out;
  std::string piece(step, '\0');
  for (;;) {
    const Result<std::size_t> got = (*source)->read(piece);
    if (!got) return std::string(text(got.error().code));
    if (*got == 0) return out;
    out.append(piece, 0, *got);
  }
}

std::string utf16(std::u16string_view text, bool big_endian) {
  std::string out;
  for (const char16_t unit : text) {
    const auto high = static_cast<char>(unit >> 8);
    const auto low = static_cast<char>(unit & 0xff);
    out += big_endian ? high : low;
    out += big_endian ? low : high;
  }
  return out;
}

TEST(Transcoded, DecodesEveryEncoding) {
  struct Case {
    const char* name;
    std::string bytes;
    std::optional<Encoding> declared;
    std::string wanted;
  };
  const std::u16string_view text = u"id,n\u00e4me\n7,\u20ac \U0001F600\n";
  const std::string wanted = "id,n\xC3\xA4me\n7,\xE2\x82\xAC \xF0\x9F\x98\x80\n";
  const Case cases[] = {
      {"nothing declared is UTF-8", wanted, std::nullopt, wanted},
      {"UTF-8", wanted, Encoding::Utf8, wanted},
      {"LE by its mark", "\xFF\xFE" + utf16(text, false), std::nullopt, wanted},
      {"BE by its mark", "\xFE\xFF" + utf16(text, true), std::nullopt, wanted},
      {"the mark beats what was declared", "\xFE\xFF" + utf16(text, true), Encoding::Utf16Le, wanted},
      {"the mark beats another encoding", "\xFF\xFE" + utf16(text, false), Encoding::Latin1, wanted},
      {"UTF-16 with a mark", "\xFF\xFE" + utf16(text, false), Encoding::Utf16, wanted},
      {"LE without a mark", utf16(text, false), Encoding::Utf16, wanted},
      {"BE without a mark", utf16(text, true), Encoding::Utf16, wanted},
      {"LE as declared", utf16(text, false), Encoding::Utf16Le, wanted},
      {"BE as declared", utf16(text, true), Encoding::Utf16Be, wanted},
      {"the mark of UTF-8 stays for inspect", "\xEF\xBB\xBFid\n", Encoding::Latin1, "\xEF\xBB\xBFid\n"},
      {"ISO-8859-1", "caf\xE9 \x80\n", Encoding::Latin1, "caf\xC3\xA9 \xC2\x80\n"},
      {"windows-1252", "caf\xE9 \x80\x93\x9F\n", Encoding::Windows1252,
       "caf\xC3\xA9 \xE2\x82\xAC\xE2\x80\x9C\xC5\xB8\n"},
      {"undefined bytes of windows-1252", "\x81\x8D\x8F\x90\x9D", Encoding::Windows1252,
       "\xC2\x81\xC2\x8D\xC2\x8F\xC2\x90\xC2\x9D"},
      {"an empty file", "", Encoding::Utf16, ""},
      {"a mark alone", "\xFF\xFE", std::nullopt, ""},
      {"a NUL character", utf16(std::u16string_view(u"a\0b", 3), false), Encoding::Utf16Le, "a\0b"s},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decoded(c.bytes, c.declared), c.wanted);
    EXPECT_EQ(decoded(c.bytes, c.declared, 0, 1), c.wanted) << "a byte at a time";
    for (std::uint64_t offset = 0; offset <= c.wanted.size() + 1; ++offset)
      EXPECT_EQ(decoded(c.bytes, c.declared, offset),
                offset < c.wanted.size() ? c.wanted.substr(offset) : std::string())
          << "from byte " << offset;
  }
}

TEST(Transcoded, ACutCharacterIsAnErrorAtTheEndOnly) {
  const std::string bad(text(Code::FileBadEncoding));
  EXPECT_EQ(decoded(utf16(u"abc", false) + "d", Encoding::Utf16Le), bad);
  EXPECT_EQ(decoded(utf16(u"abc", true) + '\0', Encoding::Utf16Be), bad);
  EXPECT_EQ(decoded(utf16(u"ab", false) + "\x3D\xD8", Encoding::Utf16Le), bad);
  // In the middle it is the record's trouble: bytes that are not UTF-8.
  EXPECT_EQ(decoded("\x3D\xD8" + utf16(u"ab", false), Encoding::Utf16Le),
            "\xED\xA0\xBD"
            "ab");
  EXPECT_EQ(decoded("\x00\xDE"s + utf16(u"ab", false), Encoding::Utf16Le),
            "\xED\xB8\x80"
            "ab");
  EXPECT_EQ(decoded(utf16(u"ab", false) + "\x00\xDE"s, Encoding::Utf16Le), "ab\xED\xB8\x80");
}

TEST(Transcoded, TheErrorSaysWhere) {
  const std::shared_ptr<SourceFile> file =
      transcoded(memory_file("\xFF\xFE"
                             "a\0b"s));
  const Result<std::unique_ptr<Source>> source = file->open(0);
  ASSERT_TRUE(source);
  const Result<std::string> all = read_all(**source, 100);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().message, "the UTF-16 text ends in the middle of a character, at byte 3");
}

/// Files larger than the decoder's buffer, so that characters lie across its border.
TEST(Transcoded, PiecesNeverShow) {
  std::u16string text;
  std::string wanted;
  for (int i = 0; i < 40'000; ++i) {
    text += i % 3 == 0 ? u"\U0001F600x" : u"\u00e4";
    wanted += i % 3 == 0 ? "\xF0\x9F\x98\x80x" : "\xC3\xA4";
  }
  const std::string bytes = "\xFE\xFF" + utf16(text, true);
  EXPECT_EQ(decoded(bytes, std::nullopt, 0, 4095), wanted);
  EXPECT_EQ(decoded(bytes, std::nullopt, 65'537, 777), wanted.substr(65'537));
}

TEST(Transcoded, SizeAndHashAreThoseOfTheStoredBytes) {
  const std::string bytes = "caf\xE9\n";
  const std::shared_ptr<SourceFile> stored = memory_file(bytes, "menu.csv");
  const std::shared_ptr<SourceFile> file = transcoded(stored, Encoding::Latin1);
  EXPECT_EQ(file->stored_size(), bytes.size());
  EXPECT_EQ(file->name(), "menu.csv");
  EXPECT_EQ(file->sha256().value(), stored->sha256().value());
}

TEST(Encodings, AreKnownByTheirUsualNames) {
  EXPECT_EQ(encoding_from("UTF-8"), Encoding::Utf8);
  EXPECT_EQ(encoding_from("utf-16LE"), Encoding::Utf16Le);
  EXPECT_EQ(encoding_from("latin1"), Encoding::Latin1);
  EXPECT_EQ(encoding_from("CP1252"), Encoding::Windows1252);
  for (const char* unknown : {"", "utf-32", "ebcdic", "utf-8 "}) EXPECT_FALSE(encoding_from(unknown));
}

}  // namespace
}  // namespace rowgate::io

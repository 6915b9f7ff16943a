#include "base/stored_text.h"

#include "base/text.h"

#include <gtest/gtest.h>

#include <random>

namespace rowgate {
namespace {

using namespace std::string_view_literals;

TEST(StoredText, KeepsWhatCanBeStored) {
  for (const std::string_view text :
       {""sv, "jobs.csv"sv, "h\xC3\xA9.csv"sv, "\xF0\x9D\x84\x9E"sv, "a\tb\x01"sv})
    EXPECT_EQ(storable(text), text);
}

TEST(StoredText, ReplacesBytesThatAreNoCharacter) {
  EXPECT_EQ(storable("caf\xE9.csv"), "caf\xEF\xBF\xBD.csv");
  EXPECT_EQ(storable("a\0b"sv),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(storable("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "a surrogate";
}

TEST(StoredText, CutsBetweenCharacters) {
  std::string notes;
  for (int i = 0; i < 300; ++i) notes += "\xF0\x9D\x84\x9E";
  EXPECT_EQ(storable(notes), notes.substr(0, 255 * 4));
  EXPECT_EQ(storable("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9");
}

TEST(StoredText, IsValidAndBoundedWhateverItIsMadeOf) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 600, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random() % 4 == 0 ? random() % 256 : 'a' + random() % 26);
    const StoredText made(bytes);
    EXPECT_EQ(why_not_storable(made.text(), 4 * kStoredCharacters), "");
    EXPECT_LE(count_code_points(made.text()), kStoredCharacters);
    EXPECT_EQ(StoredText(made.text()), made) << "once more changes nothing";
  }
}

TEST(StoredText, SaysWhatIsWrong) {
  EXPECT_EQ(why_not_storable("abc", 2), "is longer than 2 bytes");
  EXPECT_EQ(why_not_storable("a\0"sv, 9), "has a NUL character in it");
  EXPECT_EQ(why_not_storable("a\xFF", 9), "is not valid UTF-8");
}

}  // namespace
}  // namespace rowgate

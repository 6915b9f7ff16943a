#include "cli/terminal/text_table.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

TEST(TextTable, AlignsNumbersRightAndTextLeft) {
  const TextTable table{{"table", "rows"}, {{"jobs", "183"}, {"hired_employees", "1,999"}}, {false, true}};
  EXPECT_EQ(to_text(table, 80),
            "table             rows\n"
            "jobs               183\n"
            "hired_employees  1,999\n");
}

TEST(TextTable, LeavesNoSpacesAtLineEnds) {
  const TextTable table{{}, {{"a", ""}, {"bbb", "c"}}, {}};
  EXPECT_EQ(to_text(table, 80), "a\nbbb  c\n");
}

TEST(TextTable, FillsUpShortRows) {
  const TextTable table{{"a", "b", "c"}, {{"1"}}, {}};
  EXPECT_EQ(to_text(table, 80), "a  b  c\n1\n");
}

TEST(TextTable, AlignsByDisplayWidth) {
  const TextTable table{{}, {{"\xE6\x9D\xB1\xE4\xBA\xAC", "x"}, {"abcd", "y"}}, {}};
  EXPECT_EQ(to_text(table, 80), "\xE6\x9D\xB1\xE4\xBA\xAC  x\nabcd  y\n");
}

TEST(TextTable, CutsTheWidestTextFirstToFit) {
  const TextTable table{
      {}, {{"identifier", "a rather long description of it", "12345678901"}}, {false, false, true}};
  EXPECT_EQ(to_text(table, 40), "identifier  a rather lon...  12345678901\n");
}

TEST(TextTable, NeverCutsNumbers) {
  const TextTable table{{}, {{"12345678901234567890", "12345678901234567890"}}, {true, true}};
  EXPECT_EQ(to_text(table, 10), "12345678901234567890  12345678901234567890\n");
}

TEST(CutToWidth, KeepsWhatFits) {
  EXPECT_EQ(cut_to_width("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to_width("abcdefg", 6), "abc...");
  EXPECT_EQ(cut_to_width("abcdefg", 2), "..");
}

}  // namespace
}  // namespace rowgate::cli

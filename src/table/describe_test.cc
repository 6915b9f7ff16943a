#include "table/reject.h"

#include <gmock/gmock.h>

namespace rowgate::table {
namespace {

using ::testing::HasSubstr;

TableSchema schema() {
  TableSchema schema;
  schema.fields = {{.name = "id", .type = Type::Integer}, {.name = "at", .type = Type::Datetime}};
  return schema;
}

TEST(Describe, SaysSomethingForEveryCodeOfARow) {
  for (const CodeInfo& info : all_codes()) {
    const bool of_a_row = info.text.starts_with("csv.") || info.text.starts_with("record.") ||
                          info.text.starts_with("value.") || info.text.starts_with("rule.") ||
                          (info.text.starts_with("key.") && info.code != Code::KeyHasChildren) ||
                          info.code == Code::LimitField || info.code == Code::LimitRecord;
    if (!of_a_row || info.severity == Severity::Warning) continue;
    const Description words =
        describe({.code = info.code, .field = 0, .found = "x1", .detail = "why"}, schema());
    EXPECT_FALSE(words.title.empty()) << info.text;
    EXPECT_FALSE(words.label.empty()) << info.text;
    EXPECT_THAT(group_title(info.code, "id"), HasSubstr("id")) << info.text;
    EXPECT_FALSE(group_title(info.code, "").empty());
  }
}

TEST(Describe, NamesValueAndForm) {
  const Description words = describe(
      {.code = Code::ValueNotDatetime, .field = 1, .found = "2021-13-07", .detail = "month 13"}, schema());
  EXPECT_EQ(words.title, "`2021-13-07` is not a date and time");
  EXPECT_EQ(words.label, "month 13");
  EXPECT_THAT(words.expected, HasSubstr("YYYY-MM-DD"));
  EXPECT_THAT(words.help, HasSubstr("format"));
}

TEST(Describe, ShowsHowAQuoteIsDoubled) {
  EXPECT_THAT(describe({.code = Code::CsvStrayQuote, .found = "\"Cleo \"the cat\" Smith\""}, schema()).help,
              HasSubstr("\"Cleo \"\"the cat\"\" Smith\""));
}

TEST(Describe, KnowsTheQuoteOfTheFile) {
  const Description words = describe({.code = Code::CsvStrayQuote,
                                      .found = "'it's'",
                                      .detail = "the quote opened here; the next `'` is not ..."},
                                     schema());
  EXPECT_EQ(words.title, "a quote in the middle of a quoted value");
  EXPECT_THAT(words.help, HasSubstr("'it''s'"));
  const Description bare = describe({.code = Code::CsvStrayQuote, .found = "5'3"}, schema());
  EXPECT_EQ(bare.title, "a quote in a value that is not quoted");
  EXPECT_THAT(bare.help, ::testing::Not(HasSubstr("5'3")));
  EXPECT_THAT(describe({.code = Code::CsvStrayQuote, .found = "5\" pipe"}, schema()).help,
              HasSubstr("\"5\"\" pipe\""));
}

TEST(Describe, AnExampleFollowsTheDecimalCharacter) {
  TableSchema numbers;
  numbers.fields = {{.name = "pay", .type = Type::Number, .decimal_char = ","}};
  EXPECT_EQ(describe({.code = Code::ValueNotNumber, .field = 0, .found = "x"}, numbers).expected,
            "a number, for example 12,5");
}

TEST(Describe, EscapesWhatATerminalWouldObey) {
  EXPECT_THAT(describe({.code = Code::ValueNotInteger, .field = 0, .found = "\x1b[2J"}, schema()).title,
              ::testing::Not(HasSubstr("\x1b")));
}

TEST(Describe, GroupTitles) {
  EXPECT_EQ(group_title(Code::RuleRequired, "job_id"), "job_id is empty");
  EXPECT_EQ(group_title(Code::ValueNotDatetime, "datetime"), "datetime is not a date and time");
}

}  // namespace
}  // namespace rowgate::table

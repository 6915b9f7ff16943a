#include "report/testing.h"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::report {
namespace {

using testing::into;
using testing::OwnedRow;
using Kind = OutputCell::Kind;

const std::vector<Column> kColumns = {{"id"}, {"the \"name\", =x"}};
const std::vector<OwnedRow> kRows = {
    {{Kind::Number, "1"}, {Kind::Text, "Ada"}},
    {{Kind::Null}, {Kind::Text, ""}},
    {{Kind::Number, "-12.50"}, {Kind::Text, "=1+1"}},
    {{Kind::Boolean, "true"}, {Kind::Text, "a,\"b\"\r\nc\t\x01"}},
    {{Kind::Text, "-x"}, {Kind::Text, "'y"}},
};

Result<void> write(RowWriter& writer, const std::vector<Column>& columns, const std::vector<OwnedRow>& rows) {
  TRY(writer.begin(columns));
  for (const OwnedRow& row : rows) TRY(writer.row(testing::views(row)));
  return writer.end();
}

TEST(CsvWriter, NullIsNothingAndAnEmptyTextIsQuoted) {
  std::string out;
  ASSERT_TRUE(write(*csv_writer(into(out), false), kColumns, kRows));
  EXPECT_EQ(
      out,
      "id,\"the \"\"name\"\", =x\"\r\n1,Ada\r\n,\"\"\r\n-12.50,=1+1\r\ntrue,\"a,\"\"b\"\"\r\nc\t\x01\"\r\n"
      "-x,'y\r\n");
}

TEST(CsvWriter, EscapesWhatASpreadsheetWouldExecuteWhereAsked) {
  std::string out;
  ASSERT_TRUE(write(*csv_writer(into(out), true), {{"=id"}, {"name"}}, kRows));
  EXPECT_EQ(out,
            "'=id,name\r\n1,Ada\r\n,\"\"\r\n-12.50,'=1+1\r\ntrue,\"a,\"\"b\"\"\r\nc\t\x01\"\r\n'-x,''y\r\n");
}

TEST(JsonWriter, IsAnArrayOfObjectsARowALine) {
  std::string out;
  ASSERT_TRUE(write(*json_writer(into(out)), kColumns, kRows));
  EXPECT_EQ(out,
            "[\n{\"id\":1,\"the \\\"name\\\", =x\":\"Ada\"},\n"
            "{\"id\":null,\"the \\\"name\\\", =x\":\"\"},\n"
            "{\"id\":-12.50,\"the \\\"name\\\", =x\":\"=1+1\"},\n"
            "{\"id\":true,\"the \\\"name\\\", =x\":\"a,\\\"b\\\"\\r\\nc\\t\\u0001\"},\n"
            "{\"id\":\"-x\",\"the \\\"name\\\", =x\":\"'y\"}\n]\n");
}

TEST(Writers, WithoutRowsThereIsAHeaderOrAnEmptyArray) {
  std::string csv, json;
  ASSERT_TRUE(write(*csv_writer(into(csv), false), kColumns, {}));
  ASSERT_TRUE(write(*json_writer(into(json)), kColumns, {}));
  EXPECT_EQ(csv, "id,\"the \"\"name\"\", =x\"\r\n");
  EXPECT_EQ(json, "[]\n");
}

RC_GTEST_PROP(JsonWriter, AnyTextIsReadBackFromIt, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "\"", "\\", "\n", std::string(1, '\0'), "\x1F", "\x7F", "\xC3\xA9", "\xF0\x9F\x98\x80"));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  std::string out;
  RC_ASSERT(write(*json_writer(into(out)), {{text}}, {{{Kind::Text, text}}}));
  const auto json = nlohmann::json::parse(out);
  RC_ASSERT(json.at(0).at(text) == text);
}

TEST(JsonWriter, ABadByteBecomesTheReplacementCharacter) {
  std::string out;
  ASSERT_TRUE(write(*json_writer(into(out)), {{"a"}}, {{{Kind::Text, "x\xFFy"}}}));
  EXPECT_EQ(out, "[\n{\"a\":\"x\xEF\xBF\xBDy\"}\n]\n");
}

/// In pieces, so that a large report is streamed.
TEST(CsvWriter, WritesAsItGoesAndStopsAtTheFirstError) {
  std::size_t pieces = 0, largest = 0;
  const auto writer = csv_writer(
      [&](std::string_view piece) -> Result<void> {
        largest = std::max(largest, piece.size());
        if (++pieces == 4) return fail(Code::StorageFull, "full");
        return {};
      },
      false);
  ASSERT_TRUE(writer->begin(std::vector<Column>{{"text"}}));
  const std::string text(1000, 'x');
  const OutputCell cells[] = {{Kind::Text, text}};
  Result<void> done;
  for (int i = 0; i < 10'000 && done; ++i) done = writer->row(cells);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::StorageFull);
  EXPECT_LT(largest, 70'000u);
}

}  // namespace
}  // namespace rowgate::report

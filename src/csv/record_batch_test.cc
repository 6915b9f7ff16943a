#include "csv/record_batch.h"

#include "csv/parser.h"

#include <gmock/gmock.h>

namespace rowgate::csv {
namespace {

RecordBatch batch_of(std::string_view record, std::uint64_t line = 1, LineEnd line_end = LineEnd::Lf) {
  RecordBatch batch;
  append_record(batch, record, {.line_end = line_end}, line);
  return batch;
}

TEST(RecordBatch, GivesFieldsInEveryForm) {
  const RecordBatch batch = batch_of("7,\"A \"\"B\"\"\",,\"\"");
  ASSERT_EQ(batch.field_count(0), 4u);
  struct Case {
    std::string_view raw, inner, value;
    std::uint32_t begin;
    bool quoted, doubled;
  };
  const Case cases[] = {{"7", "7", "7", 0, false, false},
                        {"\"A \"\"B\"\"\"", "A \"\"B\"\"", "A \"B\"", 2, true, true},
                        {"", "", "", 12, false, false},
                        {"\"\"", "", "", 13, true, false}};
  for (std::size_t field = 0; field < std::size(cases); ++field) {
    EXPECT_EQ(batch.raw_field(0, field), cases[field].raw) << field;
    EXPECT_EQ(batch.inner(0, field), cases[field].inner) << field;
    EXPECT_EQ(batch.value(0, field), cases[field].value) << field;
    EXPECT_EQ(batch.field_begin(0, field), cases[field].begin) << field;
    EXPECT_EQ(batch.is_quoted(0, field), cases[field].quoted) << field;
    EXPECT_EQ(batch.has_doubled(0, field), cases[field].doubled) << field;
  }
}

TEST(RecordBatch, TellsLineAndColumnOfAByte) {
  const RecordBatch lf = batch_of("a,\"b\nc\r\nd\",e", 10);
  EXPECT_EQ(lf.position(0, 0), (Position{10, 1}));
  EXPECT_EQ(lf.position(0, 4), (Position{10, 5}));  // the line end itself
  EXPECT_EQ(lf.position(0, 5), (Position{11, 1}));
  EXPECT_EQ(lf.position(0, 8), (Position{12, 1}));
  EXPECT_EQ(lf.position(0, 11), (Position{12, 4}));
  const RecordBatch cr = batch_of("\"b\rc\r\nd\"", 1, LineEnd::CrOrLf);
  EXPECT_EQ(cr.position(0, 3), (Position{2, 1}));
  EXPECT_EQ(cr.position(0, 6), (Position{3, 1}));
}

TEST(RecordBatch, PositionsBeginAtTheRecordNotAtTheBatch) {
  RecordBatch batch = batch_of("\"x\ny\"", 3);
  append_record(batch, "a,b", {}, 8);
  EXPECT_EQ(batch.position(1, batch.field_begin(1, 1)), (Position{8, 3}));
  EXPECT_EQ(batch.raw(1), "a,b");
  EXPECT_EQ(batch.offset(1), 5u);
}

TEST(RecordBatch, OwnOffsetsGoFirst) {
  RecordBatch batch = batch_of("a");
  batch.first_offset = 100;
  EXPECT_EQ(batch.offset(0), 100u);
  batch.own_offset = {7};
  EXPECT_EQ(batch.offset(0), 7u);
}

TEST(RecordBatch, ClearForgetsAllButTheMemory) {
  RecordBatch batch = batch_of("1,\"x");
  batch.own_offset = {7};
  batch.number = batch.first_record = batch.first_offset = 9;
  const std::size_t memory = batch.bytes.capacity();
  batch.clear();
  EXPECT_TRUE(batch.empty() && batch.broken.empty() && batch.own_offset.empty() && batch.field_end.empty());
  EXPECT_TRUE(batch.first_field.empty() && batch.line.empty() && batch.length.empty() &&
              batch.record_end.empty());
  EXPECT_EQ(batch.size_bytes + batch.number + batch.first_record + batch.first_offset, 0u);
  EXPECT_EQ(batch.bytes.capacity(), memory);
  append_record(batch, "2,b", {}, 5);
  EXPECT_EQ(batch.value(0, 1), "b");
  EXPECT_EQ(batch.offset(0), 0u);
}

TEST(AppendUnescaped, HalvesPairsOfQuotes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""}, {"a", "a"}, {"\"\"", "\""}, {"a\"\"b", "a\"b"}, {"\"\"\"\"", "\"\""}, {"''", "''"}};
  for (const auto& [inner, text] : cases) {
    std::string out = ">";
    append_unescaped(out, inner, '"');
    EXPECT_EQ(out, ">" + std::string(text)) << inner;
  }
}

}  // namespace
}  // namespace rowgate::csv

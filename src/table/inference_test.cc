#include "table/inference.h"

#include "csv/testing.h"

#include <gmock/gmock.h>

namespace rowgate::table {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Inference::Outcome infer(const std::string& header, const std::string& rows) {
  csv::Opening opening;
  std::size_t from = 0;
  while (from <= header.size()) {
    const std::size_t comma = std::min(header.find(',', from), header.size());
    opening.header.push_back(header.substr(from, comma - from));
    from = comma + 1;
  }
  opening.columns = opening.header.size();
  csv::testing::PieceSource source(rows, 1 << 20);
  csv::Parser parser(source, {}, {.offset = 0, .line = 2});
  csv::RecordBatch batch;
  Inference inference(opening.columns);
  while (parser.next(batch) && !batch.empty()) inference.observe(batch);
  return inference.finish(opening);
}

TEST(Inference, IsCautious) {
  struct Case {
    const char* values;
    Type type;
  };
  const Case cases[] = {
      {"0\n-7\n123", Type::Integer},
      {"9223372036854775807\n-9223372036854775808", Type::Integer},
      {"9223372036854775808", Type::String},  // a double's shortest form would be another number
      {"9223372036854775809", Type::String},
      {"007\n1", Type::String},
      {"-0\n1", Type::String},
      {"+7", Type::String},
      {"1.0\n2", Type::Number},
      {"1.5\n1e6\n-2E-3", Type::Number},
      {"1.5\n9007199254740993", Type::String},
      {"0.1234567890123456789", Type::String},
      {"1.", Type::String},
      {".5", Type::String},
      {"01.5", Type::String},
      {"true\nFALSE", Type::Boolean},
      {"true\n1", Type::String},
      {"yes\nno", Type::String},
      {"2021-11-07\n2020-02-29", Type::Date},
      {"2021-11-07\n2021-02-29", Type::String},
      {"2021-11-07T02:48:42Z\n2021-11-07T02:48:42+01:00\n2021-11-07T02:48:42", Type::Datetime},
      {"2021-11-07T02:48:42Z\n2021-11-07", Type::String},
      {"20211107\n20211108", Type::Integer},
      {"2021-11-07T02:48:42.1234567Z", Type::String},
      {"Ada\n1", Type::String},
      {"\"1\"\n\"2\"", Type::Integer},
      {"\"1\"\"\"\n\"2\"", Type::String},
      {"x,y", Type::String},
  };
  for (const Case& c : cases) {
    std::string rows;
    for (const char byte : std::string(c.values)) rows += byte == '\n' ? std::string(",\n") : std::string(1, byte);
    EXPECT_EQ(infer("a,b", rows + ",\n").schema.fields[0].type, c.type) << c.values;
  }
}

TEST(Inference, KeepsTheFractionThatIsThere) {
  EXPECT_EQ(infer("a,b", "2021-11-07T02:48:42.5Z,\n2021-11-07T02:48:42Z,\n").schema.fields[0].precision, 3);
  EXPECT_EQ(infer("a,b", "2021-11-07T02:48:42.5001Z,\n").schema.fields[0].precision, 6);
}

TEST(Inference, LeavesOutWhatIsNoRecord) {
  const auto outcome = infer("a,b", "1,2\nx\n\"x\"y,1\nx\xFF,1\n\n3,4\n");
  EXPECT_EQ(outcome.schema.fields[0].type, Type::Integer);
  EXPECT_EQ(outcome.records, 2u);
}

TEST(Inference, TellsWhatWasNearlyNarrower) {
  std::string rows;
  for (int i = 0; i < 100; ++i) rows += i == 41 ? "12a,1.5\n" : "12345,1\n";
  EXPECT_THAT(infer("zip,n", rows).notes,
              ElementsAre("zip: 1 of 100 values keeps it from integer, first in line 43",
                          "n: 1 of 100 values keeps it from integer, first in line 43"));
  EXPECT_THAT(infer("a,b", "x,1\n1,1\n").notes, IsEmpty());
}

TEST(Inference, MakesNamesThatATableMayHave) {
  const auto outcome = infer("Full Name,full_name,2nd,rg_x,,\xC3\x84", "1,2,3,4,5,6\n");
  std::vector<std::string> names;
  for (const Field& field : outcome.schema.fields) names.push_back(field.name);
  EXPECT_THAT(names, ElementsAre("Full_Name", "full_name_2", "c_2nd", "c_rg_x", "field5", "field6"));
  EXPECT_THAT(outcome.schema.fields[0].aliases, ElementsAre("Full Name"));
  EXPECT_THAT(outcome.notes, Contains("column 'Full Name' becomes field Full_Name"));
}

TEST(Inference, AColumnWithoutValuesIsAString) {
  const auto outcome = infer("a,b", ",1\n\"\",2\n");
  EXPECT_EQ(outcome.schema.fields[0].type, Type::String);
  EXPECT_EQ(outcome.schema.fields[1].type, Type::Integer);
}

TEST(Inference, PartsJoinToTheWhole) {
  csv::testing::PieceSource first_source("1,a\nx,b\n", 64), second_source("2.5,1\n", 64);
  csv::RecordBatch batch;
  Inference first(2), second(2);
  ASSERT_TRUE(csv::Parser(first_source, {}, {.line = 2}).next(batch));
  first.observe(batch);
  ASSERT_TRUE(csv::Parser(second_source, {}, {.line = 4}).next(batch));
  second.observe(batch);
  second.merge(first);
  const auto outcome = second.finish({.columns = 2});
  EXPECT_EQ(outcome.records, 3u);
  EXPECT_EQ(outcome.schema.fields[0].type, Type::String);
  EXPECT_EQ(outcome.schema.fields[0].name, "field1");
}

}  // namespace
}  // namespace rowgate::table

#include "table/inference.h"

#include "csv/testing.h"
#include "table/checker.h"
#include "table/column_map.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

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

std::size_t refused(const std::string& rows, const TableSchema& schema, const ColumnMap& columns) {
  csv::testing::PieceSource source(rows, 1 << 20);
  csv::Parser parser(source, {}, {.offset = 0, .line = 2});
  csv::RecordBatch batch;
  CheckedBatch checked;
  const Checker checker(schema, columns);
  std::size_t count = 0;
  while (parser.next(batch) && !batch.empty()) {
    checker.check(batch, checked);
    count += checked.rejects.size();
  }
  return count;
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
    for (const char byte : std::string(c.values))
      rows += byte == '\n' ? std::string(",\n") : std::string(1, byte);
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

TEST(Inference, OneInTwentyIsNearlyAndMoreIsNot) {
  std::string rows = "x,\n";
  for (int i = 0; i < 18; ++i) rows += "1,\n";
  EXPECT_THAT(infer("a,b", rows).notes, IsEmpty());
  EXPECT_THAT(infer("a,b", rows + "1,\n").notes,
              ElementsAre("a: 1 of 20 values keeps it from integer, first in line 2"));
}

/// What a file is inferred from it must also be able to hold: read again under the schema, no record is
/// refused.
TEST(Inference, TheInferredSchemaTakesEveryRecordOfItsFile) {
  const char* const values[] = {"0",
                                "-7",
                                "-0",
                                "-0.0",
                                "007",
                                "1.5",
                                "1e300",
                                "-2E-3",
                                "9223372036854775807",
                                "true",
                                "True",
                                "1e-5",
                                "\"\"",
                                "\"1\"",
                                "\"a\"\"b\"",
                                "9007199254740993",
                                "0.1",
                                "1.50",
                                "2021-11-07",
                                "0001-01-01",
                                "9999-12-31",
                                "2021-11-07T02:48:42Z",
                                "2021-11-07T02:48:42",
                                "2021-11-07T02:48:42.5Z",
                                "2021-11-07T02:48:42.500000+01:00",
                                "2021-11-07T02:48:42.0000000Z",
                                "0001-01-01T00:00:00+01:00",
                                "9999-12-31T23:59:59Z",
                                "2021-11-07T02:48:42.123456-14:00",
                                "",
                                " ",
                                "FALSE",
                                "NA"};
  for (std::size_t i = 0; i < std::size(values); ++i)
    for (std::size_t j = i; j < std::size(values); ++j) {
      const std::string rows = fmt::format("{},k\n{},k\n", values[i], values[j]);
      const Inference::Outcome outcome = infer("a b,a_b", rows);
      const Result<TableSchema> read = schema_from_json(to_json(outcome.schema), "t");
      ASSERT_TRUE(read) << to_text(read.error());
      const csv::Opening opening{.header = {"a b", "a_b"}, .columns = 2};
      const Result<ColumnMap> columns = map_columns(opening, *read, {});
      ASSERT_TRUE(columns) << columns.error().message;
      EXPECT_EQ(refused(rows, *read, *columns), 0u) << rows << to_json(*read);
    }
}

std::vector<std::string> names_of(const Inference::Outcome& outcome) {
  std::vector<std::string> names;
  for (const Field& field : outcome.schema.fields) names.push_back(field.name);
  return names;
}

TEST(Inference, MakesNamesThatATableMayHave) {
  const auto outcome = infer("Full Name,full_name,2nd,rg_x,Rowgate_y,,\xC3\x84", "1,2,3,4,5,6,7\n");
  EXPECT_THAT(names_of(outcome),
              ElementsAre("Full_Name_2", "full_name", "c_2nd", "c_rg_x", "c_Rowgate_y", "field6", "field7"));
  EXPECT_THAT(outcome.schema.fields[0].aliases, ElementsAre("Full Name"));
  EXPECT_THAT(outcome.schema.fields[1].aliases, IsEmpty());
  EXPECT_THAT(outcome.notes, Contains("column 'Full Name' becomes field Full_Name_2"));
}

TEST(Inference, KeepsEveryNameThatCanStay) {
  EXPECT_THAT(names_of(infer("a b,a_b,_a_,a-b", "1,2,3,4\n")), ElementsAre("a_b_2", "a_b", "_a_", "a_b_3"));
  EXPECT_THAT(names_of(infer("ID,id,id_2", "1,2,3\n")), ElementsAre("ID", "id_3", "id_2"));
  EXPECT_THAT(names_of(infer(",field1", "1,2\n")), ElementsAre("field1_2", "field1"));
}

TEST(Inference, ManyColumnsThatAreAlikeGetNamesOfAllowedLength) {
  const std::string stem(70, 'n');
  std::string header = stem;
  for (int i = 1; i < 3000; ++i) header += "," + stem + std::string(static_cast<std::size_t>(i % 7 + 1), '-');
  const auto outcome = infer(header, "");
  std::set<std::string> names;
  for (const Field& field : outcome.schema.fields) {
    EXPECT_EQ(why_not_a_name(field.name, true), "");
    names.insert(field.name);
  }
  EXPECT_EQ(names.size(), 3000u);
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

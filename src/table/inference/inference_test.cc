#include "table/inference/inference.h"

#include "csv/testing.h"
#include "table/checker.h"
#include "table/column_map.h"
#include "table/form.h"
#include "table/value_format.h"
#include "table/value_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <random>
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
      {"1.0\n2", Type::String},  // no text tells 1 from 1.0
      {"1.5\n2", Type::Number},
      {"1.5\n1e6\n-2E-3", Type::String},
      {"5E0\n12E3", Type::String},
      {"1.1\n1.10", Type::String},
      {"1.10\n2.25", Type::Number},
      {"1.0\n-0.0", Type::String},
      {"1e-07\n2.5", Type::Number},
      {"1.5\n9007199254740993", Type::String},
      {"0.1234567890123456789", Type::Number},  // a decimal
      {"1.5\n0.1234567890123456789", Type::String},
      {"1.", Type::String},
      {".5", Type::String},
      {"01.5", Type::String},
      {"TRUE\nFALSE", Type::Boolean},
      {"true\nFALSE", Type::String},
      {"true\n1", Type::String},
      {"yes\nno", Type::String},
      {"2021-11-07\n2020-02-29", Type::Date},
      {"2021-11-07\n2021-02-29", Type::String},
      {"2021-11-07T02:48:42+01:00\n2021-07-07T02:48:42+01:00", Type::Datetime},
      {"2021-11-07T02:48:42\n2021-07-07T02:48:42", Type::Datetime},
      {"2021-11-07T02:48:42+01:00\n2021-07-07T02:48:42+02:00", Type::String},
      {"2021-11-07T02:48:42Z\n2021-11-07T02:48:42", Type::String},
      {"2021-11-07T02:48:42Z\n2021-11-07T02:48:42+00:00", Type::String},
      {"2021-11-07T02:48:42.5Z\n2021-11-07T02:48:42.50Z", Type::String},
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

Field inferred_field(const std::string& values) {
  std::string rows;
  for (const char byte : values) rows += byte == '\n' ? std::string(",\n") : std::string(1, byte);
  return infer("a,b", rows + ",\n").schema.fields[0];
}

TEST(Inference, KeepsTheFormOfTheValues) {
  struct Case {
    const char* values;
    std::string_view form;
    int precision;
  };
  const Case cases[] = {
      {"1.5\n100000\n0.00001", "", 0},
      {"1.5\n1e+21", "javascript", 0},
      {"1.5\n100000\n1e-7", "", 0},
      {"1.5\n1e+05", "c++", 0},
      {"25.0\n25.1", "python", 0},
      {"25.0\n1e-05", "python", 0},
      {"25.0\n1.0E7\n1.0E-4", "java", 0},
      {"true\nfalse", "", 0},
      {"True", "True/False", 0},
      {"TRUE\nFALSE", "TRUE/FALSE", 0},
      {"2021-11-07T02:48:42Z", "", 0},
      {"2021-11-07T02:48:42.500Z", "", 3},
      {"2021-11-07T02:48:42.5Z", "YYYY-MM-DDThh:mm:ss.sZ", 3},
      {"2021-11-07T02:48:42.5001", "YYYY-MM-DDThh:mm:ss.ssss", 6},
      {"2021-11-07T02:48:42-05:30", "YYYY-MM-DDThh:mm:ss-05:30", 0},
      {"2021-11-07T02:48:42+00:00", "YYYY-MM-DDThh:mm:ss+00:00", 0},
  };
  for (const Case& c : cases) {
    const Field field = inferred_field(c.values);
    EXPECT_NE(field.type, Type::String) << c.values;
    EXPECT_EQ(field.form, c.form) << c.values;
    EXPECT_EQ(field.precision, c.precision) << c.values;
  }
}

TEST(Inference, ADecimalHasRoomForLargerNumbers) {
  EXPECT_EQ(inferred_field("1.10\n22.25").decimal, (Decimal{15, 2}));
  EXPECT_EQ(inferred_field("1234567890123456.10").decimal, (Decimal{38, 2}));
  EXPECT_EQ(inferred_field(std::string(37, '1') + ".10").type, Type::String);
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

TEST(Inference, TellsWhatIsTextOnlyForItsForms) {
  EXPECT_THAT(
      infer("p,n", "1.1,\n1.1,\n1.10,\n").notes,
      ElementsAre("p: every value fits the type number, but they are written in more than one way, as in "
                  "lines 2 and 4, so it stays text; `type: number` in a schema makes numbers of it"));
  EXPECT_THAT(
      infer("p,n", "5E0,\n12E3,\n").notes,
      ElementsAre("p: every value fits the type number, but no known form gives its texts back, so it "
                  "stays text; `type: number` in a schema makes numbers of it"));
  EXPECT_THAT(infer("p,n", "2021-11-07T02:48:42,\n").notes,
              ElementsAre("p: its datetimes carry no offset and are kept as UTC; another one is given by "
                          "`rowgate:timezone` in a schema"));
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

/// What rowgate writes as CSV for a text that was read under the field; nothing where it is refused.
std::string written(const Field& field, const std::string& text) {
  const ValueReader reader(field);
  std::string scratch;
  Cell cell;
  Refusal refusal;
  if (!reader.read(text, scratch, cell, refusal)) return "refused: " + text;
  const FormWriter form(field);
  std::string out;
  if (cell.kind == CellKind::Text && field.type == Type::Datetime && form.has_form())
    form.append_datetime(out, cell.view());
  else if (cell.kind == CellKind::Text)
    out = cell.view();
  else if (cell.kind == CellKind::Real && form.has_form())
    form.append_number(out, cell.real);
  else if (cell.kind == CellKind::Real)
    append_number(out, cell.real);
  else if (field.type == Type::Boolean && form.has_form())
    form.append_boolean(out, cell.integer == 1);
  else if (field.type == Type::Boolean)
    out = cell.integer == 1 ? "true" : "false";
  else
    out = std::to_string(cell.integer);
  return out;
}

/// Values as programs write them; which of them a column has, and whether it has two, is chance.
class RandomColumn {
 public:
  explicit RandomColumn(unsigned seed) : random_(seed) {
    for (int i = 0; i < 1 + below(2); ++i) kinds_.push_back(below(16));
    digits_ = below(8);
    offset_ = below(3) == 0   ? ""
              : below(2) == 0 ? "Z"
                              : fmt::format("{}{:02}:{:02}", below(2) ? '+' : '-', below(14), below(60));
  }
  std::string value() {
    const int kind = kinds_[static_cast<std::size_t>(below(static_cast<int>(kinds_.size())))];
    std::string text;
    switch (kind) {
      case 0:
        return std::to_string(below(2'000'000) - 1'000'000);
      case 1:
        return fmt::format("{}", static_cast<std::int64_t>(random_()));
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
        append_printed(text, real(), kPrinters[static_cast<std::size_t>(kind - 2)]);
        return text;
      case 7:
        return fmt::format("{:.{}f}", real(), digits_);
      case 8:
        return fmt::format("{:.2f}", below(100'000) / 100.0);
      case 9:
        return below(2) == 0 ? "true" : "false";
      case 10:
        return below(2) == 0 ? "True" : "FALSE";
      case 11:
        return fmt::format("{:04}-{:02}-{:02}", 1 + below(9999), 1 + below(12), 1 + below(31));
      case 12:
      case 13:
        text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", 1 + below(9999), 1 + below(12),
                           1 + below(28), below(24), below(60), below(60));
        if (digits_ > 0)
          text += "." +
                  std::to_string(10'000'000 + below(9'999'999)).substr(1, static_cast<std::size_t>(digits_));
        return text + offset_;
      case 14:
        return fmt::format("{:e}", real());
      default:
        return fmt::format("{:03}", below(1000));
    }
  }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  double real() {
    switch (below(4)) {
      case 0:
        return below(2000) - 1000;
      case 1:
        return below(2'000'000) / 100.0;
      case 2:
        return std::ldexp(static_cast<double>(random_()), below(200) - 150);
      default:
        return std::pow(10.0, below(40) - 20);
    }
  }

  std::mt19937_64 random_;
  std::vector<int> kinds_;
  int digits_ = 0;
  std::string offset_;
};

TEST(Inference, EveryTextOfEveryColumnComesBack) {
  std::size_t typed = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    RandomColumn column(seed);
    std::vector<std::string> values(1 + seed % 7);
    std::string rows;
    for (std::string& value : values) rows += (value = column.value()) + ",k\n";
    const Inference::Outcome outcome = infer("a,b", rows);
    const Result<TableSchema> read = schema_from_json(to_json(outcome.schema), "t");
    ASSERT_TRUE(read) << to_text(read.error());
    typed += read->fields[0].type != Type::String;
    for (const std::string& value : values)
      ASSERT_EQ(written(read->fields[0], value), value) << "seed " << seed << "\n" << rows << to_json(*read);
  }
  EXPECT_GT(typed, 1500u);
}

/// A table that is loaded anew from another file keeps what takes the new values as they are.
TEST(Inference, KeepsNamesAndTypesThatTakeEveryValueUnchanged) {
  struct Case {
    const char *before, *now;
    bool stays;
  };
  const Case cases[] = {
      {"1\n2", "3", true},
      {"007", "3\n4", true},
      {"1.5", "3\n4", true},
      {"1\n2", "3.5", false},
      {"1.10\n2.20", "3.00", true},
      {"1.10", "3.5", false},
      {"1.10", "3", false},
      {"25.0", "3\n4", false},
      {"25.0", "3.5", true},
      {"true", "TRUE", false},
      {"TRUE", "FALSE", true},
      {"1", "x", false},
      {"2021-11-07", "x", false},
      {"2021-11-07", "2020-01-01", true},
      {"2021-11-07T02:48:42Z", "", true},
      {"2021-11-07T02:48:42Z", "2021-11-07T02:48:42", false},
      {"2021-11-07T02:48:42.5Z", "2021-11-07T02:48:42.7Z", true},
      {"1.10", "12345678901234567.25", false},
  };
  for (const Case& c : cases) {
    const Field before = inferred_field(c.before);
    const TableSchema old{.fields = {before}};
    const std::string rows = std::string(c.now) + "\n";
    csv::testing::PieceSource source(rows, 1 << 20);
    csv::Parser parser(source, {}, {.offset = 0, .line = 2});
    csv::RecordBatch batch;
    Inference inference(1);
    while (parser.next(batch) && !batch.empty()) inference.observe(batch);
    const csv::Opening opening{.header = {"a"}, .columns = 1};
    const Field alone = inference.finish(opening).schema.fields[0],
                now = inference.finish(opening, &old).schema.fields[0];
    const bool is_as_before = now.type == before.type && now.form == before.form &&
                              now.decimal == before.decimal && now.precision == before.precision;
    EXPECT_EQ(is_as_before, c.stays) << c.before << " then " << c.now;
    if (!c.stays) EXPECT_EQ(now.type, alone.type) << c.before << " then " << c.now;
  }
}

TEST(Inference, KeepsTheNamesOfTheTableBefore) {
  const TableSchema before = infer("Full Name,full_name,zip", "1,2,007\n").schema;
  EXPECT_EQ(before.fields[0].name, "Full_Name_2");
  const csv::Opening opening{.header = {"zip", "Full Name", "Full-Name"}, .columns = 3};
  const Inference::Outcome now = Inference(3).finish(opening, &before);
  EXPECT_THAT(now.schema.fields[0].name, "zip");
  EXPECT_THAT(now.schema.fields[1].name, "Full_Name_2");
  EXPECT_THAT(now.schema.fields[2].name, "Full_Name");
}

/// Constraints come from a person: what they were for is not guessed again.
TEST(Inference, LeavesFieldsAloneThatNoInferenceMade) {
  TableSchema before = infer("a", "007\n").schema;
  before.fields[0].constraints.max_length = 3;
  Inference inference(1);
  csv::testing::PieceSource source("1\n", 64);
  csv::Parser parser(source, {}, {.line = 2});
  csv::RecordBatch batch;
  ASSERT_TRUE(parser.next(batch));
  inference.observe(batch);
  EXPECT_EQ(inference.finish({.header = {"a"}, .columns = 1}, &before).schema.fields[0].type, Type::Integer);
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

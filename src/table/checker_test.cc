#include "table/checker.h"

#include "csv/testing.h"
#include "table/column_rules.h"
#include "table/fast_values.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::table {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string cell_text(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::Null:
      return "-";
    case CellKind::Integer:
      return std::to_string(cell.integer);
    case CellKind::Real:
      return fmt::format("{}", cell.real);
    case CellKind::Bytes:
      return fmt::format("x'{}'", cell.view());
    case CellKind::Text:
      break;
  }
  return fmt::format("'{}'", cell.view());
}

/// What a check made of some bytes: rows as "line: cell cell", rejects as "line:column code field found".
struct Checked {
  std::vector<std::string> rows, rejects;
  Totals totals;
  std::uint64_t first_skipped_line = 0;
};

Checked check(const TableSchema& schema, std::string_view bytes, const ColumnMap& columns,
              const csv::Dialect& dialect = {}) {
  const Checker checker(schema, columns);
  csv::testing::PieceSource source(bytes, 1 << 20);
  csv::Parser parser(source, dialect, {.line = 2});
  csv::RecordBatch batch;
  CheckedBatch out;
  Checked result;
  while (parser.next(batch) && !batch.empty()) {
    checker.check(batch, out);
    result.totals += out.totals();
    result.first_skipped_line = out.first_skipped_line;
    for (std::size_t row = 0; row < out.rows(); ++row) {
      std::string text = std::to_string(out.line(row)) + ":";
      for (std::size_t field = 0; field < out.columns; ++field) text += " " + cell_text(out.row(row)[field]);
      result.rows.push_back(text);
    }
    for (const Reject& reject : out.rejects)
      for (const Problem& problem : reject.problems)
        result.rejects.push_back(fmt::format(
            "{}:{} {} {} {}", problem.at.line, problem.at.column, text(problem.code),
            problem.field == Problem::kNoField ? "-" : schema.fields[problem.field].name, problem.found));
  }
  return result;
}

ColumnMap in_order(const TableSchema& schema) {
  ColumnMap columns{.file_columns = schema.fields.size()};
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    columns.column_of_field.push_back(static_cast<int>(i));
  return columns;
}

/// The outcome for one value of one field: its cell, or the codes.
std::string outcome(const Field& field, const std::string& in_file) {
  TableSchema schema;
  schema.fields = {field, {.name = "other"}};
  const Checked checked = check(schema, in_file + ",x\n", in_order(schema));
  if (checked.rows.size() == 1) return checked.rows[0].substr(3, checked.rows[0].size() - 7);
  std::string codes;
  for (const std::string& reject : checked.rejects) {
    const std::size_t from = reject.find(' ') + 1;
    codes += (codes.empty() ? "" : " ") + reject.substr(from, reject.find(' ', from) - from);
  }
  return codes;
}

struct ValueCase {
  Field field;
  std::string in_file, expected;
};

Field typed(Type type, std::string format = "default") {
  return {.name = "f", .type = type, .format = std::move(format)};
}

/// A value in quotes, as a file has it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

TEST(Checker, ReadsValuesOfTheRarerTypes) {
  const Field year = typed(Type::Year), month = typed(Type::YearMonth), duration = typed(Type::Duration),
              object = typed(Type::Object), array = typed(Type::Array), any = typed(Type::Any),
              geo = typed(Type::GeoJson), topo = typed(Type::GeoJson, "topojson"),
              point = typed(Type::GeoPoint), point_array = typed(Type::GeoPoint, "array"),
              point_object = typed(Type::GeoPoint, "object"), binary = typed(Type::String, "binary");
  Field numbers = typed(Type::List);
  numbers.delimiter = "; ";
  numbers.item_type = Type::Integer;
  const ValueCase cases[] = {
      {year, "2021", "2021"},
      {year, "-0044", "-44"},
      {year, "12021", "12021"},
      {year, "32768", "value.out_of_range"},
      {year, "21", "value.not_year"},
      {year, "02021", "value.not_year"},
      {year, "2021Z", "value.not_year"},
      {month, "2021-11", "'2021-11'"},
      {month, "2021-13", "value.not_yearmonth"},
      {month, "0000-01", "value.not_yearmonth"},
      {month, "2021-1", "value.not_yearmonth"},
      {duration, "P1Y2M3DT4H5M6.7S", "'P1Y2M3DT4H5M6.7S'"},
      {duration, "-PT0S", "'-PT0S'"},
      {duration, "P1W", "value.not_duration"},
      {duration, "P", "value.not_duration"},
      {duration, "P1DT", "value.not_duration"},
      {duration, "P1M1Y", "value.not_duration"},
      {duration, "PT1.5H", "value.not_duration"},
      {duration, "P1234567890123456D", "value.out_of_range"},
      {object, quoted(R"({"b": 1, "a": [1.50]})"), R"('{"b": 1, "a": [1.50]}')"},
      {object, "[1]", "value.not_json"},
      {object, "{", "value.not_json"},
      {array, quoted("[1, 2]"), "'[1, 2]'"},
      {array, "{}", "value.not_json"},
      {any, "x y", "'x y'"},
      {any, quoted("[1"), "'[1'"},
      {geo, quoted(R"({"type":"Point","coordinates":[8.6,50.1]})"),
       R"('{"type":"Point","coordinates":[8.6,50.1]}')"},
      {geo, quoted(R"({"type":"Feature","geometry":null,"properties":null})"),
       R"('{"type":"Feature","geometry":null,"properties":null}')"},
      {geo, quoted(R"({"type":"Polygon","coordinates":[8.6,50.1]})"), "value.not_json"},
      {geo, quoted(R"({"type":"Place"})"), "value.not_json"},
      {geo, quoted(R"({"type":"FeatureCollection","features":[{"type":"Point"}]})"), "value.not_json"},
      {topo, quoted(R"({"type":"Topology","objects":{},"arcs":[[[0,0],[1,1]]]})"),
       R"('{"type":"Topology","objects":{},"arcs":[[[0,0],[1,1]]]}')"},
      {topo, quoted(R"({"type":"Point","coordinates":[8.6,50.1]})"), "value.not_json"},
      {point, quoted("8.60, 50.10"), "'8.60,50.10'"},
      {point, quoted("+8,-50"), "'8,-50'"},
      {point, quoted("180.5,0"), "value.out_of_range"},
      {point, quoted("0,-90.1"), "value.out_of_range"},
      {point, "8.6", "value.not_geopoint"},
      {point, quoted("8,6,50"), "value.not_geopoint"},
      {point_array, quoted("[8.60, 50.10]"), "'8.60,50.10'"},
      {point_array, quoted("[8.6]"), "value.not_geopoint"},
      {point_array, quoted("[[8.6, 50.1]]"), "value.not_geopoint"},
      {point_array, quoted("[8.6, 50.1, 1]"), "value.not_geopoint"},
      {point_object, quoted(R"({"lat": 50.10, "lon": 8.60})"), "'8.60,50.10'"},
      {point_object, quoted(R"({"lat": 50.10})"), "value.not_geopoint"},
      {point_object, quoted(R"({"lat": 50.10, "lat": 1, "lon": 1})"), "value.not_geopoint"},
      {numbers, "1; 2; -3", "'1; 2; -3'"},
      {numbers, "1; ", "value.not_list"},
      {numbers, "1; x", "value.not_list"},
      {binary, "aGVsbG8=", "x'hello'"},
      {binary, "aGVsbG8", "value.not_format"},
      {binary, "a b", "value.not_format"},
  };
  for (const ValueCase& c : cases)
    EXPECT_EQ(outcome(c.field, c.in_file), c.expected) << name(c.field.type) << ' ' << c.in_file;
}

TEST(Checker, LengthsAreCountedInWhatATypeHasManyOf) {
  const auto at_most_two = [](Field field) {
    field.constraints.max_length = 2;
    return field;
  };
  const Field list = at_most_two(typed(Type::List)), array = at_most_two(typed(Type::Array)),
              object = at_most_two(typed(Type::Object)), binary = at_most_two(typed(Type::String, "binary"));
  EXPECT_EQ(outcome(list, quoted("alpha,beta")), "'alpha,beta'");
  EXPECT_EQ(outcome(list, quoted("alpha,beta,")), "rule.max_length");
  EXPECT_EQ(outcome(array, quoted("[100,200]")), "'[100,200]'");
  EXPECT_EQ(outcome(array, quoted("[1,2,3]")), "rule.max_length");
  EXPECT_EQ(outcome(object, quoted(R"({"alpha":1})")), R"('{"alpha":1}')");
  EXPECT_EQ(outcome(object, quoted(R"({"a":1,"b":2,"c":3})")), "rule.max_length");
  EXPECT_EQ(outcome(binary, "aGk="), "x'hi'");
  EXPECT_EQ(outcome(binary, "aGVsbG8="), "rule.max_length");
}

TEST(Checker, ValuesAreComparedByWhatTheyMean) {
  Field duration = typed(Type::Duration);
  duration.constraints.maximum = "P1M";
  EXPECT_EQ(outcome(duration, "P27D"), "'P27D'");
  EXPECT_EQ(outcome(duration, "P30D"), "rule.maximum") << "longer than some months";
  EXPECT_EQ(outcome(duration, "P32D"), "rule.maximum");
  EXPECT_EQ(outcome(duration, "-P9Y"), "'-P9Y'");
  Field object = typed(Type::Object);
  object.constraints.enum_values = {R"({"a": 1, "b": [2]})"};
  EXPECT_EQ(outcome(object, quoted(R"({"b":[2.0],"a":1})")), R"('{"b":[2.0],"a":1}')");
  EXPECT_EQ(outcome(object, quoted(R"({"b":[3],"a":1})")), "rule.enum");
  Field month = typed(Type::YearMonth);
  month.constraints.minimum = "2021-01";
  EXPECT_EQ(outcome(month, "2020-12"), "rule.minimum");
}

TEST(Checker, ReadsValuesOfEveryType) {
  const Field integer{.name = "f", .type = Type::Integer}, number{.name = "f", .type = Type::Number},
      text{.name = "f"}, boolean{.name = "f", .type = Type::Boolean}, date{.name = "f", .type = Type::Date},
      time{.name = "f", .type = Type::Time}, datetime{.name = "f", .type = Type::Datetime};
  const Field decimal{.name = "f", .type = Type::Number, .decimal = Decimal{6, 2}};
  const Field grouped{.name = "f", .type = Type::Number, .decimal_char = ",", .group_char = "."};
  const Field percent{.name = "f", .type = Type::Integer, .bare_number = false};
  const Field millis{.name = "f", .type = Type::Datetime, .precision = 3};
  const Field west{.name = "f", .type = Type::Datetime, .timezone_minutes = -300};
  const ValueCase cases[] = {
      {integer, "0", "0"},
      {integer, "-17", "-17"},
      {integer, "12345678", "12345678"},
      {integer, "123456789", "123456789"},
      {integer, "1234567890123456", "1234567890123456"},
      {integer, "9223372036854775807", "9223372036854775807"},
      {integer, "-9223372036854775808", "-9223372036854775808"},
      {integer, "9223372036854775808", "value.out_of_range"},
      {integer, "1.0", "value.not_integer"},
      {integer, "12a", "value.not_integer"},
      {integer, "1234567:", "value.not_integer"},
      {integer, " 1", "value.not_integer"},
      {integer, "-", "value.not_integer"},
      {integer, "\"5\"", "5"},
      {integer, "", "-"},
      {integer, "\"\"", "-"},
      {percent, "95%", "95"},
      {number, "1.5", "1.5"},
      {number, "-2e3", "-2000"},
      {number, "0.1234567890123456789", "value.out_of_range"},
      {number, "NaN", "value.not_number"},
      {number, "\"1,5\"", "value.not_number"},
      {grouped, "\"1.234,5\"", "1234.5"},
      {decimal, "12.5", "'12.50'"},
      {decimal, "-0.5", "'-0.50'"},
      {decimal, "1.005", "value.out_of_range"},
      {decimal, "12345", "value.out_of_range"},
      {text, "Ada", "'Ada'"},
      {text, " Ada ", "' Ada '"},
      {text, "\"A \"\"B\"\"\"", "'A \"B\"'"},
      {text, "\"a\nb\"", "'a\nb'"},
      {boolean, "true", "1"},
      {boolean, "0", "0"},
      {boolean, "yes", "value.not_boolean"},
      {date, "2021-02-28", "'2021-02-28'"},
      {date, "2021-02-30", "value.not_date"},
      {time, "02:48:42", "'02:48:42'"},
      {time, "24:00:00", "value.not_time"},
      {datetime, "2021-11-07T02:48:42Z", "'2021-11-07T02:48:42Z'"},
      {datetime, "2021-11-07T02:48:42+01:30", "'2021-11-07T01:18:42Z'"},
      {datetime, "2021-11-07T02:48:42", "'2021-11-07T02:48:42Z'"},
      {datetime, "2020-02-29T00:00:00Z", "'2020-02-29T00:00:00Z'"},
      {datetime, "2021-02-29T00:00:00Z", "value.not_datetime"},
      {datetime, "2021-13-01T00:00:00Z", "value.not_datetime"},
      {datetime, "2021-12-31T23:59:60Z", "value.not_datetime"},
      {datetime, "2021-12-31T24:00:00Z", "value.not_datetime"},
      {datetime, "2021-12-31 23:00:00Z", "value.not_datetime"},
      {datetime, "2021-11-07T02:48:42.5Z", "value.out_of_range"},
      {millis, "2021-11-07T02:48:42.5Z", "'2021-11-07T02:48:42.500Z'"},
      {west, "2021-11-07T02:48:42", "'2021-11-07T07:48:42Z'"},
      {{.name = "f", .format = "uuid"},
       "123E4567-E89B-12D3-A456-426614174000",
       "'123e4567-e89b-12d3-a456-426614174000'"},
      {{.name = "f", .format = "email"}, "a@b", "'a@b'"},
      {{.name = "f", .format = "email"}, "nobody", "value.not_format"},
      {{.name = "f", .format = "uri"}, "https://example.org/x", "'https://example.org/x'"},
      {{.name = "f", .trim = true}, " Ada ", "'Ada'"},
      {{.name = "f", .missing_values = {{"NA"}}}, "NA", "-"},
      {{.name = "f", .missing_values = {{"NA"}}}, "", "''"},
      {{.name = "f", .type = Type::Integer, .missing_values = {{"-1", ""}}}, "-1", "-"},
      {{.name = "f", .keep_quoted_empty = true}, "\"\"", "''"},
      {{.name = "f", .keep_quoted_empty = true}, "", "-"},
      {{.name = "f", .type = Type::Date, .format = "%d/%m/%Y"}, "07/11/2021", "'2021-11-07'"},
  };
  for (const ValueCase& c : cases) EXPECT_EQ(outcome(c.field, c.in_file), c.expected) << c.in_file;
}

TEST(Checker, TellsEveryBrokenRule) {
  const auto with = [](Type type, const Constraints& rules) {
    return Field{.name = "f", .type = type, .constraints = rules};
  };
  const ValueCase cases[] = {
      {with(Type::Integer, {.required = true}), "", "rule.required"},
      {with(Type::Integer, {.minimum = "1", .maximum = "9"}), "0", "rule.minimum"},
      {with(Type::Integer, {.minimum = "1", .maximum = "9"}), "10", "rule.maximum"},
      {with(Type::Integer, {.minimum = "1", .maximum = "9"}), "9", "9"},
      {with(Type::Integer, {.exclusive_minimum = "1"}), "1", "rule.minimum"},
      {with(Type::Datetime, {.minimum = "2000-01-01T00:00:00Z"}), "1999-12-31T23:59:59Z", "rule.minimum"},
      {with(Type::Datetime, {.minimum = "2000-01-01T00:00:00Z"}), "2000-01-01T00:00:00Z",
       "'2000-01-01T00:00:00Z'"},
      {with(Type::Datetime, {.maximum = "2000-01-01T00:00:00Z"}), "2000-01-01T00:00:01Z", "rule.maximum"},
      {with(Type::String, {.max_length = 2}), "abc", "rule.max_length"},
      {with(Type::String, {.max_length = 2}), "\xC3\xA4\xC3\xB6", "'\xC3\xA4\xC3\xB6'"},
      {with(Type::String, {.min_length = 2}), "\xC3\xA4", "rule.min_length"},
      {with(Type::String, {.min_length = 1}), "a", "'a'"},
      {with(Type::String, {.pattern = "[a-c]+"}), "abd", "rule.pattern"},
      {with(Type::String, {.max_length = 2, .pattern = "[a-c]+"}), "abd", "rule.max_length rule.pattern"},
      {with(Type::Integer, {.enum_values = {"1", "3"}}), "2", "rule.enum"},
      {with(Type::Integer, {.enum_values = {"1", "3"}}), "03", "3"},
  };
  for (const ValueCase& c : cases) EXPECT_EQ(outcome(c.field, c.in_file), c.expected) << c.in_file;
}

TableSchema people() {
  TableSchema schema;
  schema.fields = {
      {.name = "id", .type = Type::Integer}, {.name = "name"}, {.name = "born", .type = Type::Date}};
  schema.primary_key = {0};
  return schema;
}

TEST(Checker, KeepsRowsAndRejectsInFileOrder) {
  const Checked checked = check(people(),
                                "1,Ada,2000-01-01\n"
                                "x,Bob,2000-02-30\n"
                                "\n"
                                "3,Cleo\n"
                                "4,\"Dan\" x,\n"
                                "5,E\xFF,\n"
                                "6,F\0,\n"
                                "7,Greta,\n",
                                in_order(people()));
  // The string literal above ends at its NUL: the last two rows come in the next test.
  EXPECT_THAT(checked.rows, ElementsAre("2: 1 'Ada' '2000-01-01'"));
  EXPECT_THAT(checked.rejects,
              ElementsAre("3:1 value.not_integer id x", "3:7 value.not_date born 2000-02-30",
                          "5:7 record.too_few_fields - ", "6:3 csv.stray_quote name \"Dan\" x",
                          HasSubstr("7:4 record.not_utf8 name"), HasSubstr("8:4 record.too_few_fields")));
  EXPECT_EQ(checked.totals.skipped, 1u);
  EXPECT_EQ(checked.first_skipped_line, 4u);
  EXPECT_TRUE(checked.totals.balanced());
}

TEST(Checker, RefusesNulBytesAndSurplusFields) {
  const Checked checked =
      check(people(), std::string_view("6,F\0,\n7,Greta,\n8,H,,x\n", 22), in_order(people()));
  EXPECT_THAT(checked.rows, ElementsAre("3: 7 'Greta' -"));
  EXPECT_THAT(checked.rejects,
              ElementsAre(HasSubstr("2:4 csv.nul_byte name"), "4:6 record.too_many_fields - x"));
}

TEST(Checker, BadBytesAreToldInTheOrderOfTheFields) {
  using namespace std::string_view_literals;
  EXPECT_THAT(check(people(), "1,\0,\xFF\n"sv, in_order(people())).rejects,
              ElementsAre(HasSubstr("2:3 csv.nul_byte name"), HasSubstr("2:5 record.not_utf8 born")));
  EXPECT_THAT(check(people(), "1,\xFF,\0\n"sv, in_order(people())).rejects,
              ElementsAre(HasSubstr("2:3 record.not_utf8 name"), HasSubstr("2:5 csv.nul_byte born")));
}

TEST(Checker, FieldsThatTheFileLacksAreNull) {
  const ColumnMap columns{.column_of_field = {1, 0, ColumnMap::kAbsent}, .file_columns = 2};
  EXPECT_THAT(check(people(), "Ada,1\n", columns).rows, ElementsAre("2: 1 'Ada' -"));
  TableSchema strict = people();
  strict.fields[2].constraints.required = true;
  EXPECT_THAT(check(strict, "Ada,1\n", columns).rejects, ElementsAre("2:1 rule.required born "));
}

/// A text for "missing" is about what stands in a file; a field that the file lacks is null without it too.
TEST(Checker, FieldsThatTheFileLacksAreNullWhateverIsMissing) {
  const ColumnMap columns{.column_of_field = {0, ColumnMap::kAbsent, ColumnMap::kAbsent}, .file_columns = 1};
  TableSchema schema = people();
  schema.fields[1].keep_quoted_empty = true;
  schema.missing_values = {"NA"};
  EXPECT_THAT(check(schema, "1\n", columns).rows, ElementsAre("2: 1 - -"));
  EXPECT_THAT(check(schema, "1\n", columns).rejects, IsEmpty());
  schema.fields[1].constraints.required = true;
  EXPECT_THAT(
      check(schema, "1\nx\n", columns).rejects,
      ElementsAre("2:1 rule.required name ", "3:1 value.not_integer id x", "3:1 rule.required name "));
}

/// The value told is the broken field's own, in a file of any line end.
TEST(Checker, BrokenQuotesAreToldForEveryLineEnd) {
  const auto rejects = [](std::string_view bytes, csv::LineEnd line_end) {
    return check(people(), bytes, in_order(people()), {.line_end = line_end}).rejects;
  };
  EXPECT_THAT(rejects("1,\"a\" x\r\n2,B,\r\n", csv::LineEnd::Lf),
              ElementsAre("2:3 csv.stray_quote name \"a\" x"));
  EXPECT_THAT(rejects("1,\"a\" x\r2,B,\r", csv::LineEnd::CrOrLf),
              ElementsAre("2:3 csv.stray_quote name \"a\" x"));
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const csv::LineEnd line_end = end == "\r" ? csv::LineEnd::CrOrLf : csv::LineEnd::Lf;
    EXPECT_THAT(rejects("\"1" + end + "2\",\"a\" x,1" + end, line_end),
                ElementsAre("3:4 csv.stray_quote name \"a\" x"));
    EXPECT_THAT(rejects("\"1" + end + "2\",\"a" + end, line_end),
                ElementsAre("3:4 csv.unclosed_quote name \"a"));
  }
}

TEST(Checker, RowsCanBeTakenOut) {
  const Checker checker(people(), in_order(people()));
  csv::RecordBatch batch;
  csv::testing::PieceSource source("1,a,\n2,b,\n3,c,\n4,d,\n", 64);
  ASSERT_TRUE(csv::Parser(source, {}).next(batch));
  CheckedBatch out;
  checker.check(batch, out);
  out.remove_rows({0, 2});
  ASSERT_EQ(out.rows(), 2u);
  EXPECT_EQ(out.row(0)[0].integer, 2);
  EXPECT_EQ(out.row(1)[1].view(), "d");
  EXPECT_EQ(out.line(1), 4u);
}

RC_GTEST_PROP(CheckerProperty, EveryRecordIsAccountedFor, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::weightedElement<char>(
      {{8, '1'}, {6, ','}, {2, '"'}, {5, '\n'}, {1, 'x'}, {1, '\xFF'}, {1, '\0'}}));
  RC_ASSERT(check(people(), text, in_order(people())).totals.balanced());
}

/// Texts that are dates and times, nearly.
rc::Gen<std::string> datetime_like() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 20),
                                    rc::gen::element('0', '1', '2', '3', '5', '9', '6', '-', 'Z', ':')),
                      [](const std::pair<int, char>& change) {
                        std::string text = "2020-02-29T23:59:59Z";
                        text[static_cast<std::size_t>(change.first)] = change.second;
                        return text;
                      });
}

RC_GTEST_PROP(CheckerProperty, FastAndCompleteWaysAgree, ()) {
  const bool is_datetime = *rc::gen::arbitrary<bool>();
  Field field{.name = "f", .type = is_datetime ? Type::Datetime : Type::Integer};
  if (is_datetime)
    field.constraints.minimum = "2000-01-01T00:00:00Z";
  else
    field.constraints.maximum = "5000";
  const std::string text =
      is_datetime ? *datetime_like()
                  : *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::weightedElement<char>(
                        {{9, '0'}, {9, '7'}, {9, '9'}, {2, '-'}, {1, ':'}, {1, '/'}})));
  const ColumnRules rules(field, false);
  std::string scratch;
  Cell cell;
  std::vector<Refusal> refusals;
  std::string expected;
  if (rules.judge(text, false, scratch, cell, refusals)) {
    expected = cell_text(cell);
  } else {
    for (const Refusal& refusal : refusals)
      expected += (expected.empty() ? "" : " ") + std::string(rowgate::text(refusal.code));
  }
  RC_ASSERT(outcome(field, text) == expected);
}

/// A field with rules of any kind, so that each loop of the checker is met with and without each of its
/// conditions.
Field any_field() {
  const auto coin = [] { return *rc::gen::arbitrary<bool>(); };
  Field field{.name = "f",
              .type = *rc::gen::element(Type::Integer, Type::Datetime, Type::String, Type::Number,
                                        Type::Boolean, Type::Date)};
  Constraints& rules = field.constraints;
  const bool whole = field.type == Type::Integer, datetime = field.type == Type::Datetime;
  if (whole && coin()) rules.minimum = "-3";
  if (whole && coin()) rules.exclusive_maximum = "12345678";
  if (whole && coin()) field.group_char = ",";
  if (datetime && coin()) rules.minimum = "2000-01-01T00:00:00Z";
  if (datetime && coin()) rules.maximum = "2020-02-29T12:00:00Z";
  if (datetime && coin()) field.precision = 3;
  if (field.type == Type::String && coin()) rules.max_length = 4;
  if (field.type == Type::String && coin()) rules.min_length = *rc::gen::inRange<std::uint64_t>(0, 4);
  if (field.type == Type::String && coin()) rules.pattern = "[^x]*";
  rules.required = coin();
  field.trim = coin();
  field.keep_quoted_empty = coin();
  using Texts = std::vector<std::string>;
  if (coin()) field.missing_values = *rc::gen::element(Texts{"1"}, Texts{"", "-"}, Texts{}, Texts{"x", "0"});
  return field;
}

std::string any_value(const Field& field) {
  if (*rc::gen::inRange(0, 4) == 0)
    return *rc::gen::element<std::string>("", " ", "x", "-", "1", " 1 ", "\xC3\xA4\xC3\xB6", "a\"b", "a\nb",
                                          "true");
  if (field.type == Type::Datetime) return *datetime_like();
  return *rc::gen::container<std::string>(
      rc::gen::weightedElement<char>({{9, '0'}, {9, '7'}, {3, '-'}, {2, ','}, {1, ' '}, {1, 'x'}, {1, '"'}}));
}

RC_GTEST_PROP(CheckerProperty, AWholeBatchIsJudgedAsValueByValue, ()) {
  TableSchema schema;
  ColumnMap columns{.file_columns = 4};
  for (int i = 0; i < 3; ++i) {
    schema.fields.push_back(any_field());
    columns.column_of_field.push_back((i * 2 + 1) %
                                      4);  // another order than the file's, and one column is ignored
  }
  columns.column_of_field[2] = *rc::gen::element(0, ColumnMap::kAbsent);
  std::string file;
  std::vector<std::string> rows, rejects;
  const int count = *rc::gen::inRange(1, 30);
  for (int line = 0; line < count; ++line) {
    std::vector<std::string> in_file(4, "\"\"");
    std::string row = fmt::format("{}:", line);
    std::string codes = row;
    for (std::size_t i = 0; i < 3; ++i) {
      const ColumnRules base(schema.fields[i], schema.is_required(i));
      std::string scratch, value;
      Cell cell;
      std::vector<Refusal> refusals;
      if (columns.column_of_field[i] == ColumnMap::kAbsent) {
        if (schema.is_required(i)) refusals.push_back({.code = Code::RuleRequired});
      } else {
        value = any_value(schema.fields[i]);
        std::string& text = in_file[static_cast<std::size_t>(columns.column_of_field[i])];
        const bool quoted = value.find_first_of("\",\n") != std::string::npos || *rc::gen::arbitrary<bool>();
        text = value;
        if (quoted) {
          text = "\"";
          for (const char c : value) text += c == '"' ? std::string("\"\"") : std::string(1, c);
          text += '"';
        }
        base.judge(value, quoted, scratch, cell, refusals);
      }
      row += " " + cell_text(cell);
      for (const Refusal& refusal : refusals) codes += fmt::format(" {}={}", i, text(refusal.code));
    }
    file += fmt::format("{},{},{},{}\n", in_file[0], in_file[1], in_file[2], in_file[3]);
    (codes.ends_with(':') ? rows : rejects).push_back(codes.ends_with(':') ? row : codes);
  }

  const Checker checker(schema, columns);
  csv::testing::PieceSource source(file, 1 << 20);
  csv::RecordBatch batch;
  RC_ASSERT(csv::Parser(source, {}).next(batch).has_value());
  CheckedBatch out;
  checker.check(batch, out);
  std::vector<std::string> found_rows, found_rejects;
  for (std::size_t row = 0; row < out.rows(); ++row) {
    std::string text = fmt::format("{}:", out.row_record[row]);
    for (std::size_t field = 0; field < out.columns; ++field) text += " " + cell_text(out.row(row)[field]);
    found_rows.push_back(text);
  }
  for (const Reject& reject : out.rejects) {
    std::string codes = fmt::format("{}:", reject.record - 1);
    for (const Problem& problem : reject.problems)
      codes += fmt::format(" {}={}", problem.field, text(problem.code));
    found_rejects.push_back(codes);
  }
  RC_ASSERT(found_rows == rows);
  RC_ASSERT(found_rejects == rejects);
  RC_ASSERT(out.totals().balanced());
}

TEST(Checker, OfARecordWithManyProblemsAHundredAreKeptAndTheOthersCounted) {
  TableSchema schema;
  for (int i = 0; i < 150; ++i) {
    Field field{.name = fmt::format("f{}", i)};
    field.type = Type::Integer;
    schema.fields.push_back(field);
  }
  const auto record = [](int bad) {
    std::string text;
    for (int i = 0; i < 150; ++i) text += (i < bad ? "x" : "1") + std::string(i < 149 ? "," : "\n");
    return text;
  };
  const std::string bytes = record(150) + record(0) + record(100) + record(101) + record(150);
  csv::testing::PieceSource source(bytes, 1 << 20);
  csv::Parser parser(source, {}, {.line = 2});
  csv::RecordBatch batch;
  ASSERT_TRUE(parser.next(batch));
  CheckedBatch out;
  Checker(schema, in_order(schema)).check(batch, out);

  EXPECT_EQ(out.rows(), 1U);
  std::vector<std::pair<std::size_t, std::size_t>> numbers;
  for (const Reject& reject : out.rejects) {
    numbers.emplace_back(reject.problems.size(), reject.unkept.size());
    for (std::size_t i = 0; i < reject.unkept.size(); ++i)
      EXPECT_EQ(reject.unkept[i], std::pair(Code::ValueNotInteger, static_cast<std::uint32_t>(100 + i)));
  }
  EXPECT_THAT(numbers,
              ElementsAre(std::pair(100, 50), std::pair(100, 0), std::pair(100, 1), std::pair(100, 50)));
}

}  // namespace
}  // namespace rowgate::table

#include "load/rejects/reject_file.h"

#include "base/base64.h"
#include "csv/testing.h"
#include "io/testing.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace rowgate::load {
namespace {

using ::testing::ElementsAre;
using testing::exported;
using ::testing::HasSubstr;
using ::testing::StartsWith;

bool equal(const RejectProblem& a, const RejectProblem& b) {
  return a.code == b.code && a.field == b.field && a.line == b.line && a.column == b.column &&
         a.column_number == b.column_number && a.found == b.found && a.title == b.title &&
         a.label == b.label && a.expected == b.expected && a.help == b.help;
}

bool equal(const RefusedRecord& a, const RefusedRecord& b) {
  return a.line == b.line && a.record == b.record && a.offset == b.offset && a.raw == b.raw &&
         std::ranges::equal(a.problems, b.problems,
                            [](const RejectProblem& x, const RejectProblem& y) { return equal(x, y); });
}

/// Words: any UTF-8 with what JSON must escape in it.
rc::Gen<std::string> any_words() {
  const auto pieces = rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "\"", "\\", "\n", "\r", "\t", std::string(1, '\0'), "\x7F",
                                    "\xC3\xA9", "\xF0\x9F\x98\x80", "`id`"));
  return rc::gen::map(
      pieces, [](const std::vector<std::string>& all) { return fmt::format("{}", fmt::join(all, "")); });
}

rc::Gen<RefusedRecord> any_record() {
  const auto problem = rc::gen::build<RejectProblem>(
      rc::gen::set(&RejectProblem::code, rc::gen::element(Code::RuleRequired, Code::KeyNoParent)),
      rc::gen::set(&RejectProblem::field, any_words()), rc::gen::set(&RejectProblem::line),
      rc::gen::set(&RejectProblem::column), rc::gen::set(&RejectProblem::column_number),
      rc::gen::set(&RejectProblem::found, any_words()), rc::gen::set(&RejectProblem::title, any_words()),
      rc::gen::set(&RejectProblem::label, any_words()), rc::gen::set(&RejectProblem::expected, any_words()),
      rc::gen::set(&RejectProblem::help, any_words()));
  const auto bytes = rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  return rc::gen::build<RefusedRecord>(
      rc::gen::set(&RefusedRecord::line), rc::gen::set(&RefusedRecord::record),
      rc::gen::set(&RefusedRecord::offset),
      rc::gen::set(&RefusedRecord::problems, rc::gen::container<std::vector<RejectProblem>>(problem)),
      rc::gen::set(&RefusedRecord::raw, rc::gen::oneOf(any_words(), bytes)));
}

RejectFileHead head_of(std::vector<std::string> columns, csv::Dialect dialect = {}) {
  return {.run = "run_1",
          .table = "hires",
          .file = "hires.csv",
          .dialect = dialect,
          .columns = std::move(columns)};
}

std::string file_of(const RejectFileHead& head, const std::vector<RefusedRecord>& records) {
  return testing::old_reject_file(head, records);
}

/// All records, or the error that reading ended with.
Result<std::vector<RefusedRecord>> read_whole(std::string_view bytes, std::size_t piece = 1 << 20) {
  TRY_ASSIGN(RejectReader reader,
             RejectReader::open(std::make_shared<io::testing::PieceFile>(std::string(bytes), piece)));
  TRY(reader.head());
  std::vector<RefusedRecord> records;
  for (;;) {
    TRY_ASSIGN(std::optional<RefusedRecord> record, reader.next());
    if (!record) return records;
    records.push_back(*std::move(record));
  }
}

RC_GTEST_PROP(RejectFileOfVersion1, GivesBackWhatWasWrittenHoweverItIsRead, ()) {
  const auto records = *rc::gen::scale(0.2, rc::gen::container<std::vector<RefusedRecord>>(any_record()));
  const std::string bytes = file_of(head_of({"id", "name"}), records);
  const Result<std::vector<RefusedRecord>> read = read_whole(bytes, *rc::gen::inRange<std::size_t>(1, 400));
  RC_ASSERT(read);
  RC_ASSERT(std::ranges::equal(*read, records,
                               [](const RefusedRecord& a, const RefusedRecord& b) { return equal(a, b); }));
}

TEST(RejectFileOfVersion1, TheHeadHasAllThatTheExportsNeed) {
  RejectFileHead head =
      head_of({"Id", "full name"}, {.delimiter = ';', .quote_char = '\'', .line_end = csv::LineEnd::CrOrLf});
  head.map = {{"full name", "name"}};
  Result<RejectReader> reader = RejectReader::open(io::memory_file(file_of(head, {})));
  ASSERT_TRUE(reader);
  const Result<RejectFileHead> read = reader->head();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->run, "run_1");
  EXPECT_EQ(read->table, "hires");
  EXPECT_EQ(read->file, "hires.csv");
  EXPECT_EQ(read->dialect.delimiter, ';');
  EXPECT_EQ(read->dialect.quote_char, '\'');
  EXPECT_EQ(read->dialect.line_end, csv::LineEnd::CrOrLf);
  EXPECT_EQ(read->columns, head.columns);
  EXPECT_EQ(read->map, head.map);
}

const RefusedRecord kTwoRefused[] = {
    {.line = 2,
     .record = 1,
     .offset = 8,
     .problems = {{.code = Code::RuleRequired, .field = "name"}},
     .raw = "1,"},
    {.line = 3, .record = 2, .offset = 11, .problems = {{.code = Code::RecordNotUtf8}}, .raw = "2,\xFF"}};
const std::string kWhole = file_of(head_of({"id", "name"}), {kTwoRefused[0], kTwoRefused[1]});

TEST(RejectFileOfVersion1, TornAnywhereItIsNotBelieved) {
  ASSERT_TRUE(read_whole(kWhole));
  for (std::size_t cut = 0; cut < kWhole.size(); ++cut) {
    const Result<std::vector<RefusedRecord>> read = read_whole(std::string_view(kWhole).substr(0, cut));
    ASSERT_FALSE(read) << "cut at byte " << cut;
    EXPECT_EQ(read.error().code, Code::InternalError);
    EXPECT_THAT(read.error().message, HasSubstr("ends in the middle"));
  }
}

std::string changed(std::string from, std::string_view what, std::string_view to) {
  const std::size_t at = from.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return from.replace(at, what.size(), to);
}

TEST(RejectFileOfVersion1, DamageIsToldWithTheOffsetOfItsLine) {
  const std::size_t first = kWhole.find('\n') + 1, second = kWhole.find('\n', first) + 1,
                    last = kWhole.find('\n', second) + 1;
  struct Case {
    const char* name;
    std::string bytes;
    std::size_t offset;
  };
  const Case cases[] = {
      {"no JSON", changed(kWhole, "{\"line\":2", "{\"line:2"), first},
      {"no object", kWhole.substr(0, first) + "17\n" + kWhole.substr(first), first},
      {"a record is missing", kWhole.substr(0, first) + kWhole.substr(second), last - (second - first)},
      {"a member is missing", changed(kWhole, "\"offset\":8", "\"offsex\":8"), first},
      {"a member of another type", changed(kWhole, "\"record\":2", "\"record\":[]"), second},
      {"bytes that are no base64", changed(kWhole, "\"raw_base64\":\"", "\"raw_base64\":\"*"), second},
      {"another version", changed(kWhole, "\"rowgate_rejects\":1", "\"rowgate_rejects\":2"), 0},
      {"no head", kWhole.substr(first), 0},
      {"an empty delimiter", changed(kWhole, "\"delimiter\":\",\"", "\"delimiter\":\"\""), 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Result<std::vector<RefusedRecord>> read = read_whole(c.bytes);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::InternalError);
    EXPECT_THAT(read.error().message, HasSubstr(fmt::format("damaged at byte {}:", c.offset)));
  }
}

RefusedRecord refused(std::uint64_t line, std::string raw) {
  return {.line = line,
          .record = line - 1,
          .problems = {{.code = Code::RuleRequired, .field = "name", .title = "`name` is empty"},
                       {.code = Code::ValueNotInteger, .field = "id", .title = "`x` is no number"}},
          .raw = std::move(raw)};
}

constexpr std::string_view kOwnHeader = "rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\r\n";
constexpr std::string_view kWhy =
    "rule.required value.not_integer,name id,`name` is empty; `x` is no number,";

struct CsvCase {
  const char* name;
  std::string raw, expected;  ///< expected: the data columns; the own ones but rg_raw are always the same
  std::string raw_column = {};
};

const CsvCase kCsvCases[] = {
    {"as it was", "x,", "x,"},
    {"quotes that are not needed go", "\"x\",\"a b\"", "x,a b"},
    {"quotes that are needed stay", "\"x,\",\"a\"\"b\"", "\"x,\",\"a\"\"b\""},
    {"a quoted empty text is no null", "\"\",", "\"\","},
    {"line ends inside quotes", "\"x\ny\",z", "\"x\ny\",z"},
    {"what a spreadsheet would execute is guarded", "=1+1,@SUM(A1)", "'=1+1,'@SUM(A1)"},
    {"and what begins with the guard", "'x,-y", "''x,'-y"},
    {"a number is no formula", "-1.5,+2e3", "-1.5,+2e3"},
    {"too few fields", "x", ",", "x"},
    {"too many fields", "x,y,z", ",", "\"x,y,z\""},
    {"broken quotes", "\"x\"y,z", ",", "\"\"\"x\"\"y,z\""},
    {"bad UTF-8", "x,\xFF", ",", "\"x,\xFF\""},
    {"a NUL byte", std::string("x,\0", 3), ",", std::string("\"x,\0\"", 5)},
    {"a whole record that begins like a formula", "=x", ",", "'=x"},
};

TEST(RejectExport, CsvHasTheOriginalColumnsThenOurs) {
  for (const CsvCase& c : kCsvCases) {
    SCOPED_TRACE(c.name);
    const std::string out = exported(export_csv, file_of(head_of({"id", "name"}), {refused(41, c.raw)}));
    EXPECT_EQ(out, fmt::format("id,name,{}{},run_1,41,{}{}\r\n", kOwnHeader, c.expected, kWhy, c.raw_column));
  }
}

TEST(RejectExport, CsvKeepsTheFilesDelimiterAndQuote) {
  const csv::Dialect dialect{.delimiter = ';', .quote_char = '\''};
  const std::string out =
      exported(export_csv, file_of(head_of({"id", "name"}, dialect), {refused(2, "'x;y';a'b")}));
  EXPECT_THAT(out, HasSubstr("\r\n;;run_1;2;"));  // a quote inside an unquoted field: the record is broken
  EXPECT_THAT(out, HasSubstr("'''x;y'';a''b'\r\n"));
  EXPECT_THAT(exported(export_csv, file_of(head_of({"id", "name"}, dialect), {refused(2, "'x;y';\"a,b\"")})),
              HasSubstr("\r\n'x;y';\"a,b\";run_1;2;"));
}

TEST(RejectExport, CsvOfNoRejectsIsAHeader) {
  EXPECT_EQ(exported(export_csv, file_of(head_of({"id"}), {})), fmt::format("id,{}", kOwnHeader));
}

/// A reject file that was loaded and refused once more.
TEST(RejectExport, CsvOfARejectFileHasNoDoubledColumnsAndGuards) {
  const std::vector<std::string> columns = {"id",       "name",      "rg_run",     "rg_line",
                                            "rg_codes", "rg_fields", "rg_message", "rg_raw"};
  const RefusedRecord records[] = {refused(2, "''x,=1,run_0,7,a,b,c,"),
                                   refused(3, ",,run_0,8,a,b,c,\"x,y,z\""),
                                   refused(4, ",,run_0,9,a,b,c,'=z")};
  EXPECT_EQ(exported(export_csv, file_of(head_of(columns), {records[0], records[1], records[2]})),
            fmt::format("id,name,{0}''x,'=1,run_1,2,{1}\r\n,,run_1,3,{1}\"x,y,z\"\r\n,,run_1,4,{1}'=z\r\n",
                        kOwnHeader, kWhy));
}

TEST(RejectExport, AColumnNamedLikeOursIsDataUnlessAllSixAreThere) {
  EXPECT_THAT(exported(export_csv, file_of(head_of({"id", "rg_line"}), {refused(2, "x,5")})),
              StartsWith(fmt::format("id,rg_line,{}x,5,run_1,2,", kOwnHeader)));
}

TEST(RejectExport, JsonLinesAreTheRecordLinesAsTheyAreKept) {
  EXPECT_EQ(exported(export_jsonl, kWhole), record_line(kTwoRefused[0]) + record_line(kTwoRefused[1]));
  EXPECT_THAT(record_line(kTwoRefused[0]), HasSubstr("\"raw\":\"1,\""));
  EXPECT_THAT(record_line(kTwoRefused[1]), HasSubstr("\"raw_base64\":\"Miz/\""));
}

TEST(RejectExport, DamageAndAFullDiskEndIt) {
  EXPECT_THAT(exported(export_csv, kWhole.substr(0, kWhole.size() - 5)), HasSubstr("ends in the middle"));
  Result<RejectReader> reader = RejectReader::open(io::memory_file(kWhole));
  ASSERT_TRUE(reader);
  const Result<void> done =
      export_csv(*reader, [](std::string_view) -> Result<void> { return fail(Code::StorageFull, "full"); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::StorageFull);
}

}  // namespace
}  // namespace rowgate::load

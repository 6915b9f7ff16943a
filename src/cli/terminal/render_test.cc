#include "cli/terminal/render.h"

#include "cli/terminal/reject_preview.h"
#include "cli/terminal/source_excerpt.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

const Terminal kHundredWide{.color = false, .width = 100};

load::RefusedRecord empty_job() {
  return {.line = 3,
          .record = 2,
          .problems = {{.code = Code::RuleRequired,
                        .field = "job_id",
                        .line = 3,
                        .column = 35,
                        .column_number = 5,
                        .title = "`job_id` is empty",
                        .label = "a whole number is required here",
                        .help = "give the job's id"}},
          .raw = "2,Ty Hofer,2021-05-30T05:43:46Z,8,\r\n"};
}

TEST(Render, PointsAtAnEmptyCell) {
  const load::RefusedRecord record = empty_job();
  EXPECT_EQ(render(kHundredWide, reject_diagnostic(record, record.problems[0], "hired_employees.csv", 5)),
            "error[rule.required]: `job_id` is empty\n"
            "  --> hired_employees.csv:3:35\n"
            "   |\n"
            "3  | 2,Ty Hofer,2021-05-30T05:43:46Z,8,\n"
            "   |                                   ^ a whole number is required here\n"
            "   |\n"
            "   = field: job_id (column 5 of 5)\n"
            "   = help: give the job's id\n");
}

TEST(Render, ColorsOnlyOnRequest) {
  Terminal colored = kHundredWide;
  colored.color = true;
  const load::RefusedRecord record = empty_job();
  const Diagnostic diagnostic = reject_diagnostic(record, record.problems[0], "a.csv", 5);
  EXPECT_EQ(render(kHundredWide, diagnostic).find('\033'), std::string::npos);
  EXPECT_NE(render(colored, diagnostic).find("\033[1;31merror[rule.required]\033[0m"), std::string::npos);
}

TEST(Render, UnderlinesTheWholeValue) {
  load::RefusedRecord record = empty_job();
  record.raw = "2004,Ann,2021-13-07,5,96";
  record.line = 12;
  record.problems[0] = {
      .code = Code::ValueNotDatetime, .line = 12, .column = 10, .found = "2021-13-07", .label = "month 13"};
  const std::string text =
      render(kHundredWide, reject_diagnostic(record, record.problems[0], "new_hires.csv", 5));
  EXPECT_NE(text.find("12  | 2004,Ann,2021-13-07,5,96\n"
                      "    |          ^^^^^^^^^^ month 13\n"),
            std::string::npos)
      << text;
}

TEST(Render, FindsTheLineInsideARecordOfSeveralLines) {
  load::RefusedRecord record = empty_job();
  record.raw = "7,\"two\r\nlines\",x\r\n";
  record.line = 40;
  record.problems[0] = {.code = Code::ValueNotInteger, .line = 41, .column = 8, .found = "x"};
  const Diagnostic diagnostic = reject_diagnostic(record, record.problems[0], "a.csv", 0);
  EXPECT_EQ(diagnostic.source, "lines\",x");
}

TEST(Render, HeaderMarksEveryUnknownColumn) {
  load::LoadOutcome outcome;
  outcome.run.table = "hired_employees";
  outcome.run.file_name = "hires.csv";
  outcome.run.error =
      Error{Code::HeaderMismatch, "the header does not match", "", Position{1, 4}, "hires.csv"};
  outcome.opening = csv::Opening{.header = {"id", "full_name", "datetime", "dept", "job_id"},
                                 .header_raw = "id,full_name,datetime,dept,job_id",
                                 .header_columns = {1, 4, 14, 23, 28}};
  outcome.header_trouble =
      table::HeaderTrouble{{1, 3}, {"name", "department_id"}, "full_name:name,dept:department_id"};
  EXPECT_EQ(
      render(kHundredWide, header_diagnostic(kHundredWide, outcome)),
      "error[header.mismatch]: the header does not match table `hired_employees`\n"
      "  --> hires.csv:1:4\n"
      "   |\n"
      "1  | id,full_name,datetime,dept,job_id\n"
      "   |    ^^^^^^^^^          ^^^^\n"
      "   |    |                  `dept` is not a field\n"
      "   |    `full_name` is not a field\n"
      "   = missing: name, department_id\n"
      "   = help: rowgate load hires.csv --table hired_employees --map full_name:name,dept:department_id\n");
}

TEST(Render, ErrorWithoutPlaceIsItsTextAndHelp) {
  const Error error{Code::TableUnknown, "there is no table \"pepole\"", "did you mean people?"};
  EXPECT_EQ(render(kHundredWide, error_diagnostic(error)),
            "error[table.unknown]: there is no table \"pepole\"\n   = help: did you mean people?\n");
}

TEST(Excerpt, CountsDisplayColumnsForTheCaret) {
  // Two wide characters take 6 bytes and 4 columns.
  const Excerpt excerpt = make_excerpt("\xE6\x9D\xB1\xE4\xBA\xAC,x", {{8, 1, "bad"}}, 80);
  EXPECT_EQ(excerpt.below.at(0), "     ^ bad");
}

TEST(Excerpt, ShowsTabsAsOneSpaceAndControlsAsQuestionMarks) {
  const Excerpt excerpt = make_excerpt("a\tb\x01\xFFz", {{6, 1, ""}}, 80);
  EXPECT_EQ(excerpt.source, "a b??z");
  EXPECT_EQ(excerpt.below.at(0), "     ^");
}

TEST(Excerpt, CutsALongLineAroundTheMark) {
  const std::string line = std::string(200, 'a') + ",BAD," + std::string(200, 'b');
  const Excerpt excerpt = make_excerpt(line, {{202, 3, "here"}}, 60);
  EXPECT_EQ(display_width(excerpt.source), 60U);
  EXPECT_TRUE(excerpt.source.starts_with("...a"));
  EXPECT_TRUE(excerpt.source.ends_with("b..."));
  const std::size_t at = excerpt.source.find("BAD");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(excerpt.below.at(0), std::string(at, ' ') + "^^^ here");
}

TEST(Excerpt, MarkBehindTheEndOfTheLineIsShown) {
  EXPECT_EQ(make_excerpt("ab", {{5, 1, "missing"}}, 80).below.at(0), "    ^ missing");
}

TEST(CellBytes, CoversQuotedCells) {
  EXPECT_EQ(cell_bytes("a,\"x \"\"y\"\"\",b", 2, "x \"y\""), 9U);
  EXPECT_EQ(cell_bytes("a,\"x", 2, "x"), 2U);
  EXPECT_EQ(cell_bytes("a,bc,d", 2, "bc"), 2U);
  EXPECT_EQ(cell_bytes("a,,d", 2, ""), 0U);
  EXPECT_EQ(cell_bytes("a,", 2, ""), 0U);
}

TEST(LineOf, KnowsAllLineEnds) {
  EXPECT_EQ(line_of("a\nb\r\nc\rd", 1), "a");
  EXPECT_EQ(line_of("a\nb\r\nc\rd", 2), "b");
  EXPECT_EQ(line_of("a\nb\r\nc\rd", 3), "c");
  EXPECT_EQ(line_of("a\nb\r\nc\rd", 4), "d");
  EXPECT_EQ(line_of("a\nb", 5), "");
}

TEST(RejectPreview, ShowsTenPerCodeAndTellsOfTheRest) {
  RejectPreview preview("a.csv");
  for (std::uint64_t line = 1; line <= 15; ++line) {
    load::RefusedRecord record = empty_job();
    record.line = record.problems[0].line = line;
    preview.add(record);
  }
  load::RefusedRecord other = empty_job();
  other.problems[0].field = "name";
  preview.add(other);
  const std::vector<Diagnostic> shown = preview.take();
  ASSERT_EQ(shown.size(), 11U);
  EXPECT_EQ(shown[9].notes.back().second, "5 more rows have this problem; next lines 11, 12, 13");
  EXPECT_NE(shown[0].notes.back().first, "note");
}

}  // namespace
}  // namespace rowgate::cli

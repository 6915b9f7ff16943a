#include "cli/load_text.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

const Terminal kPlain{.color = false, .utf8 = false};
constexpr LoadWidths kWidths{15, 19, 10};

db::RunRecord run_with_rejects() {
  return {.id = "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW",
          .status = db::RunStatus::SucceededWithRejects,
          .table = "hired_employees",
          .file_name = "hired_employees.csv",
          .rows_read = 2000,
          .rows_accepted = 1929,
          .rows_rejected = 70,
          .rows_skipped = 1,
          .rejects = {{Code::RuleRequired, "department_id", 21, 68}, {Code::RuleRequired, "name", 19, 1163}}};
}

db::RunRecord clean_run() {
  return {.id = "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW",
          .status = db::RunStatus::Succeeded,
          .table = "jobs",
          .file_name = "jobs.csv",
          .rows_read = 183,
          .rows_accepted = 183};
}

TEST(ResultLine, LinesOfSeveralFilesStandBelowEachOther) {
  EXPECT_EQ(result_line(kPlain, kWidths, clean_run()),
            "  jobs             jobs.csv               183 rows   ok 183 loaded");
  EXPECT_EQ(result_line(kPlain, kWidths, run_with_rejects()),
            "  hired_employees  hired_employees.csv  1,999 rows   warn 1,929 loaded, 70 set aside");
}

TEST(ResultLine, SaysThatNothingWasLoaded) {
  db::RunRecord run = run_with_rejects();
  run.status = db::RunStatus::Failed;
  EXPECT_TRUE(result_line(kPlain, kWidths, run).ends_with("1,999 rows   error nothing loaded"));
  run.status = db::RunStatus::Interrupted;
  EXPECT_TRUE(result_line(kPlain, kWidths, run).ends_with("error stopped, nothing loaded"));
}

TEST(ResultLine, DryRunDoesNotClaimToHaveLoaded) {
  db::RunRecord run = run_with_rejects();
  run.dry_run = true;
  EXPECT_TRUE(result_line(kPlain, kWidths, run).ends_with("warn 1,929 good, 70 bad"));
}

TEST(ResultLine, CountsWhatAnUpsertChanged) {
  db::RunRecord run = clean_run();
  run.rows_inserted = 180;
  run.rows_updated = 3;
  EXPECT_TRUE(result_line(kPlain, kWidths, run).ends_with("ok 183 loaded (3 of them updated)"));
}

TEST(RepairText, ListsTheKindsAndTheNextCommands) {
  EXPECT_EQ(repair_text(kPlain, run_with_rejects()),
            "  70 rows to repair in run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW\n"
            "    21  department_id is empty  first in line 68\n"
            "    19  name is empty           first in line 1,163\n"
            "  see them:     rowgate rejects run_06FAQ3T9Z8V4N\n"
            "  repair them:  rowgate rejects export run_06FAQ3T9Z8V4N --output repair.csv");
  EXPECT_EQ(repair_text(kPlain, clean_run()), "");
}

TEST(VerdictLine, CountsGoodAndBad) {
  EXPECT_EQ(verdict_line(kPlain, clean_run()), "ok jobs.csv: 183 rows, all good");
  EXPECT_EQ(
      verdict_line(kPlain, run_with_rejects()),
      "error hired_employees.csv: 1,999 rows, 1,929 good, 70 bad (3.5 %)     explain a code: rowgate explain "
      "rule.required");
}

TEST(Remarks, TellWarningsWithTheirCode) {
  load::LoadOutcome outcome{.run = clean_run()};
  EXPECT_EQ(remarks(kPlain, outcome), "");
  outcome.run.warnings = {{Code::RecordBlank, "3 blank lines were skipped", 3, 5}};
  outcome.run.duplicate_of = "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW";
  EXPECT_EQ(remarks(kPlain, outcome),
            "    warning[record.blank]: 3 blank lines were skipped, first in line 5\n"
            "    note: a file with the same bytes was loaded before (run_06FAQ3T9Z8V4N)");
}

}  // namespace
}  // namespace rowgate::cli

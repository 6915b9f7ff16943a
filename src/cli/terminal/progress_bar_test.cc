#include "cli/terminal/progress_bar.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

using std::chrono::milliseconds;

TEST(ProgressLine, TellsShareRowsAndBadRows) {
  load::Progress progress;
  progress.phase = load::Progress::Phase::Check;
  progress.bytes_total = 200;
  progress.bytes_read = 100;
  progress.rows_read = 1234567;
  progress.rows_rejected = 12;
  EXPECT_EQ(progress_line(progress, "a.csv", milliseconds(2000), 60, true),
            "  a.csv  loading  50 %  1,234,567 rows, 12 bad  2 s");
  EXPECT_EQ(progress_line(progress, "a.csv", milliseconds(200), 100, false),
            "  a.csv  loading  ############............  50 %  1,234,567 rows, 12 bad");
}

TEST(ProgressLine, NeverExceedsTheWidthNorAHundredPercent) {
  load::Progress progress;
  progress.bytes_total = 10;
  progress.bytes_read = 20;
  EXPECT_EQ(progress_line(progress, "a.csv", milliseconds(0), 60, true), "  a.csv  opening  100 %  0 rows");
  EXPECT_EQ(progress_line(progress, "a.csv", milliseconds(0), 12, true), "  a.csv  ...");
}

}  // namespace
}  // namespace rowgate::cli

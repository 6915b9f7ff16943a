#include "runs/waiting_line.h"

#include "load/run_moves.h"

#include <gtest/gtest.h>

#include <set>

namespace rowgate::runs {
namespace {

const auto kNothingBusy = [](const db::TableName&) { return false; };

std::string order_of(WaitingLine& line, const std::set<std::string>& busy = {}) {
  std::string order;
  while (const auto turn = line.take([&](const db::TableName& table) { return busy.contains(table.name); }))
    order += turn->run_id;
  return order;
}

TEST(WaitingLine, PrincipalsTakeTurnsAndEachKeepsItsOrder) {
  WaitingLine line;
  for (const char* id : {"a", "b", "c"}) line.push({id, "ada", {{}, "people"}});
  for (const char* id : {"x", "y"}) line.push({id, "bob", {{}, "people"}});
  EXPECT_EQ(line.size(), 5U);
  EXPECT_EQ(order_of(line), "axbyc");
  EXPECT_EQ(line.size(), 0U);
}

TEST(WaitingLine, WhoWasServedLatelyWaits) {
  WaitingLine line;
  line.push({"a", "ada", {{}, "people"}});
  EXPECT_EQ(order_of(line), "a");
  line.push({"b", "ada", {{}, "people"}});
  line.push({"x", "bob", {{}, "people"}});
  EXPECT_EQ(order_of(line), "xb");
}

TEST(WaitingLine, ABusyTableHoldsUpItsOwnRunsOnly) {
  WaitingLine line;
  line.push({"a", "ada", {{}, "people"}});
  line.push({"b", "ada", {{}, "jobs"}});
  EXPECT_EQ(order_of(line, {"people"}), "b");
  EXPECT_EQ(line.size(), 1U);
  EXPECT_EQ(order_of(line), "a");
  EXPECT_FALSE(line.take(kNothingBusy));
}

TEST(RunMoves, NothingLeavesAnEnd) {
  using db::RunStatus;
  for (const RunStatus from :
       {RunStatus::Succeeded, RunStatus::SucceededWithRejects, RunStatus::Failed, RunStatus::Cancelled})
    for (int event = 0; event <= static_cast<int>(load::RunEvent::BytesLost); ++event)
      EXPECT_FALSE(load::next(from, static_cast<load::RunEvent>(event)));
  EXPECT_EQ(load::next(RunStatus::Interrupted, load::RunEvent::Restarted), RunStatus::Queued);
}

}  // namespace
}  // namespace rowgate::runs

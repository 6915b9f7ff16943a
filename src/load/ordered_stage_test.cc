#include "load/ordered_stage.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>

namespace rowgate::load {
namespace {

struct Slot {
  int number = 0;
  int squared = 0;
};
using Stage = OrderedStage<Slot>;

/// A stage that squares 0, 1, 2 and so on, and what happened in it.
struct Squares {
  int count = 0;  ///< how many the producer has
  std::atomic<int> produced = 0, worked = 0;
  int consumed = 0;
  int most_ahead = 0;  ///< of the producer
  std::vector<int> seen = {};

  Stage::Steps steps() {
    return {.produce = [this](Slot& slot) -> Result<bool> {
              if (produced == count) return false;
              slot.number = produced++;
              return true;
            },
            .work =
                [this](Slot& slot) {
                  // Some take longer than others, so that they get done out of order.
                  for (std::atomic<int> left = slot.number * 7919 % 13 * 100; left > 0;) --left;
                  slot.squared = slot.number * slot.number;
                  ++worked;
                },
            .consume = [this](Slot& slot) -> Result<bool> {
              most_ahead = std::max(most_ahead, produced - consumed);
              ++consumed;
              seen.push_back(slot.squared);
              return true;
            }};
  }
};

std::vector<int> squares(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  for (int& number : all) number *= number;
  return all;
}

RC_GTEST_PROP(OrderedStage, KeepsTheOrderWithAnyNumberOfWorkers, ()) {
  Squares squares_of{.count = *rc::gen::inRange(0, 100)};
  const auto workers = *rc::gen::inRange(0u, 6u);
  RC_ASSERT(Stage(workers).run(squares_of.steps(), {}));
  RC_ASSERT(squares_of.seen == squares(squares_of.count));
  RC_ASSERT(squares_of.most_ahead <= static_cast<int>(workers) + 3);  // memory is bounded by the slots
}

TEST(OrderedStage, WorkersWorkAtTheSameTime) {
  Squares squares_of{.count = 4};
  Stage::Steps steps = squares_of.steps();
  std::latch both(2);
  steps.work = [&](Slot& slot) {
    if (slot.number < 2) both.arrive_and_wait();  // returns only when a second worker is here too
    slot.squared = slot.number;
  };
  ASSERT_TRUE(Stage(2).run(std::move(steps), {}));
  EXPECT_EQ(squares_of.seen, (std::vector{0, 1, 2, 3}));
}

RC_GTEST_PROP(OrderedStage, AnErrorOfTheProducerComesInItsPlace, ()) {
  Squares squares_of{.count = *rc::gen::inRange(0, 50)};
  Stage::Steps steps = squares_of.steps();
  steps.produce = [produce = steps.produce](Slot& slot) -> Result<bool> {
    TRY_ASSIGN(const bool more, produce(slot));
    if (!more) return fail(Code::FileUnreadable, "gone");
    return true;
  };
  const Result<void> done = Stage(*rc::gen::inRange(0u, 4u)).run(std::move(steps), {});
  RC_ASSERT(!done);
  RC_ASSERT(done.error().message == "gone");
  RC_ASSERT(squares_of.seen == squares(squares_of.count));  // all before it was consumed
}

RC_GTEST_PROP(OrderedStage, TheConsumerEndsItByAnErrorOrByHavingEnough, ()) {
  Squares squares_of{.count = 1'000'000};
  const auto last = *rc::gen::inRange(0, 40);
  const auto by_error = *rc::gen::arbitrary<bool>();
  const auto workers = *rc::gen::inRange(0u, 4u);
  Stage::Steps steps = squares_of.steps();
  steps.consume = [&, consume = steps.consume](Slot& slot) -> Result<bool> {
    TRY(consume(slot));
    if (slot.number < last) return true;
    if (by_error) return fail(Code::StorageFull, "full");
    return false;
  };
  const Result<void> done = Stage(workers).run(std::move(steps), {});
  RC_ASSERT(done.has_value() == !by_error);
  RC_ASSERT(done || done.error().code == Code::StorageFull);
  RC_ASSERT(squares_of.seen == squares(last + 1));
  RC_ASSERT(squares_of.produced <= last + 1 + static_cast<int>(workers) + 4);  // the others left soon
}

TEST(OrderedStage, AStopEndsItBetweenSlotsAndIsNoError) {
  std::stop_source stop;
  Squares squares_of{.count = 1'000'000};
  Stage::Steps steps = squares_of.steps();
  steps.consume = [&, consume = steps.consume](Slot& slot) -> Result<bool> {
    if (slot.number == 10) stop.request_stop();
    return consume(slot);
  };
  EXPECT_TRUE(Stage(3).run(std::move(steps), stop.get_token()));
  EXPECT_EQ(squares_of.seen, squares(11));
  EXPECT_LT(squares_of.produced, 100);
}

TEST(OrderedStage, AStopBeforehandConsumesNothing) {
  std::stop_source stop;
  stop.request_stop();
  Squares squares_of{.count = 100};
  for (const unsigned workers : {0u, 2u})
    EXPECT_TRUE(Stage(workers).run(squares_of.steps(), stop.get_token()));
  EXPECT_EQ(squares_of.consumed, 0);
}

/// The producer is the slow one here: a stop must not wait for more than the slot in its hands.
TEST(OrderedStage, AStopFromOutsideIsSeenThoughNothingIsToBeConsumed) {
  std::stop_source stop;
  Squares squares_of{.count = 5};
  Stage::Steps steps = squares_of.steps();
  steps.produce = [&, produce = steps.produce](Slot& slot) -> Result<bool> {
    if (squares_of.produced == 3) stop.request_stop();
    return produce(slot);
  };
  EXPECT_TRUE(Stage(1).run(std::move(steps), stop.get_token()));
  EXPECT_LE(squares_of.produced, 4);
}

}  // namespace
}  // namespace rowgate::load

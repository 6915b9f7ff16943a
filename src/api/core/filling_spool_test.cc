#include "api/core/filling_spool.h"

#include "db/testing.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <string>

namespace rowgate::api {
namespace {

class FillingSpoolTest : public ::testing::Test {
 protected:
  Lane::Place place() { return *Lane::enter(lane_); }
  std::string read_all(FillingSpool& spool) {
    std::string all;
    std::array<char, 7> piece{};
    for (;;) {
      const Result<std::size_t> got = spool.read(piece);
      if (!got) return all + "; " + to_text(got.error());
      if (*got == 0) return all;
      all.append(piece.data(), *got);
    }
  }
  db::testing::TempFolder folder_;
  std::shared_ptr<Lane> lane_ = std::make_shared<Lane>(1);
};

TEST_F(FillingSpoolTest, GivesWhatIsMade) {
  FillingSpool spool(folder_.path(), place(), [](const FillingSpool::Append& append, const std::stop_token&) {
    for (int i = 0; i < 1000; ++i)
      if (Result<void> done = append(std::to_string(i)); !done) return done;
    return Result<void>();
  });
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i);
  EXPECT_EQ(read_all(spool), expected);
}

TEST_F(FillingSpoolTest, TheMakerEndsWithoutAReader) {
  std::promise<void> gone;
  struct Cursor {
    std::promise<void>& gone;
    ~Cursor() { gone.set_value(); }
  };
  std::shared_ptr<Cursor> cursor(new Cursor{gone});
  FillingSpool spool(folder_.path(), place(),
                     [held = std::move(cursor)](const FillingSpool::Append& append, const std::stop_token&) {
                       return append(std::string(5'000'000, 'x'));
                     });
  gone.get_future().wait();  // what the maker held is gone, though nobody has read a byte
  EXPECT_EQ(read_all(spool).size(), 5'000'000U);
  EXPECT_TRUE(Lane::enter(lane_)) << "and its place is free";
}

TEST_F(FillingSpoolTest, AnErrorComesAfterWhatWasMadeBefore) {
  FillingSpool spool(folder_.path(), place(),
                     [](const FillingSpool::Append& append, const std::stop_token&) -> Result<void> {
                       TRY(append("abc"));
                       return fail(Code::ReportTimeout, "too slow");
                     });
  EXPECT_EQ(read_all(spool), "abc; too slow");
}

TEST_F(FillingSpoolTest, AMakerThatNobodyWantsAnyMoreStops) {
  {
    FillingSpool spool(folder_.path(), place(),
                       [](const FillingSpool::Append& append, const std::stop_token&) {
                         for (;;)
                           if (Result<void> done = append("x"); !done) return done;
                       });
    std::array<char, 1> byte{};
    EXPECT_TRUE(spool.read(byte));
  }
  EXPECT_TRUE(Lane::enter(lane_));
}

TEST_F(FillingSpoolTest, ALaneHasSoManyPlaces) {
  const auto lane = std::make_shared<Lane>(2);
  std::optional<Lane::Place> first = Lane::enter(lane);
  const std::optional<Lane::Place> second = Lane::enter(lane);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(Lane::enter(lane));
  first.reset();
  EXPECT_TRUE(Lane::enter(lane));
}

}  // namespace
}  // namespace rowgate::api

#include "io/source.h"

#include "io/testing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

namespace rowgate::io {
namespace {

using testing::FaultySource;
using testing::PieceSource;

TEST(ReadFully, FillsWhateverThePiecesAre) {
  const std::string bytes = "id,name\n7,Ada Example\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    PieceSource source(bytes, piece);
    std::array<char, 10> first{};
    EXPECT_EQ(*read_fully(source, first), 10u);
    EXPECT_EQ(std::string_view(first.data(), 10), bytes.substr(0, 10));
    std::array<char, 100> rest{};
    EXPECT_EQ(*read_fully(source, rest), bytes.size() - 10);
    EXPECT_EQ(std::string_view(rest.data(), bytes.size() - 10), bytes.substr(10));
    EXPECT_EQ(*read_fully(source, rest), 0u);
  }
}

TEST(ReadFully, PassesTheErrorOn) {
  FaultySource source("id,na", 2);
  std::array<char, 10> into{};
  const auto got = read_fully(source, into);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, FaultySource::fault().message);
}

TEST(ReadAll, GivesUpBeyondItsLimit) {
  PieceSource exact("12345678", 3), more("123456789", 3), empty("", 3);
  EXPECT_EQ(*read_all(exact, 8), "12345678");
  EXPECT_EQ(*read_all(empty, 0), "");
  const auto refused = read_all(more, 8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::InternalError);
  EXPECT_EQ(refused.error().message, "more than 8 bytes where a small text was expected");
}

TEST(ReadAll, PassesTheErrorOn) {
  FaultySource source("1234", 3);
  const auto got = read_all(source, 100);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, FaultySource::fault().message);
}

RC_GTEST_PROP(ReadAllProperty, PiecesNeverShow, (const std::string& bytes)) {
  PieceSource source(bytes, *rc::gen::inRange<std::size_t>(1, 50));
  RC_ASSERT(*read_all(source, bytes.size()) == bytes);
}

}  // namespace
}  // namespace rowgate::io

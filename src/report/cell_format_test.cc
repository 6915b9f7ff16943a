#include "report/cell_format.h"

#include "table/numbers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace rowgate::report {
namespace {

using db::ResultCell;
using table::Type;

ResultCell integer(std::int64_t value) {
  return {.kind = ResultCell::Kind::Integer, .integer = value};
}
ResultCell real(double value) {
  return {.kind = ResultCell::Kind::Real, .real = value};
}
ResultCell words(std::string_view value) {
  return {.kind = ResultCell::Kind::Text, .text = value};
}

/// "null", "n 1", "b true", "t x" or the error's code.
std::string formatted(const Column& column, const ResultCell& cell) {
  CellFormat format(column);
  const Result<OutputCell> out = format.format(cell);
  if (!out) return std::string(text(out.error().code));
  switch (out->kind) {
    case OutputCell::Kind::Null:
      return "null";
    case OutputCell::Kind::Number:
      return "n " + std::string(out->text);
    case OutputCell::Kind::Boolean:
      return "b " + std::string(out->text);
    case OutputCell::Kind::Text:
      break;
  }
  return "t " + std::string(out->text);
}

const Column kPlain{"c"}, kInteger{"c", Type::Integer}, kNumber{"c", Type::Number},
    kMoney{"c", Type::Number, 2}, kWhole{"c", Type::Number, 0}, kBoolean{"c", Type::Boolean},
    kString{"c", Type::String}, kDate{"c", Type::Date};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  const Column* column;
  ResultCell cell;
  const char* expected;
};
const Case kCases[] = {
    {&kPlain, {}, "null"},
    {&kPlain, integer(-7), "n -7"},
    {&kPlain, real(0.1), "n 0.1"},
    {&kPlain, real(-0.0), "n 0"},
    {&kPlain, real(1e300), "n 1e300"},
    {&kPlain, real(kInfinity), "t INF"},
    {&kPlain, real(-kInfinity), "t -INF"},
    {&kPlain, real(std::numeric_limits<double>::quiet_NaN()), "t NaN"},
    {&kPlain, words("007"), "t 007"},
    {&kInteger, {}, "null"},
    {&kInteger, integer(INT64_MIN), "n -9223372036854775808"},
    {&kInteger, real(2), "n 2"},
    {&kInteger, real(2.5), "report.bad_sql"},
    {&kInteger, real(kInfinity), "report.bad_sql"},
    {&kInteger, words("12"), "n 12"},
    {&kInteger, words("007"), "n 7"},
    {&kInteger, words("12.5"), "report.bad_sql"},
    {&kInteger, words("99999999999999999999"), "n 99999999999999999999"},
    {&kInteger, words("x"), "report.bad_sql"},
    {&kInteger, words(""), "report.bad_sql"},
    {&kNumber, integer(5), "n 5"},
    {&kNumber, words("12.50"), "n 12.50"},  // a decimal keeps its digits
    {&kNumber, words("-0.00"), "n -0.00"},
    {&kNumber, words("+5"), "n 5"},  // what JSON would not take is written anew
    {&kNumber, words(".5"), "n 0.5"},
    {&kNumber, words("5."), "n 5"},
    {&kNumber, words("-007.50"), "n -7.5"},
    {&kNumber, words("1e5"), "n 1e5"},
    {&kNumber, words("1 "), "report.bad_sql"},
    {&kNumber, words("NaN"), "report.bad_sql"},
    {&kNumber, real(kInfinity), "t INF"},
    {&kMoney, integer(5), "n 5.00"},
    {&kMoney, integer(9007199254740993), "n 9007199254740993.00"},  // no double on the way
    {&kMoney, real(2.005), "n 2.01"},
    {&kMoney, real(-0.001), "n 0.00"},
    {&kMoney, words("12345678901234567.895"), "n 12345678901234567.90"},
    {&kMoney, words("1e400"), nullptr},
    {&kMoney, words("1e999999999"), "n 1e999999999"},
    {&kMoney, words("x"), "report.bad_sql"},
    {&kMoney, real(kInfinity), "t INF"},
    {&kWhole, real(2.5), "n 3"},
    {&kBoolean, integer(1), "b true"},
    {&kBoolean, integer(0), "b false"},
    {&kBoolean, integer(2), "report.bad_sql"},
    {&kBoolean, words("true"), "report.bad_sql"},
    {&kBoolean, {}, "null"},
    {&kString, integer(5), "t 5"},
    {&kString, words(""), "t "},
    {&kDate, words("2021-11-07"), "t 2021-11-07"},
};

TEST(CellFormat, WritesAValueByItsColumnsType) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(fmt::format("{} of {}", c.cell.text, c.column->type ? name(*c.column->type) : "no type"));
    if (c.expected != nullptr) EXPECT_EQ(formatted(*c.column, c.cell), c.expected);
  }
  const std::string large = formatted(kMoney, words("1e400"));
  EXPECT_EQ(large, "n 1" + std::string(400, '0') + ".00");
}

TEST(CellFormat, TheErrorNamesColumnTypeAndValue) {
  CellFormat format({"age", Type::Integer});
  EXPECT_EQ(format.format(words("old")).error().message,
            "the column `age` is declared as integer, but holds 'old'");
}

/// Whatever a database gives for a number, JSON can be made of it, with the same value.
RC_GTEST_PROP(CellFormat, ANumberIsANumberOfJson, ()) {
  const auto digits = rc::gen::container<std::string>(rc::gen::inRange('0', static_cast<char>('9' + 1)));
  const auto any_sign = rc::gen::element<std::string>("", "+", "-");
  const std::string whole = *digits, fraction = *digits, sign = *any_sign;
  std::string given = sign + whole + (fraction.empty() ? "" : "." + fraction);
  RC_PRE(!whole.empty() || !fraction.empty());
  if (*rc::gen::arbitrary<bool>()) given += "e" + *any_sign + std::to_string(*rc::gen::inRange(0, 20));
  const std::string out = formatted(kNumber, words(given));
  RC_ASSERT(out.starts_with("n "));
  RC_ASSERT(nlohmann::json::accept(out.substr(2)));
  RC_ASSERT(table::digits_of(out.substr(2)) == table::digits_of(given));
}

}  // namespace
}  // namespace rowgate::report

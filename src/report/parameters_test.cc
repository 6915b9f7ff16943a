#include "report/parameters.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace rowgate::report {
namespace {

using table::Type;
using ::testing::HasSubstr;

const Definition kReport{.name = "hired",
                         .params = {{"year", Type::Integer, "2021"},
                                    {"rate", Type::Number},
                                    {"since", Type::Datetime, "2021-01-01T00:00:00Z"},
                                    {"name", Type::String, ""},
                                    {"active", Type::Boolean, "true"},
                                    {"day", Type::Date, "2021-02-28"}}};
using Given = std::vector<std::pair<std::string, std::string>>;

/// "name=kind value" of all.
std::string bound(const Given& given) {
  const auto values = bind_parameters(kReport, given);
  if (!values) return std::string(text(values.error().code)) + ": " + values.error().message;
  std::string out;
  for (const auto& [name, value] : *values) {
    out += (out.empty() ? "" : " ") + name + "=";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) out += fmt::format("i{}", *integer);
    if (const auto* real = std::get_if<double>(&value)) out += fmt::format("r{}", *real);
    if (const auto* truth = std::get_if<bool>(&value)) out += fmt::format("b{}", *truth);
    if (const auto* words = std::get_if<std::string>(&value)) out += "t" + *words;
  }
  return out;
}

TEST(Parameters, EachIsReadByItsTypeElseItsDefault) {
  EXPECT_EQ(bound({{"rate", "1.5"}}),
            "year=i2021 rate=r1.5 since=t2021-01-01T00:00:00Z name=t active=btrue day=t2021-02-28");
  EXPECT_EQ(bound({{"name", "O'Neill; DROP TABLE hires"},
                   {"year", "-5"},
                   {"rate", "2"},
                   {"since", "2021-11-07T02:48:42+01:00"},
                   {"active", "0"}}),
            "year=i-5 rate=r2 since=t2021-11-07T01:48:42Z name=tO'Neill; DROP TABLE hires active=bfalse "
            "day=t2021-02-28");
}

struct BadCase {
  const char* name;
  Given given;
  const char* message;
};
const BadCase kBad[] = {
    {"missing", {}, "the parameter `rate` is missing"},
    {"unknown", {{"rate", "1"}, {"yaer", "2021"}}, "the report `hired` has no parameter `yaer`"},
    {"given twice", {{"rate", "1"}, {"rate", "2"}}, "the parameter `rate` is given twice"},
    {"not of its type",
     {{"rate", "1"}, {"year", "20.5"}},
     "the parameter `year` is of type integer, '20.5' is not"},
    {"empty", {{"rate", ""}}, "the parameter `rate` is of type number, '' is not"},
    {"no such day",
     {{"rate", "1"}, {"day", "2021-02-29"}},
     "the parameter `day` is of type date, '2021-02-29' is not"},
    {"no number of JSON", {{"rate", "NaN"}}, "the parameter `rate` is of type number, 'NaN' is not"},
    {"out of range",
     {{"rate", "1"}, {"year", "9223372036854775808"}},
     "the parameter `year` is of type integer"},
};

TEST(Parameters, WhatIsWrongIsToldByName) {
  for (const BadCase& c : kBad) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(bound(c.given), HasSubstr(std::string("report.bad_parameter: ") + c.message));
  }
  EXPECT_EQ(bind_parameters(kReport, Given{{"yaer", "1"}}).error().hint, "did you mean `year`?");
  EXPECT_EQ(bind_parameters({.name = "plain"}, Given{{"x", "1"}}).error().hint, "the report has none");
}

}  // namespace
}  // namespace rowgate::report

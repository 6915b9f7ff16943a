#include "table/temporal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace rowgate::table {
namespace {

Field temporal(Type type, std::string format = "default", int precision = 0, int timezone_minutes = 0) {
  return {.name = "f",
          .type = type,
          .format = std::move(format),
          .timezone_minutes = timezone_minutes,
          .precision = precision};
}

/// The canonical text, or "no" with the trouble.
std::string canonical(const Field& field, std::string_view text) {
  const auto format = TemporalFormat::make(field.type, field.format);
  if (!format) return "pattern: " + format.error();
  Moment moment;
  std::string trouble;
  if (!format->read(text, moment, trouble)) return trouble.empty() ? "no" : "no: " + trouble;
  std::string out;
  switch (append_canonical(out, moment, field)) {
    case MomentVerdict::Fine:
      return out;
    case MomentVerdict::FinerThanPrecision:
      return "finer";
    case MomentVerdict::OutOfYears:
      break;
  }
  return "out of years";
}

struct Case {
  Field field;
  std::string_view text, expected;
};

TEST(Temporal, DefaultIsIso8601) {
  const Field date = temporal(Type::Date), time = temporal(Type::Time), datetime = temporal(Type::Datetime);
  const Case cases[] = {
      {date, "2021-11-07", "2021-11-07"},
      {date, "2020-02-29", "2020-02-29"},
      {date, "2000-02-29", "2000-02-29"},
      {date, "1900-02-29", "no: day 29; February 1900 has 28 days"},
      {date, "2021-02-30", "no: day 30; February 2021 has 28 days"},
      {date, "2021-04-31", "no: day 31; April 2021 has 30 days"},
      {date, "2021-13-01", "no: month 13"},
      {date, "2021-00-01", "no: month 00"},
      {date, "2021-01-00", "no: day 00"},
      {date, "2021-01-32", "no: day 32"},
      {date, "0000-01-01", "no: year 0000"},
      {date, "0001-01-01", "0001-01-01"},
      {date, "9999-12-31", "9999-12-31"},
      {date, "21-11-07", "no"},
      {date, "2021-1-7", "no"},
      {date, "2021-11-07 ", "no"},
      {date, "2021/11/07", "no"},
      {date, "-2021-11-07", "no"},
      {date, "", "no"},
      {time, "02:48:42", "02:48:42"},
      {time, "23:59:59", "23:59:59"},
      {time, "24:00:00", "no: hour 24"},
      {time, "02:60:00", "no: minute 60"},
      {time, "23:59:60", "no: second 60, a leap second"},
      {time, "23:59:61", "no: second 61"},
      {time, "02:48", "no: the seconds are missing"},
      {time, "02:48:42.0", "02:48:42"},
      {time, "02:48:42.5", "finer"},
      {time, "02:48:42.", "no"},
      {time, "02:48:42Z", "no"},
      {datetime, "2021-11-07T02:48:42Z", "2021-11-07T02:48:42Z"},
      {datetime, "2021-11-07T02:48:42", "2021-11-07T02:48:42Z"},
      {datetime, "2021-11-07T02:48:42+01:30", "2021-11-07T01:18:42Z"},
      {datetime, "2021-11-07T02:48:42-05:00", "2021-11-07T07:48:42Z"},
      {datetime, "2021-01-01T00:30:00+01:00", "2020-12-31T23:30:00Z"},
      {datetime, "2020-02-28T23:30:00-01:00", "2020-02-29T00:30:00Z"},
      {datetime, "2021-11-07T02:48:42+14:00", "2021-11-06T12:48:42Z"},
      {datetime, "2021-11-07T02:48:42+14:01", "no: offset +14:01"},
      {datetime, "2021-11-07T02:48:42+01:60", "no: offset +01:60"},
      {datetime, "2021-11-07T02:48:42+0130", "no"},
      {datetime, "0001-01-01T00:00:00+00:01", "out of years"},
      {datetime, "9999-12-31T23:59:59-00:01", "out of years"},
      {datetime, "2021-11-07 02:48:42", "no: a space where `T` belongs"},
      {datetime, "2021-11-07", "no: the time is missing"},
      {datetime, "2021-11-07t02:48:42z", "no"},
      {datetime, "2016-12-31T23:59:60Z", "no: second 60, a leap second"},
  };
  for (const Case& c : cases) EXPECT_EQ(canonical(c.field, c.text), c.expected) << c.text;
}

TEST(Temporal, FractionsFitThePrecisionOrAreRefused) {
  const Field whole = temporal(Type::Datetime), millis = temporal(Type::Datetime, "default", 3),
              micros = temporal(Type::Datetime, "default", 6), time = temporal(Type::Time, "default", 3);
  const Case cases[] = {
      {whole, "2021-11-07T02:48:42.000Z", "2021-11-07T02:48:42Z"},
      {whole, "2021-11-07T02:48:42.001Z", "finer"},
      {millis, "2021-11-07T02:48:42Z", "2021-11-07T02:48:42.000Z"},
      {millis, "2021-11-07T02:48:42.5Z", "2021-11-07T02:48:42.500Z"},
      {millis, "2021-11-07T02:48:42.0010Z", "2021-11-07T02:48:42.001Z"},
      {millis, "2021-11-07T02:48:42.0001Z", "finer"},
      {micros, "2021-11-07T02:48:42.000001Z", "2021-11-07T02:48:42.000001Z"},
      {micros, "2021-11-07T02:48:42.0000010000Z", "2021-11-07T02:48:42.000001Z"},
      {micros, "2021-11-07T02:48:42.0000001Z", "finer"},
      {time, "02:48:42.25", "02:48:42.250"},
  };
  for (const Case& c : cases) EXPECT_EQ(canonical(c.field, c.text), c.expected) << c.text;
}

TEST(Temporal, TheFieldsOffsetCountsOnlyWhereTheTextHasNone) {
  const Field west = temporal(Type::Datetime, "default", 0, -300);
  EXPECT_EQ(canonical(west, "2021-11-07T20:00:00"), "2021-11-08T01:00:00Z");
  EXPECT_EQ(canonical(west, "2021-11-07T20:00:00Z"), "2021-11-07T20:00:00Z");
  EXPECT_EQ(canonical(west, "2021-11-07T20:00:00+01:00"), "2021-11-07T19:00:00Z");
}

TEST(Temporal, AnyTakesWhatCannotBeMisread) {
  const Field date = temporal(Type::Date, "any"), time = temporal(Type::Time, "any"),
              datetime = temporal(Type::Datetime, "any");
  const Case cases[] = {
      {date, "2021-11-07", "2021-11-07"},
      {date, "2021/11/07", "2021-11-07"},
      {date, "2021.11.07", "2021-11-07"},
      {date, "20211107", "2021-11-07"},
      {date, "2021-11/07", "no"},
      {date, "07/11/2021", "no"},
      {date, "07.11.2021", "no"},
      {time, "02:48", "02:48:00"},
      {time, "0248", "02:48:00"},
      {time, "024842", "02:48:42"},
      {time, "02:48:42,000", "02:48:42"},
      {time, "2:48", "no"},
      {datetime, "2021-11-07 02:48", "2021-11-07T02:48:00Z"},
      {datetime, "20211107T024842Z", "2021-11-07T02:48:42Z"},
      {datetime, "2021-11-07t02:48:42z", "2021-11-07T02:48:42Z"},
      {datetime, "2021-11-07 02:48:42 +0130", "2021-11-07T01:18:42Z"},
      {datetime, "2021-11-07 02:48:42+01", "2021-11-07T01:48:42Z"},
      {datetime, "2021-11-07 02:48:42 UTC", "2021-11-07T02:48:42Z"},
      {datetime, "2021-11-07 02:48:42 CET", "no"},
      {datetime, "2021-11-07  02:48:42", "no"},
  };
  for (const Case& c : cases) EXPECT_EQ(canonical(c.field, c.text), c.expected) << c.text;
}

TEST(Strptime, ReadsItsDirectives) {
  const auto date = [](std::string format) { return temporal(Type::Date, std::move(format)); };
  const auto time = [](std::string format) { return temporal(Type::Time, std::move(format)); };
  const auto datetime = [](std::string format, int precision = 0) {
    return temporal(Type::Datetime, std::move(format), precision);
  };
  const Case cases[] = {
      {date("%d/%m/%Y"), "07/11/2021", "2021-11-07"},
      {date("%d/%m/%Y"), "7/1/2021", "2021-01-07"},
      {date("%d/%m/%Y"), "30/02/2021", "no: day 30; February 2021 has 28 days"},
      {date("%d/%m/%Y"), "11/13/2021", "no: month 13"},
      {date("%d/%m/%Y"), "07/11/21", "no"},
      {date("%d/%m/%Y"), "07/11/2021x", "no"},
      {date("%Y%m%d"), "20211107", "2021-11-07"},
      {date("%d%m%Y"), "07112021", "2021-11-07"},
      {date("%d%m%Y"), "7112021", "no: day 71"},
      {date("%d.%m.%y"), "07.11.68", "2068-11-07"},
      {date("%d.%m.%y"), "07.11.69", "1969-11-07"},
      {date("%d %b %Y"), "7 Nov 2021", "2021-11-07"},
      {date("%d %B %Y"), "7 november 2021", "2021-11-07"},
      {date("%d %b %Y"), "7 Nove 2021", "no"},
      {date("%B %d, %Y"), "May 7, 2021", "2021-05-07"},
      {date("%Y-%j"), "2021-311", "2021-11-07"},
      {date("%Y-%j"), "2020-366", "2020-12-31"},
      {date("%Y-%j"), "2021-366", "no: day 366; 2021 has 365 days"},
      {date("%Y-%j"), "2021-000", "no: day of the year 00"},
      {date("%D"), "11/07/21", "2021-11-07"},
      {date("%F"), "2021-11-07", "2021-11-07"},
      {date("%%%Y-%m-%d"), "%2021-11-07", "2021-11-07"},
      {time("%H:%M"), "9:05", "09:05:00"},
      {time("%R"), "23:05", "23:05:00"},
      {time("%I:%M %p"), "12:30 AM", "00:30:00"},
      {time("%I:%M %p"), "12:30 pm", "12:30:00"},
      {time("%I:%M %p"), "1:30 PM", "13:30:00"},
      {time("%I:%M %p"), "13:30 PM", "no: hour 13"},
      {time("%I:%M %p"), "00:30 AM", "no: hour 00"},
      {time("%T"), "23:59:60", "no: second 60, a leap second"},
      {datetime("%d/%m/%Y %H:%M"), "07/11/2021 02:48", "2021-11-07T02:48:00Z"},
      {datetime("%FT%T%z"), "2021-11-07T02:48:42+01:30", "2021-11-07T01:18:42Z"},
      {datetime("%FT%T%z"), "2021-11-07T02:48:42+0130", "2021-11-07T01:18:42Z"},
      {datetime("%FT%T%z"), "2021-11-07T02:48:42Z", "2021-11-07T02:48:42Z"},
      {datetime("%FT%T%z"), "2021-11-07T02:48:42", "no"},
      {datetime("%F %T %Z"), "2021-11-07 02:48:42 UTC", "2021-11-07T02:48:42Z"},
      {datetime("%F %T %Z"), "2021-11-07 02:48:42 CET", "no"},
      {datetime("%F %T.%f", 3), "2021-11-07 02:48:42.5", "2021-11-07T02:48:42.500Z"},
      {datetime("%F %T.%f", 3), "2021-11-07 02:48:42.1234567", "no"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(canonical(c.field, c.text), c.expected) << c.field.format << ' ' << c.text;
}

TEST(Strptime, RefusesPatternsThatAreNoWholeMoment) {
  struct Pattern {
    Type type;
    std::string_view format;
  };
  const Pattern wrong[] = {
      {Type::Date, "%Y-%m"},        {Type::Date, "%d/%m"},        {Type::Date, "%Y-%m-%d %H"},
      {Type::Date, "%Y-%m-%m"},     {Type::Date, "%Y-%j-%d"},     {Type::Date, "%Q"},
      {Type::Date, "%Y-%m-%d%"},    {Type::Date, "DD/MM/YYYY"},   {Type::Date, ""},
      {Type::Time, "%M:%S"},        {Type::Time, "%I:%M"},        {Type::Time, "%H:%M %p"},
      {Type::Time, "%H:%S"},        {Type::Time, "%H:%M.%f"},     {Type::Time, "%H:%M%z"},
      {Type::Datetime, "%Y-%m-%d"}, {Type::Datetime, "%H:%M:%S"}, {Type::Date, "%y %Y-%m-%d"},
  };
  for (const Pattern& pattern : wrong)
    EXPECT_FALSE(TemporalFormat::make(pattern.type, pattern.format)) << pattern.format;
}

TEST(Strptime, TellsItsFormAndAnExampleThatItReads) {
  EXPECT_EQ(TemporalFormat::make(Type::Datetime, "default")->form(), "YYYY-MM-DDTHH:MM:SSZ");
  EXPECT_EQ(TemporalFormat::make(Type::Date, "%d/%m/%Y")->form(), "DD/MM/YYYY");
  for (const std::string format :
       {"default", "any", "%d/%m/%Y %H:%M", "%b %d %y %I.%M%p", "%Y %j %T.%f %z"}) {
    const auto made = TemporalFormat::make(Type::Datetime, format);
    ASSERT_TRUE(made) << format;
    EXPECT_TRUE(canonical(temporal(Type::Datetime, format), made->example()).starts_with("2021-11-07T02:48:"))
        << made->example();
  }
}

RC_GTEST_PROP(TemporalProperty, AnyBytesAreReadOrRefused, (const std::string& text)) {
  for (const Type type : {Type::Date, Type::Time, Type::Datetime})
    for (const std::string format : {"default", "any"}) canonical(temporal(type, format), text);
  canonical(temporal(Type::Datetime, "%d %b %y %I:%M:%S.%f %p %z"), text);
}

RC_GTEST_PROP(TemporalProperty, CanonicalTextIsItsOwnCanonicalText, ()) {
  const int year = *rc::gen::inRange(1, 10000), month = *rc::gen::inRange(1, 13);
  const int day = *rc::gen::inRange(1, days_in_month(year, month) + 1);
  const std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, *rc::gen::inRange(0, 24),
                  *rc::gen::inRange(0, 60), *rc::gen::inRange(0, 60));
  RC_ASSERT(canonical(temporal(Type::Datetime), text) == text);
  RC_ASSERT(canonical(temporal(Type::Date), text.substr(0, 10)) == text.substr(0, 10));
}

}  // namespace
}  // namespace rowgate::table

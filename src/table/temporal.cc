#include "table/temporal.h"

#include "base/text.h"
#include "table/strptime.h"
#include "table/values/text_cursor.h"

#include <fmt/format.h>

#include <chrono>

namespace rowgate::table {
namespace {

bool check_year(int year, std::string& trouble) {
  if (year == 0) trouble = "year 0000";
  return year != 0;
}

bool check_day_of_month(const Moment& moment, std::string& trouble) {
  static constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};
  const int last = days_in_month(moment.year, moment.month);
  if (moment.day <= last) return true;
  trouble = fmt::format("day {}; {} {:04} has {} days", moment.day,
                        kMonths[static_cast<std::size_t>(moment.month - 1)], moment.year, last);
  return false;
}

/// YYYY-MM-DD with the separator `separator`; '\0' for none.
bool read_date(TextCursor& cursor, char separator, Moment& moment, std::string& trouble) {
  const auto separated = [&] { return separator == '\0' || cursor.literal(separator); };
  if (!cursor.number(4, 4, moment.year) || !separated()) return false;
  if (!check_year(moment.year, trouble)) return false;
  if (!cursor.number(2, 2, moment.month)) return false;
  if (!in_range("month", moment.month, 1, 12, trouble) || !separated()) return false;
  if (!cursor.number(2, 2, moment.day) || !in_range("day", moment.day, 1, 31, trouble)) return false;
  return check_day_of_month(moment, trouble);
}

bool read_two_digits(TextCursor& cursor, std::string_view what, int most, int& value, std::string& trouble) {
  return cursor.number(2, 2, value) && in_range(what, value, 0, most, trouble);
}

/// hh:mm:ss[.f...]; in the looser form (`any`) also without seconds, without colons, and with a comma.
bool read_time(TextCursor& cursor, bool loose, Moment& moment, std::string& trouble) {
  if (!read_two_digits(cursor, "hour", 23, moment.hour, trouble)) return false;
  const bool colons = cursor.literal(':');
  if (!colons && !loose) return false;
  if (!read_two_digits(cursor, "minute", 59, moment.minute, trouble)) return false;
  const bool more = colons ? cursor.literal(':') : cursor.digit_run() > 0;
  if (!more) {
    if (!loose) trouble = "the seconds are missing";
    return loose;
  }
  if (!read_two_digits(cursor, "second", 59, moment.second, trouble)) return false;
  if (!cursor.literal('.') && !(loose && cursor.literal(','))) return true;
  return read_fraction(cursor, 0, moment);
}

/// The offset behind a datetime; absent is fine.
bool read_offset(TextCursor& cursor, bool loose, Moment& moment, std::string& trouble) {
  if (cursor.at_end()) return true;
  if (!loose) return read_utc_offset(cursor, OffsetForm::Colon, moment, trouble);
  cursor.literal(' ');
  if (cursor.literal('z')) {
    moment.offset_minutes = 0;
    return true;
  }
  if (cursor.rest().starts_with("UTC")) {
    cursor.skip(3);
    moment.offset_minutes = 0;
    return true;
  }
  return read_utc_offset(cursor, OffsetForm::Any, moment, trouble);
}

bool read_joint(TextCursor& cursor, bool loose, std::string& trouble) {
  if (cursor.literal('T') || (loose && (cursor.literal('t') || cursor.literal(' ')))) return true;
  if (cursor.at_end()) {
    trouble = "the time is missing";
  } else if (cursor.peek() == ' ') {
    trouble = "a space where `T` belongs";
  }
  return false;
}

bool read_iso(Type type, bool loose, std::string_view text, Moment& moment, std::string& trouble) {
  TextCursor cursor(text);
  if (type != Type::Time) {
    char separator = '-';
    if (loose) {
      if (cursor.digit_run() == 8) {
        separator = '\0';
      } else if (text.size() > 4 && (text[4] == '/' || text[4] == '.')) {
        separator = text[4];
      }
    }
    if (!read_date(cursor, separator, moment, trouble)) return false;
  }
  if (type == Type::Datetime && !read_joint(cursor, loose, trouble)) return false;
  if (type != Type::Date && !read_time(cursor, loose, moment, trouble)) return false;
  if (type == Type::Datetime && !read_offset(cursor, loose, moment, trouble)) return false;
  return cursor.at_end();
}

}  // namespace

int days_in_month(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

std::expected<TemporalFormat, std::string> TemporalFormat::make(Type type, std::string_view format) {
  if (format == "default") return TemporalFormat(type, Kind::Default);
  if (format == "any") return TemporalFormat(type, Kind::Any);
  if (!format.contains('%'))
    return std::unexpected(
        fmt::format("`{}` is neither default, any nor a pattern such as %d/%m/%Y", shown(format)));
  TemporalFormat made(type, Kind::Pattern);
  std::string why = made.compile(format);
  if (why.empty()) why = made.why_not_complete();
  if (!why.empty()) return std::unexpected(std::move(why));
  return made;
}

bool TemporalFormat::read(std::string_view text, Moment& moment, std::string& trouble) const {
  moment = {};
  trouble.clear();
  if (kind_ != Kind::Pattern) return read_iso(type_, kind_ == Kind::Any, text, moment, trouble);
  return read_pattern(text, moment, trouble) && check_day_of_month(moment, trouble);
}

MomentVerdict append_canonical(std::string& out, const Moment& moment, const Field& field) {
  using namespace std::chrono;
  if (field.type == Type::Date) {
    fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", moment.year, moment.month, moment.day);
    return MomentVerdict::Fine;
  }
  const int unit = field.precision == 0 ? 1'000'000 : field.precision == 3 ? 1000 : 1;
  if (moment.finer || moment.micros % unit != 0) return MomentVerdict::FinerThanPrecision;
  minutes minute = hours(moment.hour) + minutes(moment.minute);
  if (field.type == Type::Datetime) {
    const auto utc = sys_days(year(moment.year) / month(static_cast<unsigned>(moment.month)) /
                              day(static_cast<unsigned>(moment.day))) +
                     minute - minutes(moment.offset_minutes.value_or(field.timezone_minutes));
    const sys_days midnight = floor<days>(utc);
    const year_month_day date(midnight);
    if (date.year() < year(1) || date.year() > year(9999)) return MomentVerdict::OutOfYears;
    fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T", static_cast<int>(date.year()),
                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    minute = duration_cast<minutes>(utc - midnight);
  }
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", minute.count() / 60, minute.count() % 60,
                 moment.second);
  if (field.precision > 0)
    fmt::format_to(std::back_inserter(out), ".{:0{}}", moment.micros / unit, field.precision);
  if (field.type == Type::Datetime) out += 'Z';
  return MomentVerdict::Fine;
}

NumberVerdict read_year(std::string_view text, std::int64_t& year) {
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const bool four_or_more = digits.size() == 4 || (digits.size() > 4 && digits[0] != '0');
  if (!four_or_more || digits.find_first_not_of("0123456789") != digits.npos) return NumberVerdict::NotNumber;
  constexpr std::int64_t kLeast = -32'768, kMost = 32'767;  // every database has 16 bits for it
  if (read_integer(text, year) != NumberVerdict::Fine || year < kLeast || year > kMost)
    return NumberVerdict::OutOfRange;
  return NumberVerdict::Fine;
}

bool is_year_month(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return false;
  const std::string_view year = text.substr(0, 4), month = text.substr(5);
  const auto is_digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == part.npos;
  };
  return is_digits(year) && is_digits(month) && year != "0000" && month >= "01" && month <= "12";
}

}  // namespace rowgate::table

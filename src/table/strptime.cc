// Patterns of strptime, those directives that a CSV column needs, without locale and without guessing. A
// pattern becomes a list of items, each a directive or a literal byte; %T, %D, %F and %R become what they
// stand for. Reading walks the items once, left to right, and never goes back: a number takes as many digits
// as it may have, unless a number follows directly, where each must have all its digits.
#include "table/strptime.h"

#include "base/text.h"

#include <fmt/format.h>

#include <array>

namespace rowgate::table {
namespace {

struct Directive {
  char name;
  std::size_t digits;     ///< at most so many; 0 = not a number
  std::string_view form;  ///< for people
  std::string_view example;
};
constexpr Directive kDirectives[] = {
    {'Y', 4, "YYYY", "2021"},       {'y', 2, "YY", "21"},         {'m', 2, "MM", "11"},
    {'d', 2, "DD", "07"},           {'H', 2, "HH", "02"},         {'I', 2, "HH", "02"},
    {'M', 2, "MM", "48"},           {'S', 2, "SS", "42"},         {'f', 6, "ffffff", "0"},
    {'j', 3, "day of year", "311"}, {'b', 0, "Mon", "Nov"},       {'B', 0, "Month", "November"},
    {'p', 0, "AM/PM", "AM"},        {'z', 0, "+HH:MM", "+00:00"}, {'Z', 0, "UTC", "UTC"},
};

struct Shorthand {
  char name;
  std::string_view stands_for;
};
constexpr Shorthand kShorthands[] = {{'T', "%H:%M:%S"}, {'D', "%m/%d/%y"}, {'F', "%Y-%m-%d"}, {'R', "%H:%M"}};

constexpr std::string_view kMonthWords[] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};

const Directive* find_directive(char name) {
  for (const Directive& directive : kDirectives)
    if (directive.name == name) return &directive;
  return nullptr;
}

std::string_view find_shorthand(char name) {
  for (const Shorthand& shorthand : kShorthands)
    if (shorthand.name == name) return shorthand.stands_for;
  return {};
}

bool read_month_name(TextCursor& cursor, int& month) {
  std::size_t size = 0;
  const std::string_view rest = cursor.rest();
  while (size < rest.size() && ((rest[size] | 0x20) >= 'a' && (rest[size] | 0x20) <= 'z')) ++size;
  const std::string word = lower_ascii(rest.substr(0, size));
  for (std::size_t i = 0; i < std::size(kMonthWords); ++i) {
    if (word != kMonthWords[i] && word != kMonthWords[i].substr(0, 3)) continue;
    month = static_cast<int>(i) + 1;
    cursor.skip(size);
    return true;
  }
  return false;
}

bool read_half_of_day(TextCursor& cursor, bool& afternoon) {
  const std::string word = lower_ascii(cursor.rest().substr(0, 2));
  if (word != "am" && word != "pm") return false;
  afternoon = word == "pm";
  cursor.skip(2);
  return true;
}

/// Parts that say something about the date or time only together with others.
struct Loose {
  int day_of_year = 0, half_hours = 0;
  bool twelve_hours = false, afternoon = false;
};

bool read_number(const Directive& directive, bool fixed_width, TextCursor& cursor, int& value) {
  const std::size_t least =
      fixed_width || directive.name == 'Y' || directive.name == 'y' ? directive.digits : 1;
  return cursor.number(least, directive.digits, value);
}

bool read_directive(const Directive& directive, bool fixed_width, TextCursor& cursor, Moment& moment,
                    Loose& loose, std::string& trouble) {
  int value = 0;
  if (directive.name == 'f') {
    if (fixed_width && cursor.digit_run() < 6) return false;
    return read_fraction(cursor, 6, moment);
  }
  if (directive.digits > 0 && !read_number(directive, fixed_width, cursor, value)) return false;
  switch (directive.name) {
    case 'Y':
      moment.year = value;
      return in_range("year", value, 1, 9999, trouble);
    case 'y':
      moment.year = value < 69 ? 2000 + value : 1900 + value;
      return true;
    case 'm':
      moment.month = value;
      return in_range("month", value, 1, 12, trouble);
    case 'd':
      moment.day = value;
      return in_range("day", value, 1, 31, trouble);
    case 'j':
      loose.day_of_year = value;
      return in_range("day of the year", value, 1, 366, trouble);
    case 'H':
      moment.hour = value;
      return in_range("hour", value, 0, 23, trouble);
    case 'I':
      loose.twelve_hours = true;
      loose.half_hours = value;
      return in_range("hour", value, 1, 12, trouble);
    case 'M':
      moment.minute = value;
      return in_range("minute", value, 0, 59, trouble);
    case 'S':
      moment.second = value;
      return in_range("second", value, 0, 59, trouble);
    case 'b':
    case 'B':
      return read_month_name(cursor, moment.month);
    case 'p':
      return read_half_of_day(cursor, loose.afternoon);
    case 'z':
      return read_utc_offset(cursor, OffsetForm::Minutes, moment, trouble);
    default:  // Z
      moment.offset_minutes = 0;
      if (cursor.literal('Z')) return true;
      if (!cursor.rest().starts_with("UTC")) return false;
      cursor.skip(3);
      return true;
  }
}

bool settle(const Loose& loose, Moment& moment, std::string& trouble) {
  if (loose.twelve_hours) moment.hour = loose.half_hours % 12 + (loose.afternoon ? 12 : 0);
  if (loose.day_of_year == 0) return true;
  int day = loose.day_of_year, month = 1;
  while (month <= 12 && day > days_in_month(moment.year, month)) day -= days_in_month(moment.year, month++);
  if (month > 12) {
    trouble = fmt::format("day 366; {:04} has 365 days", moment.year);
    return false;
  }
  moment.month = month;
  moment.day = day;
  return true;
}

}  // namespace

bool in_range(std::string_view what, int value, int least, int most, std::string& trouble) {
  if (value >= least && value <= most) return true;
  trouble = fmt::format("{} {:02}", what, value);
  if (what == "second" && value == 60) trouble += ", a leap second";
  return false;
}

bool read_fraction(TextCursor& cursor, std::size_t most, Moment& moment) {
  std::size_t count = cursor.digit_run();
  if (most != 0 && count > most) count = most;
  if (count == 0) return false;
  const std::string_view digits = cursor.rest().substr(0, count);
  moment.micros = 0;
  for (std::size_t i = 0; i < 6; ++i) moment.micros = moment.micros * 10 + (i < count ? digits[i] - '0' : 0);
  moment.finer = count > 6 && digits.find_first_not_of('0', 6) != digits.npos;
  cursor.skip(count);
  return true;
}

bool read_utc_offset(TextCursor& cursor, OffsetForm form, Moment& moment, std::string& trouble) {
  if (cursor.literal('Z')) {
    moment.offset_minutes = 0;
    return true;
  }
  const bool west = cursor.peek() == '-';
  if (!cursor.literal('+') && !cursor.literal('-')) return false;
  int hours = 0, minutes = 0;
  if (!cursor.number(2, 2, hours)) return false;
  const bool colon = cursor.literal(':');
  if (!colon && form == OffsetForm::Colon) return false;
  const bool has_minutes = colon || form != OffsetForm::Any || cursor.digit_run() > 0;
  if (has_minutes && !cursor.number(2, 2, minutes)) return false;
  const int total = hours * 60 + minutes;
  if (minutes > 59 || total > 14 * 60) {
    trouble = fmt::format("offset {}{:02}:{:02}", west ? '-' : '+', hours, minutes);
    return false;
  }
  moment.offset_minutes = west ? -total : total;
  return true;
}

std::string TemporalFormat::compile(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      items_.push_back({.literal = pattern[i]});
      continue;
    }
    if (++i == pattern.size()) return "a % at the end";
    const char name = pattern[i];
    if (name == '%') {
      items_.push_back({.literal = '%'});
    } else if (const std::string_view longer = find_shorthand(name); !longer.empty()) {
      if (std::string why = compile(longer); !why.empty()) return why;
    } else if (find_directive(name) != nullptr) {
      items_.push_back({.directive = name});
    } else {
      return fmt::format(
          "`%{}` is not known; there are %Y %m %d %H %M %S %f %y %b %B %j %p %I %z %Z %T %D %F %R %%",
          shown(pattern.substr(i, 1)));
    }
  }
  for (std::size_t i = 0; i + 1 < items_.size(); ++i) {
    const Directive* next = find_directive(items_[i + 1].directive);
    const bool digit_follows =
        next != nullptr ? next->digits > 0 : items_[i + 1].literal >= '0' && items_[i + 1].literal <= '9';
    items_[i].fixed_width = digit_follows;
  }
  return {};
}

std::string TemporalFormat::why_not_complete() const {
  const auto count = [&](std::string_view names) {
    std::size_t found = 0;
    for (const Item& item : items_)
      if (item.directive != 0 && names.contains(item.directive)) ++found;
    return found;
  };
  for (const std::string_view part : {"Yy", "mbB", "d", "j", "HI", "M", "S", "f", "p", "zZ"})
    if (count(part) > 1) return fmt::format("it has %{} twice", part[0]);
  const std::size_t of_date = count("YymbBdj"), of_time = count("HIMSfp"), offset = count("zZ");
  if (type_ == Type::Date && of_time + offset > 0) return "a date has no time of day; the type datetime has";
  if (type_ == Type::Time && of_date + offset > 0)
    return "a time has no date and no offset; the type datetime has";
  if (type_ != Type::Time) {
    if (count("Yy") == 0) return "it has no year (%Y)";
    const bool by_month = count("mbB") == 1 && count("d") == 1 && count("j") == 0;
    const bool by_day_of_year = count("mbBd") == 0 && count("j") == 1;
    if (!by_month && !by_day_of_year) return "it needs month and day (%m %d), or the day of the year (%j)";
  }
  if (type_ == Type::Date) return {};
  if (count("HI") == 0) return "it has no hour (%H)";
  if (count("I") != count("p")) return "%I and %p belong together";
  if (count("S") > count("M") || count("f") > count("S"))
    return "seconds need minutes, and fractions seconds";
  return {};
}

bool TemporalFormat::read_pattern(std::string_view text, Moment& moment, std::string& trouble) const {
  TextCursor cursor(text);
  Loose loose;
  for (const Item& item : items_) {
    if (item.directive == 0) {
      if (!cursor.literal(item.literal)) return false;
    } else if (!read_directive(*find_directive(item.directive), item.fixed_width, cursor, moment, loose,
                               trouble)) {
      return false;
    }
  }
  return cursor.at_end() && settle(loose, moment, trouble);
}

std::string TemporalFormat::form() const {
  if (kind_ != Kind::Pattern) {
    if (type_ == Type::Date) return "YYYY-MM-DD";
    return type_ == Type::Time ? "HH:MM:SS" : "YYYY-MM-DDTHH:MM:SSZ";
  }
  std::string out;
  for (const Item& item : items_) {
    if (item.directive == 0)
      out += item.literal;
    else
      out += find_directive(item.directive)->form;
  }
  return out;
}

std::string TemporalFormat::example() const {
  if (kind_ != Kind::Pattern) {
    if (type_ == Type::Date) return "2021-11-07";
    return type_ == Type::Time ? "02:48:42" : "2021-11-07T02:48:42Z";
  }
  std::string out;
  for (const Item& item : items_) {
    if (item.directive == 0)
      out += item.literal;
    else
      out += find_directive(item.directive)->example;
  }
  return out;
}

}  // namespace rowgate::table

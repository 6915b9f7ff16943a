#include "table/values/durations.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <span>

namespace rowgate::table {
namespace {

constexpr std::size_t kMostDigits = 15, kMostFraction = 9;
constexpr Duration::Whole kSecond = 1'000'000'000;

/// A part of a duration: its letter, and how much one of it is.
struct Part {
  char letter;
  int months;
  int seconds;
};
constexpr Part kOfDate[] = {{'Y', 12, 0}, {'M', 1, 0}, {'D', 0, 86'400}};
constexpr Part kOfTime[] = {{'H', 0, 3'600}, {'M', 0, 60}, {'S', 0, 1}};

class DurationReader {
 public:
  DurationReader(std::string_view text, Duration& duration) : text_(text), duration_(duration) {}

  std::string read() {
    const bool negative = take('-');
    if (!take('P')) return "it does not begin with P";
    if (std::string why = parts(kOfDate); !why.empty()) return why;
    if (take('T')) {
      const std::size_t before = count_;
      if (std::string why = parts(kOfTime); !why.empty()) return why;
      if (count_ == before) return "nothing follows the T";
    }
    if (!text_.empty()) return "a part is unknown, or out of its order Y M D T H M S";
    if (count_ == 0) return "nothing follows the P";
    if (negative) duration_ = {-duration_.months, -duration_.nanoseconds};
    return {};
  }
  bool is_out_of_range() const { return out_of_range_; }

 private:
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string_view take_digits() {
    const std::string_view digits = text_.substr(0, text_.find_first_not_of("0123456789"));
    text_.remove_prefix(digits.size());
    return digits;
  }

  static Duration::Whole number(std::string_view digits) {
    Duration::Whole value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  }

  std::string parts(std::span<const Part> known) {
    while (!text_.empty() && text_[0] != 'T') {
      const std::string_view whole = take_digits();
      std::string_view fraction;
      const bool has_point = take('.');
      if (has_point) fraction = take_digits();
      if (whole.empty() || text_.empty()) return "a number or the letter behind it is missing";
      if (has_point && (text_[0] != 'S' || fraction.empty())) return "only seconds have a fraction";
      while (!known.empty() && known[0].letter != text_[0]) known = known.subspan(1);
      if (known.empty()) return "a part is unknown, or out of its order Y M D T H M S";
      if (whole.size() > kMostDigits || fraction.size() > kMostFraction) {
        out_of_range_ = true;
        return fmt::format("a number of more than {} digits, or a fraction of more than {}", kMostDigits,
                           kMostFraction);
      }
      std::string nanoseconds(fraction);
      nanoseconds.resize(kMostFraction, '0');
      duration_.months += number(whole) * known[0].months;
      duration_.nanoseconds += number(whole) * known[0].seconds * kSecond + number(nanoseconds);
      known = known.subspan(1);
      text_.remove_prefix(1);
      ++count_;
    }
    return {};
  }

  std::string_view text_;
  Duration& duration_;
  std::size_t count_ = 0;
  bool out_of_range_ = false;
};

/// Days from 1 March of the year 0 to the first of a month, in the proleptic Gregorian calendar. Months count
/// from January of the year 0.
Duration::Whole days_to_month(Duration::Whole month) {
  const Duration::Whole since_march = month - 2;
  const Duration::Whole year = since_march >= 0 ? since_march / 12 : -((11 - since_march) / 12);
  const Duration::Whole month_of_year = since_march - year * 12;
  const auto floor_div = [](Duration::Whole a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); };
  return year * 365 + floor_div(year, 4) - floor_div(year, 100) + floor_div(year, 400) +
         (month_of_year * 153 + 2) / 5;
}

/// The four starts that decide an order (XML Schema 1.1 part 2, section 3.3.6.2): 1696-09, 1697-02, 1903-03,
/// 1903-07.
constexpr std::array<int, 4> kStarts = {1696 * 12 + 8, 1697 * 12 + 1, 1903 * 12 + 2, 1903 * 12 + 6};

Duration::Whole length_from(int start, const Duration& duration) {
  constexpr Duration::Whole kDay = 86'400 * kSecond;
  return (days_to_month(start + duration.months) - days_to_month(start)) * kDay + duration.nanoseconds;
}

}  // namespace

std::string read_duration(std::string_view text, Duration& duration, bool& out_of_range) {
  duration = {};
  DurationReader reader(text, duration);
  std::string why = reader.read();
  out_of_range = reader.is_out_of_range();
  return why;
}

int compare(const Duration& left, const Duration& right) {
  std::optional<int> order;
  for (const int start : kStarts) {
    const Duration::Whole a = length_from(start, left), b = length_from(start, right);
    const int here = a < b ? -1 : a > b ? 1 : 0;
    if (order && *order != here) return 2;
    order = here;
  }
  return *order;
}

}  // namespace rowgate::table

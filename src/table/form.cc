#include "table/form.h"

#include "base/text.h"
#include "table/numbers.h"
#include "table/temporal.h"
#include "table/value_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace rowgate::table {
namespace {

constexpr std::string_view kDateAndTime = "YYYY-MM-DDThh:mm:ss";

/// Where a printer leaves the plain notation for the exponent, and how it writes both. `point` of the digits
/// is the power of ten of 0.d1d2d3...
struct Notation {
  std::int64_t least_point, most_point;  ///< plain between these
  bool always_fraction;                  ///< "1.0"
  bool always_exponent_fraction;         ///< "1.0E7"
  char exponent;
  bool plus;            ///< before a positive exponent
  int exponent_digits;  ///< at least
};
constexpr Notation kJavaScript = {-5, 21, false, false, 'e', true, 1};
constexpr Notation kPython = {-3, 16, true, false, 'e', true, 2};
constexpr Notation kJava = {-2, 7, true, true, 'E', false, 1};

void append_with_exponent(std::string& out, const Digits& number, const Notation& notation) {
  const std::int64_t exponent = number.point - 1;
  out += number.digits[0];
  if (number.digits.size() > 1)
    out.append(1, '.').append(number.digits, 1);
  else if (notation.always_exponent_fraction)
    out += ".0";
  out += notation.exponent;
  if (exponent < 0)
    out += '-';
  else if (notation.plus)
    out += '+';
  fmt::format_to(std::back_inserter(out), "{:0{}}", std::abs(exponent), notation.exponent_digits);
}

void append_plainly(std::string& out, const Digits& number, const Notation& notation) {
  const auto count = static_cast<std::int64_t>(number.digits.size());
  if (number.point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-number.point), '0').append(number.digits);
    return;
  }
  const std::int64_t whole = std::min(number.point, count);
  out.append(number.digits, 0, static_cast<std::size_t>(whole));
  out.append(static_cast<std::size_t>(number.point - whole), '0');
  if (whole < count)
    out.append(1, '.').append(number.digits, static_cast<std::size_t>(whole));
  else if (notation.always_fraction)
    out += ".0";
}

void append_in(std::string& out, double value, const Notation& notation) {
  if (value == 0) {
    out += notation.always_fraction ? "0.0" : "0";
    return;
  }
  const Digits number = shortest_digits(value);
  if (number.negative) out += '-';
  if (number.point >= notation.least_point && number.point <= notation.most_point)
    append_plainly(out, number, notation);
  else
    append_with_exponent(out, number, notation);
}

void append_to_chars(std::string& out, double value) {
  std::array<char, 32> buffer;  // the longest has 24 characters
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), end);
}

bool is_among(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// "+hh:mm" or "Z" in minutes.
std::optional<int> minutes_of(std::string_view offset) {
  if (offset.empty() || offset == "Z") return 0;
  const auto format = TemporalFormat::make(Type::Datetime, "default");
  Moment moment;
  std::string trouble;
  if (!format->read(fmt::format("2000-01-01T00:00:00{}", offset), moment, trouble)) return std::nullopt;
  return moment.offset_minutes;
}

}  // namespace

std::string_view name(Printer printer) {
  constexpr std::array<std::string_view, kPrinters.size()> kNames = {"", "javascript", "c++", "python",
                                                                     "java"};
  return kNames[static_cast<std::size_t>(printer)];
}

std::optional<Printer> printer_of(std::string_view name_of_one) {
  for (const Printer printer : kPrinters)
    if (name(printer) == name_of_one) return printer;
  return std::nullopt;
}

void append_printed(std::string& out, double value, Printer printer) {
  switch (printer) {
    case Printer::Canonical:
      return append_number(out, value);
    case Printer::JavaScript:
      return append_in(out, value, kJavaScript);
    case Printer::Cpp:
      return append_to_chars(out, value);
    case Printer::Python:
      return append_in(out, value, kPython);
    case Printer::Java:
      return append_in(out, value, kJava);
  }
}

Printers printers_of(std::string_view text, Printers among) {
  double value = 0;
  if (read_double(text, value) != NumberVerdict::Fine) return 0;
  if (value == 0 && text.starts_with('-')) return 0;  // no database keeps the sign of zero

  Printers found = 0;
  std::string printed;
  for (const Printer printer : kPrinters) {
    if ((among & bit(printer)) == 0) continue;
    printed.clear();
    append_printed(printed, value, printer);
    if (printed == text) found |= bit(printer);
  }
  return found;
}

std::optional<DatetimeForm> DatetimeForm::of(std::string_view text) {
  std::string_view rest = text.substr(std::min(text.size(), kDateAndTime.size()));
  DatetimeForm form;
  if (rest.starts_with('.')) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789", 1), rest.size()) - 1;
    if (digits > kMostDigits) return std::nullopt;
    form.digits = static_cast<int>(digits);
    rest.remove_prefix(1 + digits);
  }
  form.offset = rest;
  return form;
}

std::optional<DatetimeForm> DatetimeForm::read(std::string_view form) {
  if (!form.starts_with(kDateAndTime)) return std::nullopt;
  std::string_view rest = form.substr(kDateAndTime.size());
  DatetimeForm read;
  if (rest.starts_with('.')) {
    const std::size_t digits = std::min(rest.find_first_not_of('s', 1), rest.size()) - 1;
    if (digits == 0 || digits > kMostDigits) return std::nullopt;
    read.digits = static_cast<int>(digits);
    rest.remove_prefix(1 + digits);
  }
  if (!minutes_of(rest)) return std::nullopt;
  read.offset = rest;
  return read;
}

std::string DatetimeForm::text() const {
  std::string form(kDateAndTime);
  if (digits > 0) form.append(1, '.').append(static_cast<std::size_t>(digits), 's');
  return form + offset;
}

std::string why_not_a_form(const Field& field, std::string_view form) {
  if (field.type == Type::Number && !field.decimal) {
    const bool known = !form.empty() && printer_of(form);
    return known ? ""
                   ""
                 : "the form of a number is javascript, c++, python or java";
  }
  if (field.type == Type::Boolean) {
    const std::size_t slash = form.find('/');
    const bool known = slash != form.npos && is_among(field.true_values, form.substr(0, slash)) &&
                       is_among(field.false_values, form.substr(slash + 1));
    return known ? "" : "the form of a boolean is one of trueValues and one of falseValues, \"True/False\"";
  }
  if (field.type == Type::Datetime) {
    return DatetimeForm::read(form)
               ? ""
               : "the form of a datetime is written like \"YYYY-MM-DDThh:mm:ss.sss+01:00\"";
  }
  return "numbers that are no decimals, booleans and datetimes have one";
}

FormWriter::FormWriter(const Field& field) {
  if (field.form.empty()) return;
  type_ = field.type;
  printer_ = printer_of(field.form).value_or(Printer::Canonical);
  if (field.type == Type::Boolean) {
    const std::size_t slash = field.form.find('/');
    true_word_ = field.form.substr(0, slash);
    false_word_ = field.form.substr(slash + 1);
  }
  if (field.type == Type::Datetime) {
    datetime_ = DatetimeForm::read(field.form).value_or(DatetimeForm{});
    // What carries no offset is read, and so written, in the field's time zone.
    offset_minutes_ =
        datetime_.offset.empty() ? field.timezone_minutes : minutes_of(datetime_.offset).value_or(0);
  }
}

void FormWriter::append_number(std::string& out, double value) const {
  append_printed(out, value, printer_);
}

void FormWriter::append_boolean(std::string& out, bool value) const {
  out += value ? true_word_ : false_word_;
}

void FormWriter::append_datetime(std::string& out, std::string_view canonical) const {
  using namespace std::chrono;
  static const TemporalFormat format = *TemporalFormat::make(Type::Datetime, "default");
  Moment moment;
  std::string trouble;
  if (!format.read(canonical, moment, trouble)) {
    out += canonical;  // somebody else wrote it
    return;
  }

  const auto local = sys_days(year(moment.year) / month(static_cast<unsigned>(moment.month)) /
                              day(static_cast<unsigned>(moment.day))) +
                     hours(moment.hour) + minutes(moment.minute + offset_minutes_);
  const sys_days midnight = floor<days>(local);
  const year_month_day date(midnight);
  const auto minute = duration_cast<minutes>(local - midnight);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), minute.count() / 60, minute.count() % 60, moment.second);
  // A file that was appended later may have finer times than the form has.
  const std::string micros = fmt::format("{:06}", moment.micros);
  const std::size_t needed = micros.find_last_not_of('0') + 1;
  if (const std::size_t digits = std::max(needed, static_cast<std::size_t>(datetime_.digits)); digits > 0)
    out.append(1, '.').append(micros, 0, digits);
  out += datetime_.offset;
}

}  // namespace rowgate::table

#include "table/form.h"

#include "base/text.h"
#include "table/numbers.h"
#include "table/temporal.h"
#include "table/value_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rowgate::table {
namespace {

constexpr std::string_view kDateAndTime = "YYYY-MM-DDThh:mm:ss";

constexpr Notation kJavaScript = {.least_point = -5,
                                  .most_point = 21,
                                  .always_fraction = false,
                                  .always_exponent_fraction = false,
                                  .exponent = 'e',
                                  .plus = true,
                                  .exponent_digits = 1};
constexpr Notation kPython = {.least_point = -3,
                              .most_point = 16,
                              .always_fraction = true,
                              .always_exponent_fraction = false,
                              .exponent = 'e',
                              .plus = true,
                              .exponent_digits = 2};
constexpr Notation kJava = {.least_point = -2,
                            .most_point = 7,
                            .always_fraction = true,
                            .always_exponent_fraction = true,
                            .exponent = 'E',
                            .plus = false,
                            .exponent_digits = 1};

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

/// ".sss+01:00", with digits of a second that are written as `digit_characters`.
std::optional<DatetimeForm> after_seconds(std::string_view tail, std::string_view digit_characters) {
  DatetimeForm form;
  if (tail.starts_with('.')) {
    const std::size_t digits = std::min(tail.find_first_not_of(digit_characters, 1), tail.size()) - 1;
    if (digits == 0 || digits > DatetimeForm::kMostDigits) return std::nullopt;
    form.digits = static_cast<int>(digits);
    tail.remove_prefix(1 + digits);
  }
  form.offset = tail;
  return form;
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
      return append_number(out, shortest_digits(value), kJavaScript);
    case Printer::Cpp:
      return append_to_chars(out, value);
    case Printer::Python:
      return append_number(out, shortest_digits(value), kPython);
    case Printer::Java:
      return append_number(out, shortest_digits(value), kJava);
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
  return after_seconds(text.substr(std::min(text.size(), kDateAndTime.size())), "0123456789");
}

std::optional<DatetimeForm> DatetimeForm::read(std::string_view form) {
  if (!form.starts_with(kDateAndTime)) return std::nullopt;
  std::optional<DatetimeForm> read = after_seconds(form.substr(kDateAndTime.size()), "s");
  return read && minutes_of(read->offset) ? read : std::nullopt;
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
    zone_.timezone_minutes =
        -(datetime_.offset.empty() ? field.timezone_minutes : minutes_of(datetime_.offset).value_or(0));
  }
}

void FormWriter::append_number(std::string& out, double value) const {
  append_printed(out, value, printer_);
}

void FormWriter::append_boolean(std::string& out, bool value) const {
  out += value ? true_word_ : false_word_;
}

void FormWriter::append_datetime(std::string& out, std::string_view canonical) const {
  static const TemporalFormat format = *TemporalFormat::make(Type::Datetime, "default");
  Moment moment;
  std::string trouble, local;
  const bool is_read = format.read(canonical, moment, trouble);
  moment.offset_minutes.reset();
  if (!is_read || append_canonical(local, moment, zone_) != MomentVerdict::Fine) {
    out += canonical;  // somebody else wrote it, or it has no local text
    return;
  }

  // A file that was appended later may have finer times than the form has.
  const std::string_view micros =
      std::string_view(local).substr(kDateAndTime.size() + 1, DatetimeForm::kMostDigits);
  const std::size_t needed = micros.find_last_not_of('0') + 1;
  const std::size_t digits = std::max(needed, static_cast<std::size_t>(datetime_.digits));
  out.append(local, 0, kDateAndTime.size());
  if (digits > 0) out.append(1, '.').append(micros.substr(0, digits));
  out += datetime_.offset;
}

}  // namespace rowgate::table

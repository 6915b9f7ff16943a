#pragma once

#include "table/schema.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

// `rowgate:form`: how the values of a field are written as CSV, where that is not the canonical way.
// Inference keeps it, so that every text of the file that the table was made of comes back:
// - number: the printer whose texts they are, "javascript", "c++", "python" or "java";
// - boolean: the two words, "True/False";
// - datetime: the digits of a second and the offset, "YYYY-MM-DDThh:mm:ss.sss+01:00".

/// Those who print the shortest digits that read back as the same double, each with its own rules for the
/// point and the exponent:
/// - Canonical: append_number();
/// - JavaScript: Number::toString of ECMAScript ("1", "1e+21", "1e-7");
/// - Cpp: std::to_chars of C++17 ("1", "1e+05", "1e-07");
/// - Python: repr() ("1.0", "1e+16", "1e-05");
/// - Java: Double.toString of JDK 19 and later ("1.0", "1.0E7", "1.0E-4").
enum class Printer : std::uint8_t { Canonical, JavaScript, Cpp, Python, Java };
inline constexpr std::array kPrinters = {Printer::Canonical, Printer::JavaScript, Printer::Cpp,
                                         Printer::Python, Printer::Java};
/// As `rowgate:form` has it; empty for Canonical.
std::string_view name(Printer printer);
std::optional<Printer> printer_of(std::string_view name);
/// Appends what the printer writes for a finite value that is not -0.
void append_printed(std::string& out, double value, Printer printer);

/// Some of the printers, as bits in their order.
using Printers = std::uint8_t;
inline constexpr Printers kAllPrinters = (1 << kPrinters.size()) - 1;
constexpr Printers bit(Printer printer) {
  return static_cast<Printers>(1u << static_cast<unsigned>(printer));
}
/// Which of `among` write exactly `text`, a plain number, for the double that it is.
Printers printers_of(std::string_view text, Printers among);

/// How a datetime is written: how many digits of a second, and which offset, as text.
struct DatetimeForm {
  static constexpr int kMostDigits = 6;
  int digits = 0;
  std::string offset = {};  ///< empty, "Z" or "+hh:mm"

  /// Of a text that the format `default` takes; absent where it has more digits than can be kept.
  static std::optional<DatetimeForm> of(std::string_view text);
  /// "YYYY-MM-DDThh:mm:ss.sssZ"
  static std::optional<DatetimeForm> read(std::string_view form);
  std::string text() const;
  /// The precision that keeps its digits: 0, 3 or 6.
  int precision() const { return digits == 0 ? 0 : digits <= 3 ? 3 : 6; }
  /// Whether canonical texts of its precision have it.
  bool is_canonical() const { return digits == precision() && offset == "Z"; }
};

/// Why `form` is no form of `field`, whose other properties are set; empty where it is one.
std::string why_not_a_form(const Field& field, std::string_view form);

/// Writes the values of one field in its form. Thread safe.
class FormWriter {
 public:
  /// The form must be one of the field, or empty: then has_form() is false and nothing may be written.
  explicit FormWriter(const Field& field);

  bool has_form() const { return type_.has_value(); }
  void append_number(std::string& out, double value) const;
  void append_boolean(std::string& out, bool value) const;
  /// `canonical` is the text of a cell ("2021-11-07T02:48:42Z").
  void append_datetime(std::string& out, std::string_view canonical) const;

 private:
  std::optional<Type> type_ = {};
  Printer printer_ = Printer::Canonical;
  std::string true_word_ = {}, false_word_ = {};
  DatetimeForm datetime_ = {};
  /// In which the canonical text of a moment is the local one of the offset.
  Field zone_{.name = {}, .type = Type::Datetime, .precision = DatetimeForm::kMostDigits};
};

}  // namespace rowgate::table

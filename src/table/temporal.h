#pragma once

#include "table/numbers.h"
#include "table/schema.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

/// A date, a time of day or both, as read: each part within its range, the day one of its month.
struct Moment {
  int year = 1970, month = 1, day = 1;
  int hour = 0, minute = 0, second = 0;
  int micros = 0;
  bool finer = false;                      ///< digits beyond a microsecond that are not zero
  std::optional<int> offset_minutes = {};  ///< east of UTC; absent when the text carries none
};

/// How a field's dates and times are written, compiled from its format:
/// - `default`: ISO 8601 as XML Schema has it. date YYYY-MM-DD; time hh:mm:ss with an optional fraction;
/// datetime both, joined by T,
///   then Z, +hh:mm, -hh:mm or nothing.
/// - `any`: what else cannot be misread, year first. Dates also YYYY/MM/DD, YYYY.MM.DD, YYYYMMDD; times also
/// hh:mm, hhmm, hhmmss and a
///   comma before the fraction; between them T, t or a space; offsets also z, +hhmm, +hh, -hhmm, -hh, "UTC",
///   and one space before an offset. Never day and month in an order that must be guessed.
/// - a pattern of strptime's directives %Y %m %d %H %M %S %f %y %b %B %j %p %I %z %Z %T %D %F %R %% and
/// literal characters.
///   Numbers may lack their leading zeros unless a number follows at once; %y is 1969 to 2068 (POSIX); month
///   names are English, short or full, in any case; %f is 1 to 6 digits; %Z is UTC or Z; %z is Z, +hh:mm or
///   +hhmm.
/// Second 60 and hour 24 are refused.
class TemporalFormat {
 public:
  /// `type` is Date, Time or Datetime. Fails with what is wrong in the pattern.
  static std::expected<TemporalFormat, std::string> make(Type type, std::string_view format);

  /// Reads all of `text`. When false, `trouble` says what exactly ("month 13"), or is empty when the form is
  /// another.
  bool read(std::string_view text, Moment& moment, std::string& trouble) const;
  /// The form for people: "YYYY-MM-DDTHH:MM:SSZ", "DD/MM/YYYY".
  std::string form() const;
  /// 2021-11-07T02:48:42Z, written so.
  std::string example() const;

 private:
  enum class Kind : std::uint8_t { Default, Any, Pattern };
  struct Item {
    char directive = 0;  ///< 0: a literal
    char literal = 0;
    bool fixed_width = false;
  };
  TemporalFormat(Type type, Kind kind) : type_(type), kind_(kind) {}
  std::string compile(std::string_view pattern);
  std::string why_not_complete() const;
  bool read_pattern(std::string_view text, Moment& moment, std::string& trouble) const;

  Type type_;
  Kind kind_;
  std::vector<Item> items_ = {};
};

/// What became of a moment on its way to the canonical text.
enum class MomentVerdict : std::uint8_t { Fine, FinerThanPrecision, OutOfYears };

/// Appends the canonical text of Cell: "2021-11-07", "02:48:42", "2021-11-07T02:48:42Z" with `precision`
/// digits of fraction; a datetime is converted to UTC, from `timezone_minutes` where it carries no offset.
MomentVerdict append_canonical(std::string& out, const Moment& moment, const Field& field);

int days_in_month(int year, int month);

/// A year as XML Schema's gYear: four digits or more, a minus before them; no needless zeros.
NumberVerdict read_year(std::string_view text, std::int64_t& year);
/// "2021-11", in the years 0001 to 9999 (XML Schema's gYearMonth without offset).
bool is_year_month(std::string_view text);

}  // namespace rowgate::table

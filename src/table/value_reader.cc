#include "table/value_reader.h"

#include "base/base64.h"
#include "base/text.h"
#include "table/json_values.h"
#include "table/value_format.h"
#include "table/values/durations.h"
#include "table/values/text_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace rowgate::table {
namespace {

bool is_temporal(Type type) {
  return type == Type::Date || type == Type::Time || type == Type::Datetime;
}

bool refuse(Refusal& refusal, Code code, std::string detail) {
  refusal = {code, std::move(detail)};
  return false;
}

/// Table Schema: "NaN", "INF" and "-INF", in any case.
std::optional<double> nonfinite(std::string_view text) {
  if (text.size() > 4 || text.size() < 3) return std::nullopt;
  const std::string word = lower_ascii(text);
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

JsonShape shape_of(const Field& field) {
  if (field.type == Type::Array) return JsonShape::Array;
  if (field.type == Type::Object) return JsonShape::Object;
  return field.format == "topojson" ? JsonShape::TopoJson : JsonShape::GeoJson;
}

std::string_view precision_unit(int precision) {
  return precision == 0 ? "seconds" : precision == 3 ? "milliseconds" : "microseconds";
}

}  // namespace

Cell integer_cell(std::int64_t value) {
  Cell cell;
  cell.integer = value;
  cell.kind = CellKind::Integer;
  return cell;
}

Cell real_cell(double value) {
  Cell cell;
  cell.real = value;
  cell.kind = CellKind::Real;
  return cell;
}

Cell text_cell(std::string_view text) {
  Cell cell;
  cell.text = text.data();
  cell.size = static_cast<std::uint32_t>(text.size());
  cell.kind = CellKind::Text;
  return cell;
}

Code not_of_type(const Field& field) {
  switch (field.type) {
    case Type::Integer:
      return Code::ValueNotInteger;
    case Type::Number:
      return Code::ValueNotNumber;
    case Type::Boolean:
      return Code::ValueNotBoolean;
    case Type::Date:
      return Code::ValueNotDate;
    case Type::Time:
      return Code::ValueNotTime;
    case Type::Datetime:
      return Code::ValueNotDatetime;
    case Type::Year:
      return Code::ValueNotYear;
    case Type::YearMonth:
      return Code::ValueNotYearmonth;
    case Type::Duration:
      return Code::ValueNotDuration;
    case Type::Object:
    case Type::Array:
    case Type::GeoJson:
      return Code::ValueNotJson;
    case Type::List:
      return Code::ValueNotList;
    case Type::GeoPoint:
      return Code::ValueNotGeopoint;
    case Type::String:
    case Type::Any:
      break;
  }
  return Code::ValueNotFormat;
}

ValueReader::ValueReader(const Field& field)
    : field_(field), form_{field.decimal_char, field.group_char, field.bare_number}, temporal_() {
  if (field.type == Type::Integer) form_.decimal_char = ".";
  if (field.type == Type::List)
    item_ = std::make_shared<ValueReader>(Field{.name = {}, .type = field.item_type});
  if (!is_temporal(field.type)) return;
  if (auto made = TemporalFormat::make(field.type, field.format)) temporal_ = *std::move(made);
}

bool ValueReader::read(std::string_view text, std::string& scratch, Cell& cell, Refusal& refusal) const {
  switch (field_.type) {
    case Type::Integer:
      return read_integer_cell(text, scratch, cell, refusal);
    case Type::Number:
      return read_number_cell(text, scratch, cell, refusal);
    case Type::String:
      return read_string_cell(text, scratch, cell, refusal);
    case Type::Boolean:
      return read_boolean_cell(text, cell, refusal);
    case Type::Date:
    case Type::Time:
    case Type::Datetime:
      return read_temporal_cell(text, scratch, cell, refusal);
    case Type::Year:
      return read_year_cell(text, cell, refusal);
    case Type::YearMonth:
    case Type::Duration:
    case Type::GeoPoint:
      return read_short_text_cell(text, scratch, cell, refusal);
    case Type::List:
      return read_list_cell(text, cell, refusal);
    case Type::Object:
    case Type::Array:
    case Type::GeoJson:
    case Type::Any:
      break;
  }
  cell = text_cell(text);
  if (field_.type == Type::Any) return true;
  std::string why = why_not_json(text, shape_of(field_));
  return why.empty() || refuse(refusal, Code::ValueNotJson, std::move(why));
}

bool ValueReader::read_year_cell(std::string_view text, Cell& cell, Refusal& refusal) const {
  std::int64_t year = 0;
  const NumberVerdict verdict = read_year(text, year);
  if (verdict == NumberVerdict::OutOfRange)
    return refuse(refusal, Code::ValueOutOfRange, "not within the years -32768 to 32767");
  if (verdict == NumberVerdict::NotNumber) return refuse(refusal, Code::ValueNotYear, {});
  cell = integer_cell(year);
  return true;
}

/// Types whose texts have at most 64 bytes, in every database.
bool ValueReader::read_short_text_cell(std::string_view text, std::string& scratch, Cell& cell,
                                       Refusal& refusal) const {
  constexpr std::size_t kMostBytes = 64;
  cell = text_cell(text);
  if (field_.type == Type::YearMonth)
    return is_year_month(text) || refuse(refusal, Code::ValueNotYearmonth, {});
  if (field_.type == Type::Duration) {
    Duration ignored;
    bool out_of_range = false;
    if (std::string why = read_duration(text, ignored, out_of_range); !why.empty())
      return refuse(refusal, out_of_range ? Code::ValueOutOfRange : Code::ValueNotDuration, std::move(why));
  } else {
    std::optional<GeoPoint> point = read_geopoint(text, field_.format);
    if (!point) return refuse(refusal, Code::ValueNotGeopoint, {});
    if (point->out_of_range)
      return refuse(refusal, Code::ValueOutOfRange, "longitudes are -180 to 180, latitudes -90 to 90");
    scratch = std::move(point->canonical);
    cell = text_cell(scratch);
  }
  return cell.size <= kMostBytes ||
         refuse(refusal, Code::ValueOutOfRange, fmt::format("longer than {} characters", kMostBytes));
}

bool ValueReader::read_list_cell(std::string_view text, Cell& cell, Refusal& refusal) const {
  std::string scratch;
  std::size_t number = 0;
  for (const std::string_view item : list_items(text, field_.delimiter)) {
    ++number;
    Refusal of_item;
    if (item_->read(item, scratch, cell, of_item)) continue;
    return refuse(
        refusal, Code::ValueNotList,
        fmt::format("item {}, `{}`, is not of the type {}", number, shown(item, 40), name(field_.item_type)));
  }
  cell = text_cell(text);
  return true;
}

bool ValueReader::read_integer_cell(std::string_view text, std::string& scratch, Cell& cell,
                                    Refusal& refusal) const {
  std::string_view plain = text;
  std::string why;
  if (!form_.bare || !form_.group_char.empty()) why = to_plain_number(text, form_, scratch, plain);
  std::int64_t value = 0;
  const NumberVerdict verdict = why.empty() ? read_integer(plain, value) : NumberVerdict::NotNumber;
  if (verdict == NumberVerdict::Fine) {
    cell = integer_cell(value);
    return true;
  }
  if (verdict == NumberVerdict::OutOfRange)
    return refuse(refusal, Code::ValueOutOfRange,
                  "beyond 64 bits (-9223372036854775808 to 9223372036854775807)");
  if (why == "no number") why.clear();
  return refuse(refusal, Code::ValueNotInteger, why);
}

bool ValueReader::read_number_cell(std::string_view text, std::string& scratch, Cell& cell,
                                   Refusal& refusal) const {
  if (const auto special = nonfinite(text)) {
    if (field_.accept_nonfinite && std::isnan(*special))  // SQLite would keep it as NULL, MySQL not at all
      return refuse(refusal, Code::ValueOutOfRange, "not every database can keep NaN");
    if (field_.accept_nonfinite) {
      cell = real_cell(*special);
      return true;
    }
    return refuse(refusal, Code::ValueNotNumber, "not finite; set rowgate:nonfinite to accept it");
  }
  std::string_view plain;
  if (std::string why = to_plain_number(text, form_, scratch, plain); !why.empty())
    return refuse(refusal, Code::ValueNotNumber, why == "no number" ? std::string() : why);
  if (field_.decimal) {
    std::string canonical;
    if (append_decimal(canonical, plain, *field_.decimal) != NumberVerdict::Fine) {
      return refuse(refusal, Code::ValueOutOfRange,
                    fmt::format("more than {} digits before or {} after the point",
                                field_.decimal->precision - field_.decimal->scale, field_.decimal->scale));
    }
    scratch = std::move(canonical);
    cell = text_cell(scratch);
    return true;
  }
  double value = 0;
  if (read_double(plain, value) != NumberVerdict::Fine) {
    std::string nearest_double;
    append_number(nearest_double, value);
    return refuse(
        refusal, Code::ValueOutOfRange,
        fmt::format("a double would make it {}; set rowgate:decimal to keep every digit", nearest_double));
  }
  cell = real_cell(value);
  return true;
}

bool ValueReader::read_string_cell(std::string_view text, std::string& scratch, Cell& cell,
                                   Refusal& refusal) const {
  cell = text_cell(text);
  if (field_.format == "default") return true;
  std::string why;
  if (field_.format == "uuid") {
    if (!is_uuid(text)) return refuse(refusal, Code::ValueNotFormat, "no UUID of 36 characters");
    scratch = lower_ascii(text);
    cell = text_cell(scratch);
    return true;
  }
  if (field_.format == "binary") {
    std::optional<std::string> bytes = base64_decode(text);
    if (!bytes) return refuse(refusal, Code::ValueNotFormat, "not base64 with its padding (RFC 4648)");
    scratch = *std::move(bytes);
    cell = text_cell(scratch);
    cell.kind = CellKind::Bytes;
    return true;
  }
  why = field_.format == "email" ? why_not_email(text) : why_not_uri(text);
  return why.empty() || refuse(refusal, Code::ValueNotFormat, std::move(why));
}

bool ValueReader::read_boolean_cell(std::string_view text, Cell& cell, Refusal& refusal) const {
  const auto among = [&](const std::vector<std::string>& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  const bool yes = among(field_.true_values);
  if (!yes && !among(field_.false_values)) return refuse(refusal, Code::ValueNotBoolean, {});
  cell = integer_cell(yes ? 1 : 0);
  return true;
}

bool ValueReader::read_temporal_cell(std::string_view text, std::string& scratch, Cell& cell,
                                     Refusal& refusal) const {
  Moment moment;
  std::string trouble;
  if (!temporal_ || !temporal_->read(text, moment, trouble))
    return refuse(refusal, not_of_type(field_), trouble);
  scratch.clear();
  switch (append_canonical(scratch, moment, field_)) {
    case MomentVerdict::Fine:
      cell = text_cell(scratch);
      return true;
    case MomentVerdict::OutOfYears:
      return refuse(refusal, Code::ValueOutOfRange, "not within the years 0001 to 9999 in UTC");
    case MomentVerdict::FinerThanPrecision:
      break;
  }
  return refuse(refusal, Code::ValueOutOfRange,
                fmt::format("finer than {}{}", precision_unit(field_.precision),
                            field_.precision == 6 ? "" : "; set rowgate:precision"));
}

std::vector<std::string_view> list_items(std::string_view text, std::string_view delimiter) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const std::size_t end = text.find(delimiter);
    items.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + delimiter.size());
    if (text.empty()) items.push_back(text);  // behind the last delimiter
  }
  return items;
}

int compare(const Cell& left, const Cell& right, const Field& field) {
  if (left.kind == CellKind::Integer)
    return left.integer < right.integer ? -1 : left.integer > right.integer ? 1 : 0;
  if (left.kind == CellKind::Real) {
    if (std::isnan(left.real) || std::isnan(right.real)) return 2;
    return left.real < right.real ? -1 : left.real > right.real ? 1 : 0;
  }
  if (field.decimal) return compare_decimals(left.view(), right.view());
  if (field.is_json() && same_json(left.view(), right.view())) return 0;
  if (field.type == Type::Duration) {
    Duration of_left, of_right;
    bool ignored = false;
    (void)read_duration(left.view(), of_left, ignored);
    (void)read_duration(right.view(), of_right, ignored);
    return compare(of_left, of_right);
  }
  const int order = left.view().compare(right.view());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool read_constraint(const Field& field, std::string_view text, std::string& scratch, Cell& cell,
                     Refusal& refusal) {
  if (ValueReader(field).read(text, scratch, cell, refusal)) return true;
  Field by_default;
  by_default.type = field.type;
  by_default.decimal = field.decimal;
  by_default.precision = field.precision;
  by_default.timezone_minutes = field.timezone_minutes;
  by_default.delimiter = field.delimiter;
  by_default.item_type = field.item_type;
  if (field.type == Type::String || field.type == Type::GeoJson) by_default.format = field.format;
  Refusal ignored;
  return ValueReader(by_default).read(text, scratch, cell, ignored);
}

}  // namespace rowgate::table

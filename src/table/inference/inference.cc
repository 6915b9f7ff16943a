// Each value is put into the set of the types that it fits; a column counts, for each such set, its values
// and keeps the line of the first. Beside them it keeps its shapes: in how many ways its values are written
// (how many digits follow the point, which words, which offset). The narrowest type that every set has is the
// column's, if its texts come back from it: if they all have one shape, or one printer of numbers writes them
// all. A type that few values are against is worth a note, and so is one that only the shapes are against.
// Sums, minima and intersections join threads in any order.

#include "table/inference/inference.h"

#include "base/text.h"
#include "table/fast_values.h"
#include "table/form.h"
#include "table/numbers.h"
#include "table/structure.h"
#include "table/temporal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace rowgate::table {
namespace {

/// From narrow to wide; what fits none of them is a string.
constexpr std::array kCandidates = {Type::Integer, Type::Number, Type::Boolean, Type::Date, Type::Datetime};
constexpr std::uint64_t kNoLine = std::numeric_limits<std::uint64_t>::max();

/// Which of the candidates a value fits, as bits in their order.
using Types = std::uint8_t;
constexpr Types kInteger = 1, kNumber = 2, kBoolean = 4, kDate = 8, kDatetime = 16;

/// How many values fit the same candidates, and where the first of them stands.
struct Tally {
  std::uint64_t count = 0, first_line = kNoLine;
};

/// How a value is written, apart from what it says: the digits behind the point of a number, the style of a
/// boolean's words, the digits of a second and the offset of a datetime. Equal for what is written alike.
using Shape = std::uint32_t;
constexpr Shape kNoShape = std::numeric_limits<Shape>::max();
constexpr Shape kExponent = 1 << 16;    ///< of all numbers with an exponent
constexpr Shape kWordShapes = 1 << 17;  ///< + 0, 1 or 2
constexpr Shape kMoments = 1 << 18;     ///< + digits + 8 * offset

/// The shapes of a column, as many as are worth telling.
class Shapes {
 public:
  void see(Shape shape, std::uint64_t line) {
    if (shape == last_) return;
    last_ = shape;
    add({shape, line});
  }
  /// What was seen last may be seen again in an earlier line.
  void begin_batch() { last_ = kNoShape; }
  void merge(const Shapes& other) {
    for (const Seen& seen : other.seen_) add(seen);
  }
  bool is_one() const { return seen_.size() == 1; }
  /// Of a column with values.
  Shape first() const { return seen_.front().shape; }
  /// Where the first shapes begin: two lines, or one.
  std::vector<std::uint64_t> lines() const {
    std::vector<std::uint64_t> lines;
    for (const Seen& seen : seen_) lines.push_back(seen.first_line);
    lines.resize(std::min<std::size_t>(lines.size(), 2));
    return lines;
  }

 private:
  /// A column of many shapes is a text whatever comes. What is dropped begins behind all that is kept, so the
  /// first ones are the same in whatever order parts are joined.
  static constexpr std::size_t kMost = 8;
  struct Seen {
    Shape shape;
    std::uint64_t first_line;
  };

  void add(const Seen& seen) {
    const auto same = std::ranges::find(seen_, seen.shape, &Seen::shape);
    if (same == seen_.end())
      seen_.push_back(seen);
    else
      same->first_line = std::min(same->first_line, seen.first_line);
    std::ranges::sort(seen_, {}, [](const Seen& one) { return std::pair(one.first_line, one.shape); });
    if (seen_.size() > kMost) seen_.pop_back();
  }

  Shape last_ = kNoShape;
  std::vector<Seen> seen_;
};

struct ColumnCount {
  std::uint64_t values = 0;  ///< not empty
  std::array<Tally, 1 << kCandidates.size()> by_types = {};
  Shapes shapes;
  Printers printers = kAllPrinters;  ///< that write every value, if all are numbers
  bool is_fixed = true;              ///< every value is a decimal number without exponent, not -0
  std::size_t whole_digits = 0;      ///< the most before the point

  void add(Types types, std::uint64_t line) {
    ++values;
    Tally& tally = by_types[types];
    ++tally.count;
    tally.first_line = std::min(tally.first_line, line);
  }
  void merge(const ColumnCount& other) {
    values += other.values;
    for (std::size_t i = 0; i < by_types.size(); ++i) {
      by_types[i].count += other.by_types[i].count;
      by_types[i].first_line = std::min(by_types[i].first_line, other.by_types[i].first_line);
    }
    shapes.merge(other.shapes);
    printers &= other.printers;
    is_fixed = is_fixed && other.is_fixed;
    whole_digits = std::max(whole_digits, other.whole_digits);
  }
  /// The values that do not fit a candidate.
  Tally misfits(std::size_t candidate) const {
    Tally sum;
    for (std::size_t types = 0; types < by_types.size(); ++types) {
      if ((types >> candidate & 1) != 0) continue;
      sum.count += by_types[types].count;
      sum.first_line = std::min(sum.first_line, by_types[types].first_line);
    }
    return sum;
  }
  bool all_fit(Type type) const {
    const auto candidate = std::ranges::find(kCandidates, type) - kCandidates.begin();
    return misfits(static_cast<std::size_t>(candidate)).count == 0;
  }
};

/// The parts of "0", "-7", "12.50", "1e6": no plus, no leading zeros, digits on both sides of the point.
struct CautiousNumber {
  std::size_t whole = 0, fraction = 0;  ///< digits
  bool has_exponent = false;
  bool is_minus_zero = false;
};
std::optional<CautiousNumber> cautious_number(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  CautiousNumber number;
  const std::size_t whole_at = i;
  number.whole = digits();
  if (number.whole == 0 || (number.whole > 1 && text[whole_at] == '0')) return std::nullopt;
  if (i < text.size() && text[i] == '.') {
    ++i;
    number.fraction = digits();
    if (number.fraction == 0) return std::nullopt;
  }
  number.is_minus_zero = text[0] == '-' && text.substr(0, i).find_first_not_of("-0.") == text.npos;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return std::nullopt;
    number.has_exponent = true;
  }
  return i == text.size() ? std::optional(number) : std::nullopt;
}

bool survives_a_double(std::string_view text) {
  double value = 0;
  return read_double(text, value) == NumberVerdict::Fine;
}

/// Who writes a short integer so: those who write no point. std::to_chars takes the shorter of "100000" and
/// "1e+05".
Printers printers_of_integer(std::string_view text) {
  constexpr Printers kWhole = bit(Printer::Canonical) | bit(Printer::JavaScript);
  if (text.size() <= 5 || text.back() != '0') return kWhole | bit(Printer::Cpp);
  return kWhole | printers_of(text, bit(Printer::Cpp));
}

/// Most numbers have a few digits and no exponent: of these, how they end tells who writes them so.
Printers printers_of_number(std::string_view text, const CautiousNumber& number, Printers among) {
  constexpr std::size_t kFewestSmall = 3;  ///< beyond 0.00 some have exponents
  const bool is_plain = !number.has_exponent && !number.is_minus_zero && number.fraction > 0 &&
                        number.whole + number.fraction <= kDoubleDigits && number.whole <= 7 &&
                        (number.fraction <= kFewestSmall || text[text[0] == '-' ? 1 : 0] != '0');
  if (!is_plain) return printers_of(text, among);
  if (text.back() != '0') return among;
  const Printers pointed = bit(Printer::Python) | bit(Printer::Java);
  return number.fraction == 1 ? among & pointed : 0;
}

/// 0, 1 or 2 for the styles of true and false.
std::optional<Shape> word_style(std::string_view text) {
  constexpr std::array<std::string_view, 6> kAll = {"true", "True", "TRUE", "false", "False", "FALSE"};
  const auto found = std::ranges::find(kAll, text);
  if (found == kAll.end()) return std::nullopt;
  return static_cast<Shape>((found - kAll.begin()) % 3);
}
constexpr std::array<std::string_view, 3> kWordForms = {"", "True/False", "TRUE/FALSE"};

/// Of "", "Z" and "+hh:mm" a small number each.
Shape offset_shape(std::string_view offset) {
  if (offset.empty()) return 0;
  if (offset == "Z") return 1;
  const auto digit = [&](std::size_t i) { return static_cast<Shape>(offset[i] - '0'); };
  const Shape minutes = (digit(1) * 10 + digit(2)) * 60 + digit(4) * 10 + digit(5);
  return 2 + 2 * minutes + (offset[0] == '-' ? 1 : 0);
}
std::string offset_of(Shape shape) {
  if (shape < 2) return shape == 0 ? "" : "Z";
  const Shape minutes = (shape - 2) / 2;
  return fmt::format("{}{:02}:{:02}", shape % 2 == 0 ? '+' : '-', minutes / 60, minutes % 60);
}
Shape shape_of(const DatetimeForm& form) {
  return kMoments + static_cast<Shape>(form.digits) + 8 * offset_shape(form.offset);
}
DatetimeForm datetime_form(Shape shape) {
  return {.digits = static_cast<int>((shape - kMoments) % 8), .offset = offset_of((shape - kMoments) / 8)};
}

}  // namespace

struct Inference::State {
  explicit State(std::size_t count)
      : columns(count),
        date(*TemporalFormat::make(Type::Date, "default")),
        datetime(*TemporalFormat::make(Type::Datetime, "default")) {}

  Types types_of(std::string_view text, std::uint64_t line, ColumnCount& column);
  Types number_types(std::string_view text, std::uint64_t line, ColumnCount& column);
  Types temporal_types(std::string_view text, std::uint64_t line, ColumnCount& column);

  std::vector<ColumnCount> columns;
  std::uint64_t records = 0;
  TemporalFormat date, datetime;
  const Field finest{.name = {}, .type = Type::Datetime, .precision = 6};
  Structure structure;
  Moment moment;
  std::string scratch;
};

Types Inference::State::types_of(std::string_view text, std::uint64_t line, ColumnCount& column) {
  const char first = text[0];
  const bool digit = first >= '0' && first <= '9';
  if (!digit && first != '-') {
    column.is_fixed = false;
    const std::optional<Shape> style = word_style(text);
    if (style) column.shapes.see(kWordShapes + *style, line);
    return style ? kBoolean : 0;
  }
  if (text.size() >= 10 && text[4] == '-') {
    column.is_fixed = false;
    return temporal_types(text, line, column);
  }
  return number_types(text, line, column);
}

/// Integer and Number, as far as `text`, which begins with a digit or a minus, is one.
Types Inference::State::number_types(std::string_view text, std::uint64_t line, ColumnCount& column) {
  std::int64_t value = 0;
  if (kFastValues && text.size() <= kDoubleDigits && read_short_integer(text.data(), text.size(), value)) {
    column.is_fixed = false;
    const bool leading_zero = text.size() > 1 && (text[0] == '0' || text.starts_with("-0"));
    if (leading_zero) return 0;
    column.printers &= printers_of_integer(text);
    column.shapes.see(0, line);
    return kInteger | kNumber;
  }

  const std::optional<CautiousNumber> number = cautious_number(text);
  if (!number || text == "-0") {
    column.is_fixed = false;
    return 0;
  }
  if (column.printers != 0) column.printers = printers_of_number(text, *number, column.printers);
  column.is_fixed =
      column.is_fixed && number->fraction > 0 && !number->has_exponent && !number->is_minus_zero;
  column.whole_digits = std::max(column.whole_digits, number->whole);
  const auto fraction = static_cast<Shape>(std::min<std::size_t>(number->fraction, kExponent - 1));
  column.shapes.see(number->has_exponent ? kExponent : fraction, line);

  const bool is_short = !number->has_exponent && number->whole + number->fraction <= kDoubleDigits;
  Types types = is_short || survives_a_double(text) ? kNumber : 0;
  const bool whole = number->fraction == 0 && !number->has_exponent;
  if (whole && read_integer(text, value) == NumberVerdict::Fine) types |= kInteger;
  return types;
}

Types Inference::State::temporal_types(std::string_view text, std::uint64_t line, ColumnCount& column) {
  if (kFastValues && text.size() == 20 && is_utc_second(text.data())) {
    static const Shape utc_second = shape_of({.digits = 0, .offset = "Z"});
    column.shapes.see(utc_second, line);
    return kDatetime;
  }
  if (text.size() == 10) return date.read(text, moment, scratch) ? kDate : 0;

  scratch.clear();
  if (!datetime.read(text, moment, scratch) || moment.finer) return 0;
  const std::optional<DatetimeForm> form = DatetimeForm::of(text);
  if (!form) return 0;
  // Only the first and the last day of all years can leave them by their offset.
  const bool far_from_the_end = moment.year > 1 && moment.year < 9999;
  scratch.clear();
  if (!far_from_the_end && append_canonical(scratch, moment, finest) != MomentVerdict::Fine) return 0;
  column.shapes.see(shape_of(*form), line);
  return kDatetime;
}

Inference::Inference(std::size_t columns) : state_(std::make_unique<State>(columns)) {}
Inference::~Inference() = default;
Inference::Inference(Inference&&) noexcept = default;
Inference& Inference::operator=(Inference&&) noexcept = default;

void Inference::observe(const csv::RecordBatch& records) {
  State& state = *state_;
  judge_structure(records, state.columns.size(), {}, state.structure);
  state.records += state.structure.sound.size();
  for (std::size_t c = 0; c < state.columns.size(); ++c) {
    ColumnCount& column = state.columns[c];
    column.shapes.begin_batch();
    for (const std::uint32_t record : state.structure.sound) {
      const std::string_view text = records.inner(record, c);
      if (text.empty()) continue;
      if (records.has_doubled(record, c)) {
        column.add(0, records.line[record]);  // with a quote in it: no type but string
        column.is_fixed = false;
        continue;
      }
      const std::uint64_t line = records.line[record];
      column.add(state.types_of(text, line, column), line);
    }
  }
}

void Inference::merge(const Inference& other) {
  state_->records += other.state_->records;
  for (std::size_t i = 0; i < state_->columns.size(); ++i) state_->columns[i].merge(other.state_->columns[i]);
}

namespace {

constexpr int kDecimalDigits = 38;  ///< the most of rowgate:decimal

/// A number of decimals that all values have. One alone is what some printers of doubles write of whole
/// numbers ("25.0").
std::optional<Decimal> decimal_of(const ColumnCount& column) {
  if (!column.is_fixed || !column.shapes.is_one()) return std::nullopt;
  const std::size_t scale = column.shapes.first(), needed = column.whole_digits + scale;
  if (needed > kDecimalDigits || (scale == 1 && column.printers != 0)) return std::nullopt;
  // There is room for larger numbers than those of the file, as far as no engine needs a text for them.
  return Decimal{.precision = needed <= kDoubleDigits ? kDoubleDigits : kDecimalDigits,
                 .scale = static_cast<int>(scale)};
}

std::optional<Printer> first_printer(const ColumnCount& column) {
  if (!column.all_fit(Type::Number)) return std::nullopt;
  for (const Printer printer : kPrinters)
    if ((column.printers & bit(printer)) != 0) return printer;
  return std::nullopt;
}

/// Sets the type and what belongs to it.
void set_type(Field& field, const ColumnCount& column) {
  field.type = Type::String;
  if (column.values == 0) return;
  if (column.all_fit(Type::Integer)) {
    field.type = Type::Integer;
  } else if (const std::optional<Decimal> decimal = decimal_of(column)) {
    field.type = Type::Number;
    field.decimal = decimal;
  } else if (const std::optional<Printer> printer = first_printer(column)) {
    field.type = Type::Number;
    field.form = name(*printer);
  } else if (column.all_fit(Type::Date)) {
    field.type = Type::Date;
  } else if (column.shapes.is_one() && column.all_fit(Type::Boolean)) {
    field.type = Type::Boolean;
    field.form = kWordForms[column.shapes.first() - kWordShapes];
  } else if (column.shapes.is_one() && column.all_fit(Type::Datetime)) {
    const DatetimeForm form = datetime_form(column.shapes.first());
    field.type = Type::Datetime;
    field.precision = form.precision();
    if (!form.is_canonical()) field.form = form.text();
  }
}

/// What an inference can have made of a column: all else is as it is by itself.
bool can_be_inferred(const Field& field) {
  Field made{.name = field.name, .type = field.type};
  made.precision = field.precision;
  made.decimal = field.decimal;
  made.form = field.form;
  made.aliases = field.aliases;
  TableSchema one{.fields = {field}}, other{.fields = {made}};
  return to_json(one) == to_json(other);
}

/// Whether every value goes into the field, which was made of another file, and comes back as it is written.
/// `made` is what this file alone would make of the column.
bool takes_unchanged(const Field& field, const Field& made, const ColumnCount& column) {
  if (column.values == 0 || field.type == Type::String) return true;
  if (field.type == Type::Number && field.decimal)
    return column.is_fixed && column.shapes.is_one() &&
           static_cast<int>(column.shapes.first()) == field.decimal->scale &&
           static_cast<int>(column.whole_digits) <= field.decimal->precision - field.decimal->scale;
  if (field.type == Type::Number)
    return column.all_fit(Type::Number) &&
           (column.printers & bit(printer_of(field.form).value_or(Printer::Canonical))) != 0;
  return field.type == made.type && field.form == made.form && field.precision == made.precision;
}

/// The type that a column nearly has: at most one value in twenty is against it.
struct NearMiss {
  Type type;
  Tally misfits;
};
std::optional<NearMiss> near_miss(const Field& field, const ColumnCount& column) {
  std::optional<NearMiss> best;
  for (std::size_t i = 0; i < kCandidates.size() && kCandidates[i] != field.type; ++i) {
    const Tally misfits = column.misfits(i);
    const bool few = misfits.count > 0 && misfits.count * 20 <= column.values;
    if (few && (!best || misfits.count < best->misfits.count)) best = NearMiss{kCandidates[i], misfits};
  }
  return best;
}

/// The type that every value fits, of a column that is text only since it is written in several ways.
std::optional<Type> mixed_type(const Field& field, const ColumnCount& column) {
  if (field.type != Type::String || column.values == 0) return std::nullopt;
  for (const Type type : kCandidates)
    if (column.all_fit(type)) return type;
  return std::nullopt;
}

std::vector<std::string> notes_of(const Field& field, const ColumnCount& column) {
  std::vector<std::string> notes;
  if (const std::optional<Type> type = mixed_type(field, column)) {
    const std::vector<std::uint64_t> lines = column.shapes.lines();
    notes.push_back(fmt::format(
        "{}: every value fits the type {}, but {}, so it stays text; `type: {}` in a schema makes {} of it",
        field.name, name(*type),
        lines.size() == 1 ? std::string("no known form gives its texts back")
                          : fmt::format("they are written in more than one way, as in lines {} and {}",
                                        grouped(lines[0]), grouped(lines[1])),
        name(*type), *type == Type::Number ? "numbers" : fmt::format("{}s", name(*type))));
  } else if (const std::optional<NearMiss> near = near_miss(field, column)) {
    notes.push_back(fmt::format("{}: {} of {} values {} it from {}, first in line {}", field.name,
                                grouped(near->misfits.count), grouped(column.values),
                                near->misfits.count == 1 ? "keeps" : "keep", name(near->type),
                                grouped(near->misfits.first_line)));
  }
  const bool has_form = column.values > 0 && field.type == Type::Datetime && !field.form.empty();
  if (has_form && datetime_form(column.shapes.first()).offset.empty())
    notes.push_back(
        fmt::format("{}: its datetimes carry no offset and are kept as UTC; another one is given by "
                    "`rowgate:timezone` in a schema",
                    field.name));
  return notes;
}

constexpr std::size_t kLongestName = 63;

/// A name that a field may have, as near to the header's as can be.
std::string field_name(std::string_view header, std::size_t number) {
  std::string name;
  for (const char c : header) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty()) name = fmt::format("field{}", number);
  name.resize(std::min(name.size(), kLongestName));
  if (!why_not_a_name(name, true).empty()) name = ("c_" + name).substr(0, kLongestName);
  return name;
}

/// Names for all columns. What can stay as it is in the header does, whatever comes before it: if "Full Name"
/// took the name Full_Name from a column that is called so, the alias of that column would be the name of
/// another field.
class FieldNames {
 public:
  /// `kept` has the names that are not to change, empty for the others.
  FieldNames(const std::vector<std::string_view>& headers, std::vector<std::string> kept)
      : names_(std::move(kept)) {
    for (const std::string& name : names_)
      if (!name.empty()) take(name);
    for (std::size_t i = 0; i < headers.size(); ++i)
      if (names_[i].empty() && why_not_a_name(headers[i], true).empty() && take(std::string(headers[i])))
        names_[i] = headers[i];
    for (std::size_t i = 0; i < headers.size(); ++i)
      if (names_[i].empty()) names_[i] = distinct(field_name(headers[i], i + 1));
  }
  std::string& operator[](std::size_t column) { return names_[column]; }

 private:
  bool take(const std::string& name) { return taken_.insert(lower_ascii(name)).second; }

  /// `name`, or with the first number that makes it another than those before.
  std::string distinct(const std::string& name) {
    if (take(name)) return name;
    int& number = last_number_.try_emplace(lower_ascii(name), 1).first->second;
    for (;;) {
      const std::string ending = fmt::format("_{}", ++number);
      const std::string candidate = name.substr(0, kLongestName - ending.size()) + ending;
      if (take(candidate)) return candidate;
    }
  }

  std::vector<std::string> names_;
  std::set<std::string> taken_;             ///< in lower case
  std::map<std::string, int> last_number_;  ///< by name in lower case; else many alike would be slow
};

}  // namespace

namespace {

/// The field of `before` that each column was, or null. A name means its own field, an alias only where no
/// column has that field's name.
std::vector<const Field*> fields_before(const std::vector<std::string_view>& headers,
                                        const TableSchema* before) {
  std::vector<const Field*> found(headers.size(), nullptr);
  if (before == nullptr) return found;
  std::map<std::string_view, const Field*> by_alias;
  for (const Field& field : before->fields)
    for (const std::string& alias : field.aliases) by_alias.try_emplace(alias, &field);
  std::set<const Field*> taken;
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (const auto index = before->index_of(headers[i]);
        index && taken.insert(&before->fields[*index]).second)
      found[i] = &before->fields[*index];
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (const auto alias = by_alias.find(headers[i]);
        found[i] == nullptr && alias != by_alias.end() && taken.insert(alias->second).second)
      found[i] = alias->second;
  return found;
}

}  // namespace

Inference::Outcome Inference::finish(const csv::Opening& opening, const TableSchema* before) const {
  Outcome outcome{.records = state_->records};
  std::vector<std::string_view> headers(state_->columns.size());
  for (std::size_t i = 0; i < std::min(headers.size(), opening.header.size()); ++i)
    headers[i] = trim_spaces(opening.header[i]);
  const std::vector<const Field*> known = fields_before(headers, before);
  std::vector<std::string> kept(headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (known[i] != nullptr) kept[i] = known[i]->name;
  FieldNames names(headers, std::move(kept));

  for (std::size_t i = 0; i < headers.size(); ++i) {
    const ColumnCount& column = state_->columns[i];
    Field field{.name = std::move(names[i])};
    set_type(field, column);
    if (known[i] != nullptr && can_be_inferred(*known[i]) && takes_unchanged(*known[i], field, column)) {
      field.type = known[i]->type;
      field.form = known[i]->form;
      field.decimal = known[i]->decimal;
      field.precision = known[i]->precision;
    }
    if (const std::string own(headers[i]); !own.empty() && own != field.name) {
      field.aliases.push_back(own);
      outcome.notes.push_back(fmt::format("column '{}' becomes field {}", shown(own), field.name));
    }
    std::ranges::move(notes_of(field, column), std::back_inserter(outcome.notes));
    outcome.schema.fields.push_back(std::move(field));
  }
  return outcome;
}

}  // namespace rowgate::table

// Each value is put into the set of the types that it fits; a column counts, for each such set, its values
// and keeps the line of the first. That is all: the narrowest type that every set has is the column's, and a
// type that few values are against is worth a note. Sums and minima join threads in any order.

#include "table/inference.h"

#include "base/text.h"
#include "table/fast_values.h"
#include "table/numbers.h"
#include "table/structure.h"
#include "table/temporal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

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

struct ColumnCount {
  std::uint64_t values = 0;  ///< not empty
  std::array<Tally, 1 << kCandidates.size()> by_types = {};
  int fraction_digits = 0;  ///< the most that a datetime has

  void add(Types types, std::uint64_t line) {
    ++values;
    Tally& tally = by_types[types];
    if (tally.count++ == 0) tally.first_line = line;
  }
  void merge(const ColumnCount& other) {
    values += other.values;
    for (std::size_t i = 0; i < by_types.size(); ++i) {
      by_types[i].count += other.by_types[i].count;
      by_types[i].first_line = std::min(by_types[i].first_line, other.by_types[i].first_line);
    }
    fraction_digits = std::max(fraction_digits, other.fraction_digits);
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
};

/// "0", "-7", "12.50", "1e6": no plus, no leading zeros, digits on both sides of the point.
bool is_cautious_number(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  const std::size_t whole_at = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool survives_a_double(std::string_view text) {
  double value = 0;
  return read_double(text, value) == NumberVerdict::Fine;
}

/// Integer and Number, as far as `text`, which begins with a digit or a minus, is one.
Types number_types(std::string_view text) {
  std::int64_t value = 0;
  if (kFastValues && text.size() <= 15 && read_short_integer(text.data(), text.size(), value)) {
    const bool leading_zero = text.size() > 1 && (text[0] == '0' || text.starts_with("-0"));
    return leading_zero ? 0 : kInteger | kNumber;
  }
  if (!is_cautious_number(text) || text == "-0") return 0;
  const bool whole = text.find_first_of(".eE") == std::string_view::npos;
  Types types = survives_a_double(text) ? kNumber : 0;
  if (whole && read_integer(text, value) == NumberVerdict::Fine) types |= kInteger;
  return types;
}

bool is_boolean_word(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWords = {"true", "True", "TRUE", "false", "False", "FALSE"};
  return std::ranges::find(kWords, text) != kWords.end();
}

int digits_needed(int micros) {
  return micros == 0 ? 0 : micros % 1000 == 0 ? 3 : 6;
}

}  // namespace

struct Inference::State {
  explicit State(std::size_t count)
      : columns(count),
        date(*TemporalFormat::make(Type::Date, "default")),
        datetime(*TemporalFormat::make(Type::Datetime, "default")) {}

  Types types_of(std::string_view text, ColumnCount& column);
  Types temporal_types(std::string_view text, ColumnCount& column);

  std::vector<ColumnCount> columns;
  std::uint64_t records = 0;
  TemporalFormat date, datetime;
  const Field finest{.name = {}, .type = Type::Datetime, .precision = 6};
  Structure structure;
  Moment moment;
  std::string scratch;
};

Types Inference::State::types_of(std::string_view text, ColumnCount& column) {
  const char first = text[0];
  const bool digit = first >= '0' && first <= '9';
  if (!digit && first != '-') return is_boolean_word(text) ? kBoolean : 0;
  if (text.size() >= 10 && text[4] == '-') return temporal_types(text, column);
  return number_types(text);
}

Types Inference::State::temporal_types(std::string_view text, ColumnCount& column) {
  if (kFastValues && text.size() == 20 && is_utc_second(text.data())) return kDatetime;
  if (text.size() == 10) return date.read(text, moment, scratch) ? kDate : 0;
  scratch.clear();
  if (!datetime.read(text, moment, scratch) || moment.finer) return 0;
  // Only the first and the last day of all years can leave them by their offset.
  const bool far_from_the_end = moment.year > 1 && moment.year < 9999;
  scratch.clear();
  if (!far_from_the_end && append_canonical(scratch, moment, finest) != MomentVerdict::Fine) return 0;
  column.fraction_digits = std::max(column.fraction_digits, digits_needed(moment.micros));
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
    for (const std::uint32_t record : state.structure.sound) {
      const std::string_view text = records.inner(record, c);
      if (text.empty()) continue;
      if (records.has_doubled(record, c)) {
        column.add(0, records.line[record]);  // with a quote in it: no type but string
        continue;
      }
      column.add(state.types_of(text, column), records.line[record]);
    }
  }
}

void Inference::merge(const Inference& other) {
  state_->records += other.state_->records;
  for (std::size_t i = 0; i < state_->columns.size(); ++i) state_->columns[i].merge(other.state_->columns[i]);
}

namespace {

Type type_of(const ColumnCount& column) {
  for (std::size_t i = 0; column.values > 0 && i < kCandidates.size(); ++i)
    if (column.misfits(i).count == 0) return kCandidates[i];
  return Type::String;
}

/// The type that a column nearly has: at most one value in twenty is against it.
struct NearMiss {
  Type type;
  Tally misfits;
};
std::optional<NearMiss> near_miss(const ColumnCount& column) {
  std::optional<NearMiss> best;
  for (std::size_t i = 0; i < kCandidates.size(); ++i) {
    const Tally misfits = column.misfits(i);
    if (misfits.count == 0) return best;  // the column's own type; what follows is wider
    const bool few = misfits.count * 20 <= column.values;
    if (few && (!best || misfits.count < best->misfits.count)) best = NearMiss{kCandidates[i], misfits};
  }
  return best;
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
  explicit FieldNames(const std::vector<std::string_view>& headers) : names_(headers.size()) {
    for (std::size_t i = 0; i < headers.size(); ++i)
      if (why_not_a_name(headers[i], true).empty() && take(std::string(headers[i]))) names_[i] = headers[i];
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

Inference::Outcome Inference::finish(const csv::Opening& opening) const {
  Outcome outcome{.records = state_->records};
  std::vector<std::string_view> headers(state_->columns.size());
  for (std::size_t i = 0; i < std::min(headers.size(), opening.header.size()); ++i)
    headers[i] = trim_spaces(opening.header[i]);
  FieldNames names(headers);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const ColumnCount& column = state_->columns[i];
    Field field{.name = std::move(names[i]), .type = type_of(column)};
    if (const std::string own(headers[i]); !own.empty() && own != field.name) {
      field.aliases.push_back(own);
      outcome.notes.push_back(fmt::format("column '{}' becomes field {}", shown(own), field.name));
    }
    if (field.type == Type::Datetime) field.precision = column.fraction_digits;
    if (const std::optional<NearMiss> near = near_miss(column))
      outcome.notes.push_back(fmt::format("{}: {} of {} values {} it from {}, first in line {}", field.name,
                                          grouped(near->misfits.count), grouped(column.values),
                                          near->misfits.count == 1 ? "keeps" : "keep", name(near->type),
                                          grouped(near->misfits.first_line)));
    outcome.schema.fields.push_back(std::move(field));
  }
  return outcome;
}

}  // namespace rowgate::table

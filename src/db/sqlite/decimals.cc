#include "db/sqlite/decimals.h"

#include "table/numbers.h"
#include "table/value_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace rowgate::db::sqlite {
namespace {

constexpr std::int64_t kLimb = 1'000'000'000;
constexpr int kLimbDigits = 9;
constexpr int kWholeLimbs = 7,
              kFractionLimbs = 5;  ///< 63 and 45 digits: more than any decimal, times all rows
constexpr int kLimbs = kWholeLimbs + kFractionLimbs;

using Limbs = std::array<std::int64_t, kLimbs>;  ///< the highest first

/// A sum under way. Zeroed memory of SQLite's is an empty one.
struct Sum {
  Limbs limbs;  ///< each with a sign of its own, carried only at the end
  std::uint64_t count;
  bool has_others;  ///< values that are no integers
  bool is_rough;    ///< a value was no decimal: `rough` counts
  double rough;
};

/// The limbs of `number` times `sign` onto those of the sum; false where it has too many digits.
bool add(Limbs& limbs, const table::Digits& number, std::int64_t sign) {
  const auto size = static_cast<std::int64_t>(number.digits.size());
  if (number.point > kWholeLimbs * kLimbDigits - kLimbDigits ||
      size - number.point > std::int64_t{kFractionLimbs} * kLimbDigits)
    return false;
  static constexpr std::array<std::int64_t, kLimbDigits> kPowers = {
      100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  const std::int64_t first = kWholeLimbs * kLimbDigits - number.point;  // place of the first digit
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t place = first + i;
    const std::int64_t digit = number.digits[static_cast<std::size_t>(i)] - '0';
    limbs[static_cast<std::size_t>(place / kLimbDigits)] +=
        (number.negative ? -sign : sign) * digit * kPowers[static_cast<std::size_t>(place % kLimbDigits)];
  }
  return true;
}

/// Brings all limbs to one sign, each below kLimb; tells whether the sum is negative.
bool carry(Limbs& limbs) {
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = kLimbs - 1; i > 0; --i) {
      std::int64_t over = limbs[i] / kLimb;
      if (limbs[i] % kLimb < 0) --over;
      limbs[i] -= over * kLimb;
      limbs[i - 1] += over;
    }
    if (limbs[0] >= 0) return round == 1;
    for (std::int64_t& limb : limbs) limb = -limb;
  }
  return true;
}

/// "123.45", without needless zeros.
std::string text_of(Limbs limbs) {
  const bool negative = carry(limbs);
  std::string digits;
  for (const std::int64_t limb : limbs) {
    const std::string part = std::to_string(limb);
    digits += std::string(kLimbDigits - part.size(), '0') + part;
  }
  constexpr std::size_t kPoint = std::size_t{kWholeLimbs} * kLimbDigits;
  std::string text = digits.substr(0, kPoint) + "." + digits.substr(kPoint);
  text.erase(0, std::min(text.find_first_not_of('0'), kPoint - 1));
  if (text.starts_with('.')) text.insert(0, 1, '0');
  text.resize(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return negative && text != "0" ? "-" + text : text;
}

double nearest(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The quotient to more places than a double has.
double divided(Limbs limbs, std::uint64_t count) {
  const bool negative = carry(limbs);
  std::string digits;
  __extension__ using Wide = unsigned __int128;
  Wide rest = 0;
  constexpr int kMore = 4;
  for (int i = 0; i < kLimbs + kMore; ++i) {
    const auto limb = i < kLimbs ? static_cast<std::uint64_t>(limbs[static_cast<std::size_t>(i)]) : 0;
    const Wide value = rest * static_cast<std::uint64_t>(kLimb) + limb;
    const std::string part = std::to_string(static_cast<std::uint64_t>(value / count));
    rest = value % count;
    digits += std::string(kLimbDigits - std::min<std::size_t>(kLimbDigits, part.size()), '0') + part;
  }
  const std::size_t point = std::size_t{kWholeLimbs} * kLimbDigits;
  return nearest((negative ? "-" : "") + digits.substr(0, point) + "." + digits.substr(point));
}

Sum& sum_of(sqlite3_context* context) {
  return *static_cast<Sum*>(sqlite3_aggregate_context(context, sizeof(Sum)));
}

void step(sqlite3_context* context, sqlite3_value* value, std::int64_t sign) {
  const int type = sqlite3_value_type(value);
  if (type == SQLITE_NULL) return;
  Sum& sum = sum_of(context);
  sum.count += static_cast<std::uint64_t>(sign);
  const double rough = sqlite3_value_double(value);
  sum.rough += static_cast<double>(sign) * rough;
  sum.has_others = sum.has_others || type != SQLITE_INTEGER;
  table::Digits number;
  if (type == SQLITE_INTEGER) {
    number = table::digits_of(std::to_string(sqlite3_value_int64(value)));
  } else if (type == SQLITE_FLOAT && std::isfinite(rough)) {
    number = table::shortest_digits(rough);
  } else {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    const std::string_view plain(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
    if (type != SQLITE_TEXT || !table::is_plain_number(plain)) {
      sum.is_rough = true;
      return;
    }
    number = table::digits_of(plain);
  }
  if (!add(sum.limbs, number, sign)) sum.is_rough = true;
}

void add_one(sqlite3_context* context, int, sqlite3_value** values) {
  step(context, values[0], 1);
}
void remove_one(sqlite3_context* context, int, sqlite3_value** values) {
  step(context, values[0], -1);
}

void tell_sum(sqlite3_context* context) {
  const Sum& sum = sum_of(context);
  if (sum.count == 0) return sqlite3_result_null(context);
  if (sum.is_rough) return sqlite3_result_double(context, sum.rough);
  const std::string text = text_of(sum.limbs);
  if (!sum.has_others) {
    std::int64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error == std::errc()) return sqlite3_result_int64(context, whole);
    return sqlite3_result_error(context, "integer overflow", -1);
  }
  // A double that holds it is told as one, so that SQL can compare it with other numbers.
  const auto digits =
      static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; }));
  if (digits <= table::kDoubleDigits) return sqlite3_result_double(context, nearest(text));
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

void tell_mean(sqlite3_context* context) {
  const Sum& sum = sum_of(context);
  if (sum.count == 0) return sqlite3_result_null(context);
  sqlite3_result_double(
      context, sum.is_rough ? sum.rough / static_cast<double>(sum.count) : divided(sum.limbs, sum.count));
}

}  // namespace

Result<void> use_exact_sums(const Connection& connection) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  const auto put = [&](const char* name, void (*tell)(sqlite3_context*)) {
    return sqlite3_create_window_function(connection.get(), name, 1, kFlags, nullptr, add_one, tell, tell,
                                          remove_one, nullptr);
  };
  int status = put("sum", tell_sum);
  if (status == SQLITE_OK) status = put("avg", tell_mean);
  if (status != SQLITE_OK) return std::unexpected(connection.error(status, "the functions of decimals"));
  return {};
}

std::string decimal_text(double value, int scale) {
  const table::Digits digits = table::shortest_digits(value);
  const std::int64_t places = static_cast<std::int64_t>(digits.digits.size()) - digits.point;
  std::string text;
  table::append_number(text, digits, static_cast<int>(std::max<std::int64_t>(scale, places)));
  return text;
}

}  // namespace rowgate::db::sqlite

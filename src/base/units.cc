#include "base/units.h"

#include "base/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace rowgate {
namespace {

/// A number in front and the unit behind it: "10", "MiB".
template <class T>
std::optional<std::pair<T, std::string_view>> split_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return std::pair(number, trim_spaces(text.substr(static_cast<std::size_t>(end - text.data()))));
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},       {"B", 1},      {"KiB", kKiB},
                             {"MiB", kMiB}, {"GiB", kGiB}, {"TiB", 1024 * kGiB}};
  if (const auto parts = split_number<std::uint64_t>(trim_spaces(text)))
    for (const Unit& unit : kUnits)
      if (parts->second == unit.name && parts->first <= UINT64_MAX / unit.bytes)
        return parts->first * unit.bytes;
  return fail(Code::ConfigInvalid, fmt::format("'{}' is not a size", shown(text)),
              "write a whole number of bytes with a unit: 500, 64KiB, 10MiB, 1GiB");
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  if (const auto parts = split_number<std::int64_t>(trim_spaces(text)); parts && parts->first >= 0)
    for (const Unit& unit : kUnits)
      if (parts->second == unit.name && parts->first <= INT64_MAX / unit.ms)
        return std::chrono::milliseconds(parts->first * unit.ms);
  return fail(Code::ConfigInvalid, fmt::format("'{}' is not a length of time", shown(text)),
              "write a whole number with a unit: 500ms, 10s, 5m, 24h, 7d");
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  constexpr double kShownAs1024 = 1023.95;  // would round to "1024.0"
  while (value >= kShownAs1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (value == std::floor(value)) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

bool RejectLimit::exceeded(std::uint64_t rejected, std::uint64_t read_less_skipped) const {
  if (count) return rejected > *count;
  // 0.57 in a double is a little less than 0.57: a load with exactly 0.57 % of rejects is still within it.
  constexpr double kRounding = 1 + 1e-14;
  return static_cast<double>(rejected) * 100.0 > percent * static_cast<double>(read_less_skipped) * kRounding;
}

std::string RejectLimit::text() const {
  return count ? std::to_string(*count) : fmt::format("{} %", percent);
}

std::string RejectLimit::setting() const {
  return count ? std::to_string(*count) : fmt::format("{}%", percent);
}

Result<RejectLimit> parse_reject_limit(std::string_view text) {
  const std::string_view trimmed = trim_spaces(text);
  if (const auto count = split_number<std::uint64_t>(trimmed); count && count->second.empty())
    return RejectLimit{.count = count->first};
  if (const auto percent = split_number<double>(trimmed);
      percent && percent->second == "%" && percent->first >= 0 && percent->first <= 100)
    return RejectLimit{.percent = percent->first};
  return fail(Code::ConfigInvalid, fmt::format("'{}' is not a limit of rejects", shown(text)),
              "write a number of rows (100) or a share (5%)");
}

}  // namespace rowgate

#include "api/core/negotiation.h"

#include "base/text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace rowgate::api {
namespace {

/// The text up to `separator`, which `rest` loses together with it.
std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trim_spaces(part);
}

/// One range of an Accept header, as "text/*;q=0.5". Other parameters are passed over.
struct MediaRange {
  std::string type;
  int thousandths = 1000;
};

/// RFC 9110 section 12.4.2: 0 to 1 with at most three digits; anything else counts as 1.
int weight(std::string_view text) {
  double value = 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) return 1000;
  return static_cast<int>(std::lround(value * 1000));
}

MediaRange media_range(std::string_view text) {
  MediaRange range{.type = lower_ascii(cut(text, ';'))};
  while (!text.empty()) {
    const std::string parameter = lower_ascii(cut(text, ';'));
    if (parameter.starts_with("q=")) range.thousandths = weight(std::string_view(parameter).substr(2));
  }
  return range;
}

/// How closely the range means the type: 0 not at all, 1 */*, 2 text/*, 3 text/csv.
int closeness(const MediaRange& range, std::string_view type) {
  if (range.type == type) return 3;
  if (range.type == "*/*") return 1;
  const std::string_view main = type.substr(0, type.find('/') + 1);
  return range.type.size() == main.size() + 1 && range.type.starts_with(main) && range.type.back() == '*' ? 2
                                                                                                          : 0;
}

/// What the closest range says of the type; 0 = not acceptable.
int quality(std::string_view accept, std::string_view type) {
  int closest = 0, thousandths = 0;
  while (!accept.empty()) {
    const MediaRange range = media_range(cut(accept, ','));
    const int close = closeness(range, type);
    if (close <= closest) continue;
    closest = close;
    thousandths = range.thousandths;
  }
  return thousandths;
}

}  // namespace

std::string_view best_form(std::string_view produces, std::string_view accept) {
  const bool any = trim_spaces(accept).empty();
  std::string_view best;
  int best_quality = 0;
  while (!produces.empty()) {
    const std::string_view type = cut(produces, ' ');
    const int of_type = any ? 1000 : quality(accept, type);
    if (of_type <= best_quality) continue;
    best = type;
    best_quality = of_type;
  }
  return best;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  if (trim_spaces(if_none_match) == "*") return true;
  while (!if_none_match.empty()) {
    std::string_view one = cut(if_none_match, ',');  // our own tags have no commas
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag) return true;
  }
  return false;
}

}  // namespace rowgate::api

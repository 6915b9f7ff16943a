#include "api/core/call.h"

#include <algorithm>

namespace rowgate::api {
namespace {

bool may_see(const KeySettings* key, const std::vector<std::string> KeySettings::* globs,
             std::string_view name) {
  return key == nullptr ||
         std::ranges::any_of(key->*globs, [&](const std::string& glob) { return fits_glob(glob, name); });
}

}  // namespace

bool is_probe(std::string_view pattern) {
  return pattern == "/livez" || pattern == "/readyz" || pattern == "/healthz" || pattern == "/metrics";
}

bool fits_glob(std::string_view glob, std::string_view text) {
  const std::size_t star = glob.find('*');
  if (star == std::string_view::npos) return glob == text;
  if (!text.starts_with(glob.substr(0, star))) return false;
  text.remove_prefix(star);
  glob.remove_prefix(star + 1);
  if (glob.empty()) return true;
  for (std::size_t i = 0; i <= text.size(); ++i)
    if (fits_glob(glob, text.substr(i))) return true;
  return false;
}

bool Call::may_see_table(std::string_view table) const {
  return may_see(key, &KeySettings::tables, table);
}

bool Call::may_see_report(std::string_view report) const {
  return may_see(key, &KeySettings::reports, report);
}

}  // namespace rowgate::api

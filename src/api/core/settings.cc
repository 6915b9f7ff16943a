#include "api/core/settings.h"

#include <algorithm>
#include <array>

namespace rowgate::api {
namespace {

constexpr std::array<std::string_view, 11> kScopeNames = {
    "none",         "tables:read",  "loads:write",  "runs:read",     "rejects:read", "reports:read",
    "reports:link", "metrics:read", "backups:read", "backups:write", "admin"};

}  // namespace

std::string_view name(Scope scope) {
  return kScopeNames[static_cast<std::size_t>(scope)];
}

std::optional<Scope> scope_from(std::string_view name) {
  const auto found = std::find(kScopeNames.begin() + 1, kScopeNames.end(), name);
  if (found == kScopeNames.end()) return std::nullopt;
  return static_cast<Scope>(found - kScopeNames.begin());
}

}  // namespace rowgate::api

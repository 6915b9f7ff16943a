#pragma once

#include "api/core/call.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// All routes; routes that the configuration adds (a report's `route:`) are found by their own table. The
/// first pattern that fits a path is the path's.
std::span<const Route> routes();

/// What a path leads to.
struct Match {
  std::string_view pattern;           ///< empty: there is nothing at this path
  std::vector<const Route*> methods;  ///< all routes of the pattern
  std::map<std::string, std::string, std::less<>> params;
  /// The route of a method, HEAD by GET; null where the path does not have it.
  const Route* find(std::string_view method) const;
  /// "GET, HEAD, POST", as in Allow.
  std::string allow() const;
};
/// Judges the path of `request` alone; a path with a slash at its end is none.
Match match(const Service& service, const http::Request& request);
/// Whether `segments` fit `pattern`: {name} is one segment, {name}.csv one that ends so. `params` receives
/// the values.
bool fits(std::string_view pattern, std::span<const std::string> segments,
          std::map<std::string, std::string, std::less<>>& params);

}  // namespace rowgate::api

#pragma once

#include "api/core/service.h"
#include "http/message.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// "pass" or "fail", as in draft-inadarei-api-health-check.
std::string_view health_status(bool passes);
/// 200 or 503, with the status and `members`, which begin with a comma.
http::Response health_response(bool passes, std::string_view members = {});

/// The answer of /livez. Waits for nothing.
http::Response liveness(const Service& service);

/// One thing that must work for the server to be ready.
struct Check {
  std::string_view name;
  std::string why_not = {};                      ///< empty: passed
  std::optional<std::size_t> runs_waiting = {};  ///< of the queue
};
/// What needs an answer of the database or the storage.
std::vector<Check> check_far(const Service& service);

}  // namespace rowgate::api

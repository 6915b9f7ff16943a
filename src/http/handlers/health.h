#pragma once

#include "http/message.h"
#include "http/service.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::http {

/// The answer of /livez. Waits for nothing.
Response liveness(const Service& service);

/// One thing that must work for the server to be ready.
struct Check {
  std::string_view name;
  std::string why_not = {};                      ///< empty: passed
  std::optional<std::size_t> runs_waiting = {};  ///< of the queue
};
/// What needs an answer of the database or the storage.
std::vector<Check> check_far(const Service& service);

}  // namespace rowgate::http

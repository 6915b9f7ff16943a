#include "api/core/health.h"

#include "api/core/measured.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace rowgate::api {
namespace {

/// What is behind the network or on a disk, and what this process knows by itself.
std::vector<Check> check_all(const Service& service) {
  std::vector<Check> checks = service.measured ? service.measured->checks.get() : check_far(service);
  const std::size_t waiting = service.queue.waiting(), limit = service.settings.limits.queue;
  const bool is_full = waiting * 10 >= limit * 9;
  const bool is_draining = service.is_draining && service.is_draining();
  checks.push_back({.name = "queue", .why_not = is_full ? "nine tenths full" : "", .runs_waiting = waiting});
  checks.push_back({.name = "server", .why_not = is_draining ? "it is stopping" : ""});
  return checks;
}

std::string to_json(const Check& check) {
  std::string json =
      fmt::format("\"{}\":[{{\"status\":\"{}\"", check.name, health_status(check.why_not.empty()));
  if (!check.why_not.empty()) json += ",\"output\":" + json_text(check.why_not);
  if (check.runs_waiting)
    json += fmt::format(",\"observedValue\":{},\"observedUnit\":\"runs\"", *check.runs_waiting);
  return json + "}]";
}

/// On the admin listener; where there is none, everywhere.
bool may_tell_details(const Call& call) {
  return call.request.is_admin ||
         std::ranges::none_of(call.service.settings.server.listeners, &http::Listener::is_admin);
}

}  // namespace

Result<http::Reply> livez(Call& call, Body) {
  return liveness(call.service);
}

Result<http::Reply> readyz(Call& call, Body) {
  const std::vector<Check> checks = check_all(call.service);
  const bool is_ready = std::ranges::all_of(checks, &std::string::empty, &Check::why_not);
  if (!may_tell_details(call)) return health_response(is_ready);

  std::string json = ",\"checks\":{";
  for (const Check& check : checks) json += (json.back() == '{' ? "" : ",") + to_json(check);
  return health_response(is_ready, json + "}");
}

}  // namespace rowgate::api

#include "api/cors.h"

#include <algorithm>

namespace rowgate::api {
namespace {

constexpr std::string_view kExposed =
    "Location, Retry-After, ETag, Link, Request-Id, Upload-Limit, Accept-Post, Idempotency-Replayed, "
    "Repr-Digest, Content-Disposition, Content-Range, Rowgate-Run, Rowgate-Rows";
constexpr std::string_view kAllowed =
    "Authorization, X-Api-Key, Content-Type, Content-Encoding, Content-Digest, Repr-Digest, "
    "Idempotency-Key, If-None-Match, If-Range, Range, Request-Id, traceparent, tracestate";

bool is_original(const Match& found) {
  return !found.methods.empty() && found.methods.front()->is_original;
}

/// What goes into Access-Control-Allow-Origin; empty: nothing does.
std::string_view allowed_origin(const Settings& settings, const http::Request& request, const Match& found) {
  const std::optional<std::string_view> origin = request.header("origin");
  if (!origin) return {};
  if (is_original(found)) return settings.compat.cors;
  const std::vector<std::string>& origins = settings.cors.origins;
  if (std::ranges::find(origins, *origin) != origins.end()) return *origin;
  return std::ranges::find(origins, "*") != origins.end() && !settings.cors.credentials
             ? std::string_view("*")
             : std::string_view();
}

}  // namespace

bool is_preflight(const Settings& settings, const http::Request& request, const Match& found) {
  return request.method == "OPTIONS" && !found.pattern.empty() &&
         request.header("access-control-request-method") && !allowed_origin(settings, request, found).empty();
}

void add_cors(const Settings& settings, const http::Request& request, const Match& found,
              http::Response& response) {
  // The answer depends on the origin also where it is none of ours: caches must know.
  if (!settings.cors.origins.empty() && !is_original(found)) {
    const auto vary = std::ranges::find(response.headers, "Vary", &http::Fields::value_type::first);
    response.set("Vary", vary == response.headers.end() ? "Origin" : vary->second + ", Origin");
  }
  const std::string_view origin = allowed_origin(settings, request, found);
  if (origin.empty()) return;
  response.set("Access-Control-Allow-Origin", std::string(origin));
  if (settings.cors.credentials && !is_original(found))
    response.set("Access-Control-Allow-Credentials", "true");
  if (is_preflight(settings, request, found)) {
    response.set("Access-Control-Allow-Methods", found.allow());
    response.set("Access-Control-Allow-Headers", std::string(kAllowed));
    response.set("Access-Control-Max-Age", "7200");
  } else {
    response.set("Access-Control-Expose-Headers", std::string(kExposed));
  }
}

}  // namespace rowgate::api

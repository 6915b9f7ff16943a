#pragma once

#include "api/router.h"

namespace rowgate::api {

/// Whether the request is a preflight (Fetch standard, "CORS-preflight request") from an origin that may use
/// what is at `found`.
bool is_preflight(const Settings& settings, const http::Request& request, const Match& found);
/// Adds the Access-Control headers of the answer, those of a preflight where the request is one. Nothing
/// where CORS is off or the origin is none of ours.
void add_cors(const Settings& settings, const http::Request& request, const Match& found,
              http::Response& response);

}  // namespace rowgate::api

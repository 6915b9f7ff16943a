#pragma once

#include "api/core/call.h"
#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::api {

/// One of the things that are wrong: a member of a JSON body, a parameter, a record of a file.
struct ProblemItem {
  Code code;
  std::string pointer = {};                                      ///< RFC 6901, into the JSON body
  std::optional<std::uint64_t> line = {}, byte = {};             ///< of a record of the file
  std::string field = {}, found = {}, expected = {}, hint = {};  ///< left out where empty
  std::string file = {}, detail = {};                            ///< of a mistake in the configuration
};

/// An error as it is told over HTTP.
struct Problem {
  Error error;
  std::string instance = {};                             ///< "/v1/runs/run_..."; empty: the request's id
  std::vector<ProblemItem> items = {};                   ///< at most the first 20 are told
  std::optional<std::uint64_t> limit = {};               ///< the value of the limit that was exceeded
  std::optional<std::chrono::seconds> retry_after = {};  ///< absent: what the code says
  http::Fields headers = {};                             ///< in addition
};

/// What is told of an error: its message, but for faults of the server and its surroundings, whose messages
/// name paths and statements: of those the code's title.
std::string told_message(const Error& error);
/// Whether told_message() keeps the message back, which then belongs into the log.
bool is_kept_back(Code code);

/// application/problem+json (RFC 9457), or one line of plain text where the route tells errors so. `request`
/// and `route` may be null. Common headers are added by the application.
http::Response problem_response(const Settings& settings, const http::Request* request, const Route* route,
                                const Problem& problem);
/// The same for a call's own route.
http::Response problem_response(const Call& call, const Problem& problem);

}  // namespace rowgate::api

#pragma once

#include "db/run_record.h"
#include "http/message.h"

#include <string>
#include <string_view>

namespace rowgate::api {

/// The Idempotency-Key of a request, quoted (RFC 8941 section 3.3.3) or bare, 1 to 255 printable ASCII
/// characters, with what it is bound to; without fingerprint. Empty where the request has none. Fails with
/// request.invalid.
Result<db::Idempotency> read_idempotency_key(const http::Request& request);

/// What tells one request from another under the same key: hex SHA-256 of method, path, the query in the
/// order of its names, and the body's digest.
std::string fingerprint(const http::Request& request, std::string_view body_sha256);

}  // namespace rowgate::api

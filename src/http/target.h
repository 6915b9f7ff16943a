#pragma once

#include "base/error.h"
#include "http/message.h"

#include <string>
#include <string_view>

namespace rowgate::http {

/// Reads the target of a request (RFC 9112 section 3.2) into `request`: segments, trailing_slash, query.
/// Takes the origin form, the absolute form of http and https, and "*" for OPTIONS. `authority` becomes the
/// host that an absolute form names. Decoded text is UTF-8 without NUL; fails with request.malformed,
/// request.not_implemented (CONNECT).
Result<void> read_target(std::string_view target, Request& request, std::string& authority);

/// Host and optional port as RFC 9110 section 7.2 has them: "example.org:8080", "[::1]"; never empty.
bool is_authority(std::string_view text);

}  // namespace rowgate::http

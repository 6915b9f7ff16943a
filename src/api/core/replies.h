#pragma once

// Small pieces that handlers make their answers of.

#include "api/core/call.h"
#include "io/files.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::api {

http::Response json_response(int status, std::string json);
/// `type` without charset; texts get it.
http::Response text_response(int status, std::string_view type, std::string text);

/// RFC 3986: everything but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);
/// "attachment; filename=\"a.csv\"; filename*=UTF-8''a.csv" (RFC 6266); characters that the first form cannot
/// hold become _.
std::string attachment(std::string_view filename);
/// "sha-256=:...:" (RFC 9530) of a hash in hex.
std::string repr_digest(std::string_view sha256_hex);

/// 304 where If-None-Match names `etag`, else the response, with its ETag either way.
http::Response unless_known(const http::Request& request, const std::string& etag, http::Response response);

/// A stored file with all that belongs to downloads: ETag and Repr-Digest from its hash, If-None-Match, Range
/// and If-Range (RFC 9110 section 14; one range, several are passed over). Fails with
/// request.range_not_satisfiable as a problem of its own.
Result<http::Response> file_response(const Call& call, const std::shared_ptr<io::SourceFile>& file,
                                     std::string_view type, const std::string& sha256_hex,
                                     std::string_view filename);

/// The moment as a JSON string (RFC 3339), or null for one that has not come.
std::string json_time_or_null(Timestamp at);

}  // namespace rowgate::api

#pragma once

// Signature version 4 of AWS, by headers and by query, as S3, Secrets Manager and the other services want it.
// (AWS: "Signature Version 4 for API requests", and for S3 "Authenticating Requests: Using Query
// Parameters".)
//
// A request is brought into one canonical text (method, path, query, headers, hash of the body); the hash of
// that, the time and the scope (day, region, service) are signed by HMAC-SHA256 under a key that is made from
// the secret key and the scope. libcurl's own signing is not used: version 7.88 signs wrong queries, and it
// cannot sign addresses.

#include "aws/credentials.h"
#include "base/clock.h"
#include "net/http_client.h"

#include <chrono>
#include <string>
#include <string_view>

namespace rowgate::aws {

using net::Fields;

/// In place of the body's hash, where the body is not signed.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
/// The longest life of a signed address.
inline constexpr std::chrono::seconds kLongestLife{604'800};

struct Scope {
  std::string region, service;
};

struct SignableRequest {
  std::string method = "GET";
  std::string path = "/";      ///< not encoded; taken as it is (S3 has keys such as "a//b")
  Fields query = {};           ///< not encoded, in any order
  Fields headers = {};         ///< all of them are signed; Host must be among them
  std::string payload_sha256;  ///< lower-case hex, or kUnsignedPayload
};

/// The headers that make the request a signed one: X-Amz-Date, X-Amz-Security-Token (where the credentials
/// are temporary), Authorization. S3 also wants X-Amz-Content-Sha256, which is for the caller to put among
/// the headers before.
Fields signing_headers(const SignableRequest& request, const Credentials& credentials, const Scope& scope,
                       Timestamp now);

/// The whole query of a signed address, encoded, from its first parameter to X-Amz-Signature. Good from `now`
/// (whole seconds) for `life`.
std::string signed_query(SignableRequest request, const Credentials& credentials, const Scope& scope,
                         Timestamp now, std::chrono::seconds life);

/// For tests and errors: the text that is signed in the end, and what its hash is of.
std::string canonical_request(const SignableRequest& request);

/// "20150830T123600Z".
std::string basic_time(Timestamp at);

/// Percent-encoded but for letters, digits and -._~ (RFC 3986 section 2.3), in upper-case hex.
std::string encoded(std::string_view text);
/// The same, slashes kept.
std::string encoded_path(std::string_view path);
/// "a=1&b=": sorted as the signature wants it.
std::string encoded_query(const Fields& query);

}  // namespace rowgate::aws

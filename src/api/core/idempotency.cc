#include "api/core/idempotency.h"

#include "api/core/replies.h"
#include "base/text.h"
#include "io/digest.h"

#include <algorithm>

namespace rowgate::api {
namespace {

constexpr std::size_t kLongestKey = 255;

/// One text for all ways to write a path: "/v1/tables/%64epartments" is "/v1/tables/departments".
std::string decoded_path(const http::Request& request) {
  std::string path;
  for (const std::string& segment : request.segments) path += '/' + percent_encoded(segment);
  return path.empty() ? "/" : path;
}

}  // namespace

Result<db::Idempotency> read_idempotency_key(const http::Request& request) {
  std::optional<std::string_view> value = request.header("idempotency-key");
  if (!value) return db::Idempotency{};
  std::string_view key = trim_spaces(*value);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
  const bool printable = std::ranges::all_of(key, [](char c) { return c >= 0x20 && c < 0x7F; });
  if (key.empty() || key.size() > kLongestKey || !printable)
    return fail(Code::RequestInvalid, "the Idempotency-Key is not usable",
                "give 1 to 255 printable ASCII characters, for example a UUID");
  return db::Idempotency{.principal = request.principal,
                         .method = request.method,
                         .path = decoded_path(request),
                         .key = std::string(key)};
}

std::string fingerprint(const http::Request& request, std::string_view body_sha256) {
  http::Fields query = request.query;
  std::ranges::sort(query);
  std::string text = request.method + '\n' + decoded_path(request) + '\n';
  // Lengths before the texts, so that no two queries are written alike.
  for (const auto& [name, value] : query)
    text += std::to_string(name.size()) + ':' + name + std::to_string(value.size()) + ':' + value;
  return io::sha256_hex(text.append(1, '\n').append(body_sha256));
}

}  // namespace rowgate::api

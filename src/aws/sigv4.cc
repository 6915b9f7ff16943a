#include "aws/sigv4.h"

#include "base/text.h"
#include "io/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace rowgate::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return {reinterpret_cast<const char*>(mac.data()), size};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes)
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~' || (keep_slashes && c == '/');
    if (is_plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// Without white space around it, and with one space for each run within.
std::string single_spaced(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!is_space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// By lower-case name; the values of one name together, in their order.
Fields canonical_headers(const Fields& headers) {
  Fields sorted;
  for (const auto& [name, value] : headers) {
    const std::string lower = lower_ascii(name);
    const auto before = std::ranges::find(sorted, lower, &Fields::value_type::first);
    if (before == sorted.end())
      sorted.emplace_back(lower, single_spaced(value));
    else
      before->second += ',' + single_spaced(value);
  }
  std::ranges::sort(sorted, {}, &Fields::value_type::first);
  return sorted;
}

std::string signed_names(const Fields& headers) {
  std::string names;
  for (const auto& [name, value] : canonical_headers(headers)) names += (names.empty() ? "" : ";") + name;
  return names;
}

/// "20150830/us-east-1/service/aws4_request".
std::string scope_text(const Scope& scope, std::string_view time) {
  return fmt::format("{}/{}/{}/aws4_request", time.substr(0, 8), scope.region, scope.service);
}

std::string signature(const SignableRequest& request, const Credentials& credentials, const Scope& scope,
                      std::string_view time) {
  const std::string text = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope_text(scope, time),
                                       io::sha256_hex(canonical_request(request)));
  std::string key = hmac("AWS4" + credentials.secret_key, time.substr(0, 8));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")})
    key = hmac(key, part);
  return hex(hmac(key, text));
}

}  // namespace

Fields signing_headers(const SignableRequest& request, const Credentials& credentials, const Scope& scope,
                       Timestamp now) {
  const std::string time = basic_time(now);
  Fields added = {{"X-Amz-Date", time}};
  if (credentials.is_temporary()) added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  SignableRequest whole = request;
  whole.headers.insert(whole.headers.end(), added.begin(), added.end());
  added.emplace_back("Authorization",
                     fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                 credentials.access_key, scope_text(scope, time), signed_names(whole.headers),
                                 signature(whole, credentials, scope, time)));
  return added;
}

std::string signed_query(SignableRequest request, const Credentials& credentials, const Scope& scope,
                         Timestamp now, std::chrono::seconds life) {
  const std::string time = basic_time(now);
  Fields& query = request.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key + '/' + scope_text(scope, time));
  query.emplace_back("X-Amz-Date", time);
  query.emplace_back("X-Amz-Expires", std::to_string(life.count()));
  query.emplace_back("X-Amz-SignedHeaders", signed_names(request.headers));
  if (credentials.is_temporary()) query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  return fmt::format("{}&X-Amz-Signature={}", encoded_query(query),
                     signature(request, credentials, scope, time));
}

std::string canonical_request(const SignableRequest& request) {
  std::string text =
      fmt::format("{}\n{}\n{}\n", request.method, encoded_path(request.path), encoded_query(request.query));
  for (const auto& [name, value] : canonical_headers(request.headers)) text += name + ':' + value + '\n';
  return text + '\n' + signed_names(request.headers) + '\n' + request.payload_sha256;
}

std::string basic_time(Timestamp at) {
  const std::time_t seconds = at.micros / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string encoded(std::string_view text) {
  return encoded(text, false);
}

std::string encoded_path(std::string_view path) {
  return encoded(path, true);
}

/// Sorted by the encoded name, then by the encoded value: not the order of the joined texts, where "a-b=" is
/// before "a=".
std::string encoded_query(const Fields& query) {
  Fields sorted;
  for (const auto& [name, value] : query) sorted.emplace_back(encoded(name), encoded(value));
  std::ranges::sort(sorted);
  std::string text;
  for (const auto& [name, value] : sorted) text += (text.empty() ? "" : "&") + name + '=' + value;
  return text;
}

}  // namespace rowgate::aws

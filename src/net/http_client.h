#pragma once

#include "base/clock.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::net {

/// Names and values, of a head or a query.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// A request to another server. Redirects are not followed.
struct HttpRequest {
  std::string method = "GET";
  std::string url;             ///< http:// or https://, encoded
  Fields headers = {};         ///< sent as they are; Host and Content-Length come by themselves
  std::string_view body = {};  ///< sent where the method is PUT or POST; must outlive the call
  bool past_proxies = false;   ///< of an address that no proxy knows
  std::chrono::milliseconds connect_timeout{5'000};
  /// Without a byte in either direction: so long may the other side think; 0: for ever.
  std::chrono::seconds stall_timeout{30};
  std::optional<std::chrono::milliseconds> whole_timeout = {};
  std::size_t most_bytes = 16 << 20;  ///< of the answer's body; more is a failure
};

struct HttpResponse {
  int status = 0;
  Fields headers = {};  ///< names in lower case
  std::string body = {};
  /// The first of that name (in lower case), else "".
  std::string_view header(std::string_view name) const;
};

/// Why there is no answer.
struct HttpFailure {
  std::string message;   ///< "cannot connect to 127.0.0.1:9000: connection refused"
  bool may_pass = true;  ///< the same request may go well a little later
};

/// Sends requests and waits for whole answers. Thread safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  [[nodiscard]] virtual std::expected<HttpResponse, HttpFailure> send(const HttpRequest& request) = 0;
};

/// By libcurl: HTTP/1.1, connections are kept for later requests, certificates and their names are checked
/// (against `authorities`, a PEM file, where it is given, else those that the system trusts), the usual proxy
/// variables (https_proxy, no_proxy) are heeded.
std::unique_ptr<HttpClient> curl_client(const std::optional<std::filesystem::path>& authorities = {});

/// The moment that a header names ("Wed, 21 Oct 2015 07:28:00 GMT", RFC 9110 section 5.6.7); nullopt for
/// other text.
std::optional<Timestamp> http_date(std::string_view text);

}  // namespace rowgate::net

#pragma once

#include "base/clock.h"
#include "base/units.h"
#include "http/server.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// What a key may do. A route needs one of them, or none.
enum class Scope : std::uint8_t {
  None,
  TablesRead,
  LoadsWrite,
  RunsRead,
  RejectsRead,
  ReportsRead,
  ReportsLink,
  MetricsRead,
  BackupsRead,
  BackupsWrite,
  Admin,
};
std::string_view name(Scope scope);  ///< "tables:read"
std::optional<Scope> scope_from(std::string_view name);

/// An API key as configured: never the key itself.
struct KeySettings {
  std::string name;
  std::string sha256;  ///< lower-case hex, of the whole key "rgk_..."
  std::vector<Scope> scopes;
  std::vector<std::string> tables = {"*"}, reports = {"*"};  ///< globs; * alone is special
  std::optional<Timestamp> expires = {};
};

/// `compat:`: the three endpoints of the original API.
struct CompatSettings {
  bool enabled = true;
  std::map<std::string, std::string> schemas =
      {};  ///< ?schema=NAME -> namespace; "default" is the database's own
  std::optional<std::uint64_t> max_rows = {};
  std::uint64_t max_bytes = 10 * kMiB;
  /// The tables of the database that it may append to and replace: all of them; those that are configured or
  /// that rowgate has loaded; those that are configured.
  enum class Tables : std::uint8_t { Any, Known, Configured } tables = Tables::Any;
  bool create_tables = true;   ///< whether it makes tables that are not there
  std::string cors = "*";      ///< Access-Control-Allow-Origin of these routes; empty: none
  bool is_cors_given = false;  ///< it stands in the configuration
};

/// `server.cors`: off without origins.
struct CorsSettings {
  std::vector<std::string> origins = {};
  bool credentials = false;
};

/// Limits that bind HTTP only.
struct HttpLimits {
  std::uint64_t max_upload_bytes = kGiB;
  /// What requests can carry at all, where something in front of the program bounds them: AWS Lambda.
  std::uint64_t carried_bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_body_bytes = kMiB;  ///< of JSON
  std::chrono::milliseconds sync_wait{10'000};
  std::size_t queue = 64;
  unsigned loads_at_once = 4;
  unsigned reports_at_once = 8;  ///< and exports; fewer than there are workers
  std::size_t page = 100, max_page = 1'000;
};

/// `observability.logs`.
struct LogSettings {
  enum class Level : std::uint8_t { Debug, Info, Warn, Error } level = Level::Info;
  enum class Format : std::uint8_t {
    Auto,
    Json,
    Pretty
  } format = Format::Auto;  ///< auto: pretty on a terminal
};

/// Everything that is configured about the service, defaults filled in.
struct Settings {
  http::ServerSettings server = {};
  std::string public_url = "http://127.0.0.1:8080";  ///< without a slash at its end
  bool is_public_url_given = false;                  ///< it stands in the configuration
  std::vector<std::string> hosts = {};               ///< further names by which requests may call the server
  std::chrono::milliseconds drain{5'000};
  bool needs_keys = false;  ///< auth.mode: keys
  /// Requests come as events of AWS Lambda, whose gateway has taken them for us: their Host is its own.
  bool is_called_by_events = false;
  bool allow_public_without_auth = false;
  std::vector<KeySettings> keys = {};
  CompatSettings compat = {};
  CorsSettings cors = {};
  HttpLimits limits = {};
  bool metrics = true;
  /// The storage is a bucket: files that are too large for a request can go there (POST /v1/sources).
  bool offers_sources = false;
  LogSettings logs = {};
  std::string version = {}, commit = {}, compiler = {};
  std::string_view openapi_yaml = {}, openapi_json = {};  ///< live as long as the program

  /// The most bytes of a file that a request of /v1 can carry, and one of the original API.
  std::uint64_t posted_limit() const { return std::min(limits.max_upload_bytes, limits.carried_bytes); }
  std::uint64_t original_limit() const { return std::min(compat.max_bytes, limits.carried_bytes); }
  /// What links in the answer to `request` (may be null) begin with.
  const std::string& url_for(const http::Request* request) const {
    return request != nullptr && !request->public_url.empty() ? request->public_url : public_url;
  }
};

}  // namespace rowgate::api

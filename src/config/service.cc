#include "config/reader.h"
#include "config/values.h"

#include <fmt/format.h>

#include <charconv>

namespace rowgate::config {
namespace {

using table::kAllTypes;
using table::Place;
using table::Property;

constexpr Property kServer[] = {{"listen", kAllTypes},     {"admin_listen", kAllTypes},
                                {"public_url", kAllTypes}, {"hosts", kAllTypes},
                                {"drain", kAllTypes},      {"tls", kAllTypes},
                                {"cors", kAllTypes},       {"trusted_proxies", kAllTypes},
                                {"workers", kAllTypes},    {"max_connections", kAllTypes}};
constexpr Property kTls[] = {{"certificate", kAllTypes}, {"key", kAllTypes}};
constexpr Property kCors[] = {{"origins", kAllTypes}, {"credentials", kAllTypes}};
constexpr Property kAuth[] = {
    {"mode", kAllTypes}, {"keys", kAllTypes}, {"allow_public_without_auth", kAllTypes}};
constexpr Property kKey[] = {{"name", kAllTypes},   {"sha256", kAllTypes},  {"scopes", kAllTypes},
                             {"tables", kAllTypes}, {"reports", kAllTypes}, {"expires", kAllTypes}};
constexpr Property kCompat[] = {
    {"enabled", kAllTypes}, {"schemas", kAllTypes},       {"max_rows", kAllTypes}, {"max_bytes", kAllTypes},
    {"tables", kAllTypes},  {"create_tables", kAllTypes}, {"cors", kAllTypes}};
constexpr Property kObservability[] = {{"logs", kAllTypes}, {"metrics", kAllTypes}};
constexpr Property kLambda[] = {{"max_body_bytes", kAllTypes}, {"max_answer_bytes", kAllTypes}};
constexpr Property kLogs[] = {{"level", kAllTypes}, {"format", kAllTypes}};
constexpr std::uint64_t kAnySize = std::uint64_t{1} << 44;

class ServiceReader : private ValueReader {
 public:
  ServiceReader(const Document& document, Config& config, std::vector<Error>& problems)
      : ValueReader(problems), document_(document), config_(config), service_(config.service) {}

  void read() {
    service_.server.listeners = {http::Listener{}};
    if (const Place at = section("server")) read_server(at);
    if (const Place at = section("auth")) read_auth(at);
    if (const Place at = section("compat")) read_compat(at);
    if (const Place at = section("observability")) read_observability(at);
    if (const Place at = section("limits")) read_limits(at);
    if (const Place at = section("lambda")) read_lambda(at);
    if (service_.public_url.empty()) service_.public_url = own_url();
    add_own_names();
  }

 private:
  /// The database's own names are always known.
  void add_own_names() {
    std::map<std::string, std::string>& schemas = service_.compat.schemas;
    if (!config_.server) {
      schemas.emplace(config_.database_path.stem().string(), "default");
      return;
    }
    const db::ServerAddress& address = config_.server->address;
    schemas.emplace(address.database, "default");
    if (address.kind == db::ServerKind::PostgreSql) schemas.emplace(address.schema, "default");
  }

  Place section(std::string_view name) {
    const Node* node = document_.root.kind == Node::Kind::Map ? document_.root.find(name) : nullptr;
    Place at{node, std::string(name)};
    if (node == nullptr || node->is_null()) return {nullptr, at.path};
    // Sections that read_config() reads too have been told about there.
    if (node->kind != Node::Kind::Map) {
      if (name != "limits") is(at, Node::Kind::Map, "a map");
      return {nullptr, at.path};
    }
    return at;
  }

  std::string from_folder(const std::string& path) const {
    return (document_.folder / path).lexically_normal().string();
  }

  void take_listener(const Place& map, std::string_view key, http::Listener& into) {
    std::string text;
    take_text(map, key, text);
    const Result<http::Listener> read = read_listener(text);
    if (!read) return problem(map.member(key), read.error().message, read.error().hint);
    into.host = read->host;
    into.port = read->port;
  }

  void read_server(const Place& at) {
    check_members(at, kServer, std::nullopt);
    if (present(at, "listen")) take_listener(at, "listen", service_.server.listeners[0]);
    if (present(at, "admin_listen")) {
      http::Listener admin{.is_admin = true};
      take_listener(at, "admin_listen", admin);
      service_.server.listeners.push_back(std::move(admin));
    }
    take_public_url(at);
    if (present(at, "hosts"))
      if (auto hosts = take_texts(at, "hosts")) service_.hosts = *std::move(hosts);
    take_time(at, "drain", std::chrono::minutes(10), service_.drain);
    take_count(at, "workers", 1, 256, service_.server.workers);
    take_count(at, "max_connections", 1, 100'000, service_.server.max_connections);
    if (present(at, "trusted_proxies"))
      if (auto proxies = take_texts(at, "trusted_proxies"))
        service_.server.trusted_proxies = *std::move(proxies);
    if (const Place tls = present(at, "tls"); tls && is(tls, Node::Kind::Map, "{ certificate, key }"))
      read_tls(tls);
    if (const Place cors = present(at, "cors"); cors && is(cors, Node::Kind::Map, "{ origins }"))
      read_cors(cors);
  }

  void take_public_url(const Place& at) {
    if (!present(at, "public_url")) {
      service_.public_url.clear();
      return;
    }
    std::string url;
    take_text(at, "public_url", url);
    while (url.ends_with('/')) url.pop_back();
    const std::size_t host = url.find("://") + 3;
    if ((!url.starts_with("http://") && !url.starts_with("https://")) || host >= url.size() ||
        url.find_first_of("?# \"<>\\") != std::string::npos)
      problem(at.member("public_url"), fmt::format("`{}` is no address of a server", shown(url)),
              "for example https://rowgate.example.org");
    service_.public_url = std::move(url);
    service_.is_public_url_given = true;
  }

  void read_tls(const Place& at) {
    check_members(at, kTls, std::nullopt);
    std::string certificate, key;
    take_text(at, "certificate", certificate);
    take_text(at, "key", key);
    if (certificate.empty() || key.empty()) {
      problem(at, "TLS needs both `certificate` and `key`", "name two PEM files");
      return;
    }
    service_.server.tls_certificate = from_folder(certificate);
    service_.server.tls_key = from_folder(key);
  }

  void read_cors(const Place& at) {
    check_members(at, kCors, std::nullopt);
    if (auto origins = take_texts(at, "origins")) service_.cors.origins = *std::move(origins);
    take_bool(at, "credentials", service_.cors.credentials);
    if (service_.cors.credentials && table::has(service_.cors.origins, "*"))
      problem(at, "the origin * cannot be combined with credentials", "name the origins");
  }

  void read_auth(const Place& at) {
    check_members(at, kAuth, std::nullopt);
    take_word(at, "mode", "keys", "none", service_.needs_keys);
    take_bool(at, "allow_public_without_auth", service_.allow_public_without_auth);
    const Place keys = present(at, "keys");
    if (keys && is(keys, Node::Kind::List, "a list of keys"))
      for (std::size_t i = 0; i < keys.node->items.size(); ++i) read_key(keys.item(i));
    if (service_.needs_keys && service_.keys.empty())
      problem(at, "`mode: keys` needs at least one key", "add { name, sha256, scopes } to auth.keys");
  }

  void read_key(const Place& at) {
    if (!is(at, Node::Kind::Map, "{ name, sha256, scopes }")) return;
    check_members(at, kKey, std::nullopt);
    api::KeySettings key;
    take_text(at, "name", key.name);
    take_text(at, "sha256", key.sha256);
    key.sha256 = lower_ascii(key.sha256);
    if (key.name.empty()) problem(at, "the key has no name");
    if (table::has(names_of_keys(), key.name))
      problem(at, fmt::format("there is a key `{}` already", shown(key.name)));
    if (key.sha256.size() != 64 || key.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
      problem(at, "`sha256` must be the 64 hex digits of the key's SHA-256", "printf %s rgk_... | sha256sum");
    read_scopes(at, key);
    if (auto tables = at.member("tables") ? take_texts(at, "tables") : std::nullopt)
      key.tables = *std::move(tables);
    if (auto reports = at.member("reports") ? take_texts(at, "reports") : std::nullopt)
      key.reports = *std::move(reports);
    if (std::string expires; present(at, "expires")) {
      take_text(at, "expires", expires);
      if (expires.size() == 10) expires += "T00:00:00.000Z";
      if (expires.size() == 20) expires.insert(19, ".000");
      key.expires = from_rfc3339(expires);
      if (!key.expires) problem(at.member("expires"), "is no date", "for example 2027-01-01");
    }
    service_.keys.push_back(std::move(key));
  }

  std::vector<std::string> names_of_keys() const {
    std::vector<std::string> names;
    for (const api::KeySettings& key : service_.keys) names.push_back(key.name);
    return names;
  }

  void read_scopes(const Place& at, api::KeySettings& key) {
    const std::vector<std::string> words = take_texts(at, "scopes").value_or(std::vector<std::string>{});
    if (words.empty()) problem(at, "the key has no scopes", "for example scopes: [loads:write, runs:read]");
    for (const std::string& word : words) {
      if (const std::optional<api::Scope> scope = api::scope_from(word))
        key.scopes.push_back(*scope);
      else
        problem(at.member("scopes"), fmt::format("there is no scope `{}`", shown(word)),
                "the scopes are tables:read loads:write runs:read rejects:read reports:read reports:link "
                "metrics:read backups:read backups:write admin");
    }
  }

  void read_compat(const Place& at) {
    check_members(at, kCompat, std::nullopt);
    api::CompatSettings& compat = service_.compat;
    take_bool(at, "enabled", compat.enabled);
    using Tables = api::CompatSettings::Tables;
    take_choice<Tables>(at, "tables",
                        {{"any", Tables::Any}, {"known", Tables::Known}, {"configured", Tables::Configured}},
                        compat.tables);
    take_bool(at, "create_tables", compat.create_tables);
    take_size(at, "max_bytes", kAnySize, compat.max_bytes);
    if (present(at, "max_rows")) take_count(at, "max_rows", 1, kAnySize, compat.max_rows.emplace(1));
    if (present(at, "cors"))
      take_text(at, "cors", compat.cors);
    else if (at.member("cors"))
      compat.cors.clear();
    compat.is_cors_given = static_cast<bool>(at.member("cors"));
    const Place schemas = present(at, "schemas");
    if (!schemas || !is(schemas, Node::Kind::Map, "a map such as { test_db: default }")) return;
    for (const auto& [alias, node] : schemas.node->members) {
      const Place place = schemas.member(alias);
      if (!is(place, Node::Kind::Scalar, "the name of a schema")) continue;
      if (node.scalar != "default" && !config_.server)
        problem(place, fmt::format("SQLite has no schema `{}`", shown(node.scalar)), "write default");
      compat.schemas[alias] = node.scalar;
    }
  }

  void read_observability(const Place& at) {
    check_members(at, kObservability, std::nullopt);
    take_bool(at, "metrics", service_.metrics);
    const Place logs = present(at, "logs");
    if (!logs || !is(logs, Node::Kind::Map, "{ level, format }")) return;
    check_members(logs, kLogs, std::nullopt);
    using Level = api::LogSettings::Level;
    using Format = api::LogSettings::Format;
    take_choice<Level>(
        logs, "level",
        {{"debug", Level::Debug}, {"info", Level::Info}, {"warn", Level::Warn}, {"error", Level::Error}},
        service_.logs.level);
    take_choice<Format>(logs, "format",
                        {{"auto", Format::Auto}, {"json", Format::Json}, {"pretty", Format::Pretty}},
                        service_.logs.format);
  }

  template <class Choice>
  void take_choice(const Place& map, std::string_view key,
                   std::initializer_list<std::pair<std::string_view, Choice>> choices, Choice& into) {
    std::optional<std::string> word;
    take_text(map, key, word);
    if (!word) return;
    std::vector<std::string_view> known;
    for (const auto& [name, choice] : choices) {
      known.push_back(name);
      if (name == *word) {
        into = choice;
        return;
      }
    }
    problem(map.member(key), fmt::format("`{}` is none of {}", shown(*word), fmt::join(known, ", ")));
  }

  /// The keys are checked by read_config(), which reads the other limits.
  void read_limits(const Place& at) {
    api::HttpLimits& limits = service_.limits;
    take_size(at, "max_upload_bytes", kAnySize, limits.max_upload_bytes);
    take_size(at, "max_unpacked_bytes", kAnySize, config_.catalog.limits.max_unpacked_bytes);
    take_size(at, "max_reject_bytes", kAnySize, config_.catalog.limits.max_reject_bytes);
    take_count(at, "max_ratio", 1, 1'000'000, config_.catalog.limits.max_ratio);
    take_size(at, "max_header_bytes", kMiB, service_.server.max_header_bytes);
    take_size(at, "max_url_bytes", 64 * kKiB, service_.server.max_target_bytes);
    take_size(at, "max_body_bytes", 64 * kMiB, limits.max_body_bytes);
    take_time(at, "sync_wait", std::chrono::minutes(1), limits.sync_wait);
    take_count(at, "queue", 1, 100'000, limits.queue);
    take_count(at, "loads_at_once", 1, 64, limits.loads_at_once);
    take_count(at, "reports_at_once", 1, 255, limits.reports_at_once);
    take_time(at, "idle_timeout", std::chrono::hours(1), service_.server.idle_timeout);
    take_size(at, "min_bytes_per_second", kMiB, service_.server.min_bytes_per_second);
    take_size(at, "min_read_bytes_per_second", kMiB, service_.server.min_read_bytes_per_second);
    take_count(at, "page", 1, 10'000, limits.page);
    take_count(at, "max_page", 1, 10'000, limits.max_page);
    if (limits.page > limits.max_page) problem(at, "`page` is larger than `max_page`");
  }

  void read_lambda(const Place& at) {
    constexpr std::uint64_t kMost = 6'291'556;  // AWS: "Lambda quotas", payload of an invocation
    check_members(at, kLambda, std::nullopt);
    take_size(at, "max_body_bytes", kMost, config_.lambda.max_body_bytes);
    take_size(at, "max_answer_bytes", kMost, config_.lambda.max_answer_bytes);
  }

  std::string own_url() const {
    const http::Listener& listener = service_.server.listeners[0];
    std::string host = listener.host;
    if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
    if (host.find(':') != std::string::npos) host = '[' + host + ']';
    return fmt::format("{}://{}:{}", service_.server.tls_certificate ? "https" : "http", host, listener.port);
  }

  const Document& document_;
  Config& config_;
  api::Settings& service_;
};

}  // namespace

Result<http::Listener> read_listener(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  unsigned port = 65'536;
  if (colon != std::string_view::npos) {
    const char* const end = text.data() + text.size();
    if (const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
        error != std::errc() || stop != end)
      port = 65'536;
  }
  if (host.empty() || port > 65'535)
    return fail(Code::RequestInvalid, fmt::format("`{}` is no address to listen on", shown(text)),
                "write HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080");
  return http::Listener{.host = std::string(host), .port = static_cast<std::uint16_t>(port)};
}

void read_service(const Document& document, Config& config, std::vector<Error>& problems) {
  ServiceReader(document, config, problems).read();
}

}  // namespace rowgate::config

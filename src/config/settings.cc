#include "api/site.h"
#include "config/reader.h"

#include <fmt/format.h>

namespace rowgate::config {
namespace {

class Lister {
 public:
  explicit Lister(const Document& document) : document_(document) {}

  void add(const std::string& path, std::string value) {
    settings_.push_back({path, std::move(value), origin_of(path)});
  }
  /// `else_from`: the variable that stands for the setting where it is not there.
  void add(const std::string& path, std::string value, const std::string& else_from) {
    add(path, std::move(value));
    if (settings_.back().origin == "default" && !else_from.empty()) settings_.back().origin = else_from;
  }

  /// Every single value below a node, as it stands in the file.
  void add_leaves(const std::string& path, const Node& node) {
    if (node.kind == Node::Kind::Map) {
      for (const auto& [key, value] : node.members) add_leaves(path + "." + key, value);
      return;
    }
    std::string text = node.kind == Node::Kind::List ? list_text(node) : scalar_text(node);
    const auto variable = document_.from_environment.find(path);
    settings_.push_back({path, std::move(text),
                         variable != document_.from_environment.end() ? variable->second : place(node)});
  }

  std::vector<Setting> take() { return std::move(settings_); }

 private:
  std::string place(const Node& node) const {
    return fmt::format("{}:{}", document_.file.filename().string(), node.at.line);
  }

  std::string origin_of(const std::string& path) const {
    if (const auto variable = document_.from_environment.find(path);
        variable != document_.from_environment.end())
      return variable->second;
    const Node* node = &document_.root;
    for (std::size_t begin = 0; node != nullptr && begin <= path.size();) {
      if (node->kind == Node::Kind::Scalar) break;  // `links: direct` is short for `links: { mode: direct }`
      const std::size_t dot = std::min(path.find('.', begin), path.size());
      node = node->kind == Node::Kind::Map ? node->find(path.substr(begin, dot - begin)) : nullptr;
      begin = dot + 1;
    }
    return node == nullptr ? std::string("default") : place(*node);
  }

  static std::string scalar_text(const Node& node) {
    if (node.is_null()) return "null";
    return node.scalar.empty() ? R"("")" : node.scalar;
  }
  static std::string node_text(const Node& node) {
    switch (node.kind) {
      case Node::Kind::List:
        return list_text(node);
      case Node::Kind::Map:
        return map_text(node);
      default:
        return scalar_text(node);
    }
  }
  static std::string list_text(const Node& node) {
    std::vector<std::string> parts;
    for (const Node& item : node.items) parts.push_back(node_text(item));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  static std::string map_text(const Node& node) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : node.members)
      parts.push_back(fmt::format("{}: {}", key, node_text(value)));
    return fmt::format("{{ {} }}", fmt::join(parts, ", "));
  }

  const Document& document_;
  std::vector<Setting> settings_;
};

std::string yes_or_no(bool value) {
  return value ? "true" : "false";
}

/// In the largest unit that leaves no rest.
std::string time_text(std::chrono::milliseconds time) {
  const auto count = time.count();
  if (count != 0 && count % 86'400'000 == 0) return fmt::format("{}d", count / 86'400'000);
  if (count % 1'000 == 0) return fmt::format("{}s", count / 1'000);
  return fmt::format("{}ms", count);
}

std::string address(const http::Listener& listener) {
  return listener.host.find(':') == std::string::npos ? fmt::format("{}:{}", listener.host, listener.port)
                                                      : fmt::format("[{}]:{}", listener.host, listener.port);
}

std::string level_name(api::LogSettings::Level level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return std::string(kNames[static_cast<std::size_t>(level)]);
}

std::string format_name(api::LogSettings::Format format) {
  constexpr std::string_view kNames[] = {"auto", "json", "pretty"};
  return std::string(kNames[static_cast<std::size_t>(format)]);
}

void add_server(Lister& list, const api::Settings& service) {
  const http::ServerSettings& server = service.server;
  list.add("server.listen", address(server.listeners[0]));
  list.add("server.admin_listen", server.listeners.size() > 1 ? address(server.listeners[1]) : "null");
  list.add("server.public_url", service.public_url);
  list.add("server.hosts", fmt::format("[{}]", fmt::join(service.hosts, ", ")));
  list.add("server.drain", time_text(service.drain));
  list.add("server.tls.certificate", server.tls_certificate.value_or("null"));
  list.add("server.tls.key", server.tls_key.value_or("null"));
  list.add("server.cors.origins", fmt::format("[{}]", fmt::join(service.cors.origins, ", ")));
  list.add("server.cors.credentials", yes_or_no(service.cors.credentials));
  list.add("server.trusted_proxies", fmt::format("[{}]", fmt::join(server.trusted_proxies, ", ")));
  list.add("server.workers", fmt::format("{}", server.workers));
  list.add("server.max_connections", fmt::format("{}", server.max_connections));
}

/// Of the keys only their names: a digest is of no use to a reader.
void add_auth(Lister& list, const api::Settings& service) {
  std::vector<std::string> names;
  for (const api::KeySettings& key : service.keys) names.push_back(key.name);
  list.add("auth.mode", service.needs_keys ? "keys" : "none");
  list.add("auth.keys", fmt::format("[{}]", fmt::join(names, ", ")));
  list.add("auth.allow_public_without_auth", yes_or_no(service.allow_public_without_auth));
}

void add_storage(Lister& list, const Config& config) {
  list.add("storage.url", config.s3 ? config.storage_text() : "file:" + config.storage_text());
  if (const auto& s3 = config.s3) {
    const auto text_or_null = [](const std::string& text) {
      return text.empty() ? std::string("null") : text;
    };
    list.add("storage.region", s3->region, first_set(kRegionVariables));
    list.add("storage.endpoint", text_or_null(s3->endpoint), first_set(kEndpointVariables));
    list.add("storage.path_style", yes_or_no(s3->path_style));
    list.add("storage.profile", text_or_null(s3->profile));
    list.add("storage.ca", text_or_null(s3->authorities.value_or("").string()),
             first_set(kAuthorityVariables));
  }
  list.add("storage.spool", config.spool_path.string());
  list.add("storage.keep.reports", time_text(config.keep.reports));
  list.add("storage.keep.rejects", time_text(config.keep.rejects));
  list.add("storage.keep.sources", time_text(config.keep.sources));
  list.add("links.mode", config.direct_links ? "direct" : "redirect");
  list.add("links.keys.file", config.link_keys ? config.link_keys->string() : "null");
  std::vector<std::string> ids;
  for (const store::LinkSigner::Key& key : config.link_secrets) ids.push_back(key.id);
  if (!ids.empty()) list.add("links.keys", fmt::format("[{}]", fmt::join(ids, ", ")));
}

void add_http_limits(Lister& list, const Config& config) {
  const api::HttpLimits& limits = config.service.limits;
  const http::ServerSettings& server = config.service.server;
  list.add("limits.max_upload_bytes", bytes_text(limits.max_upload_bytes));
  list.add("limits.max_unpacked_bytes", bytes_text(config.catalog.limits.max_unpacked_bytes));
  list.add("limits.max_reject_bytes", bytes_text(config.catalog.limits.max_reject_bytes));
  list.add("limits.max_ratio", fmt::format("{}", config.catalog.limits.max_ratio));
  list.add("limits.max_header_bytes", bytes_text(server.max_header_bytes));
  list.add("limits.max_url_bytes", bytes_text(server.max_target_bytes));
  list.add("limits.max_body_bytes", bytes_text(limits.max_body_bytes));
  list.add("limits.sync_wait", time_text(limits.sync_wait));
  list.add("limits.queue", fmt::format("{}", limits.queue));
  list.add("limits.loads_at_once", fmt::format("{}", limits.loads_at_once));
  list.add("limits.reports_at_once", fmt::format("{}", limits.reports_at_once));
  list.add("limits.idle_timeout", time_text(server.idle_timeout));
  list.add("limits.min_bytes_per_second", bytes_text(server.min_bytes_per_second));
  list.add("limits.min_read_bytes_per_second", bytes_text(server.min_read_bytes_per_second));
  list.add("limits.page", fmt::format("{}", limits.page));
  list.add("limits.max_page", fmt::format("{}", limits.max_page));
}

void add_compat(Lister& list, const api::Settings& service) {
  const api::CompatSettings& compat = service.compat;
  std::vector<std::string> schemas;
  for (const auto& [alias, name] : compat.schemas) schemas.push_back(fmt::format("{}: {}", alias, name));
  list.add("compat.enabled", yes_or_no(compat.enabled));
  list.add("compat.schemas", fmt::format("{{ {} }}", fmt::join(schemas, ", ")));
  list.add("compat.max_rows", compat.max_rows ? fmt::format("{}", *compat.max_rows) : "null");
  list.add("compat.max_bytes", bytes_text(compat.max_bytes));
  constexpr std::string_view kTables[] = {"any", "known", "configured"};
  list.add("compat.tables", std::string(kTables[static_cast<std::size_t>(compat.tables)]));
  list.add("compat.create_tables", yes_or_no(compat.create_tables));
  const bool is_off =
      compat.cors.empty() || (!compat.is_cors_given && api::is_for_this_machine_only(service));
  list.add("compat.cors", is_off ? "null" : compat.cors);
}

}  // namespace

std::vector<Setting> settings_of(const Config& config, const Document& document) {
  Lister list(document);
  add_server(list, config.service);
  list.add("database.url", config.server ? config.database_url : "sqlite:" + config.database_path.string());
  if (config.server) {
    const std::string password = config.server->address.password.empty() ? "null" : "(set)";
    list.add("database.password", config.secret ? config.secret->described() : password);
    list.add("database.reader_url", config.reader_url.empty() ? "null" : config.reader_url);
    const bool is_always = config.server->address.cleartext_password == db::CleartextPassword::Always;
    list.add("database.cleartext_password", is_always ? "always" : "verified");
    list.add("database.pool", fmt::format("{}", config.server->pool));
    list.add("database.answer_timeout", time_text(config.server->silence));
    list.add("database.load_timeout", time_text(config.server->load_silence));
  }
  add_storage(list, config);
  add_auth(list, config.service);
  const Limits& limits = config.limits;
  const load::LoadLimits& loads = config.catalog.limits;
  list.add("limits.max_rejects", loads.max_rejects.setting());
  list.add("limits.max_columns", fmt::format("{}", loads.max_columns));
  list.add("limits.max_field_bytes", bytes_text(loads.max_field_bytes));
  list.add("limits.max_record_bytes", bytes_text(loads.max_record_bytes));
  const auto timeout_ms = limits.report_timeout.count();
  list.add("limits.report_timeout",
           timeout_ms % 1000 == 0 ? fmt::format("{}s", timeout_ms / 1000) : fmt::format("{}ms", timeout_ms));
  list.add("limits.report_max_rows", fmt::format("{}", limits.report_max_rows));
  add_http_limits(list, config);
  add_compat(list, config.service);
  list.add("lambda.max_body_bytes", fmt::format("{}", config.lambda.max_body_bytes));
  list.add("lambda.max_answer_bytes", fmt::format("{}", config.lambda.max_answer_bytes));
  for (const std::string_view section : {"tables", "reports"})
    if (const Node* node = document.root.find(section)) list.add_leaves(std::string(section), *node);
  list.add("observability.logs.level", level_name(config.service.logs.level));
  list.add("observability.logs.format", format_name(config.service.logs.format));
  list.add("observability.metrics", yes_or_no(config.service.metrics));
  return list.take();
}

}  // namespace rowgate::config

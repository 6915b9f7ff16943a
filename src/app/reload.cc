#include "app/reload.h"

#include "api/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace rowgate::app {
namespace {

/// Each with everything below it.
constexpr std::array<std::string_view, 17> kFixed = {"server.listen",
                                                     "server.admin_listen",
                                                     "server.trusted_proxies",
                                                     "server.tls",
                                                     "server.workers",
                                                     "server.max_connections",
                                                     "database",
                                                     "storage",
                                                     "links",
                                                     "limits.max_header_bytes",
                                                     "limits.max_url_bytes",
                                                     "limits.idle_timeout",
                                                     "limits.min_bytes_per_second",
                                                     "limits.min_read_bytes_per_second",
                                                     "limits.loads_at_once",
                                                     "limits.reports_at_once",
                                                     "lambda"};

bool is_at_or_below(std::string_view path, std::string_view section) {
  return path.starts_with(section) && (path.size() == section.size() || path[section.size()] == '.');
}

/// Of a table or report its name is enough: "tables.jobs".
std::string shortened(const std::string& path) {
  if (!path.starts_with("tables.") && !path.starts_with("reports.")) return path;
  return path.substr(0, path.find('.', path.find('.') + 1));
}

/// Settings that differ, in their order.
std::vector<std::string> changed(const config::LoadedConfig& before, const config::LoadedConfig& now,
                                 bool fixed) {
  std::vector<std::string> paths;
  std::set<std::string> known;
  const auto value_in = [](const config::LoadedConfig& config,
                           const std::string& path) -> std::optional<std::string> {
    const auto found = std::ranges::find(config.settings, path, &config::Setting::path);
    return found == config.settings.end() ? std::nullopt : std::optional(found->value);
  };
  const auto add = [&](const config::Setting& setting) {
    if (needs_restart(setting.path) != fixed) return;
    if (value_in(before, setting.path) == value_in(now, setting.path)) return;
    const std::string path = shortened(setting.path);
    if (known.insert(path).second) paths.push_back(path);
  };

  std::ranges::for_each(now.settings, add);
  std::ranges::for_each(before.settings, add);
  return paths;
}

}  // namespace

bool needs_restart(std::string_view setting) {
  if (is_at_or_below(setting, "storage.keep")) return false;
  return std::ranges::any_of(kFixed, [&](std::string_view each) { return is_at_or_below(setting, each); });
}

api::Reloaded differences(const config::LoadedConfig& started, const config::LoadedConfig& last,
                          const config::LoadedConfig& now) {
  return {.taken = changed(last, now, false),
          .needs_restart = changed(started, now, true),
          .tables = now.config.tables().size(),
          .reports = now.config.reports.size(),
          .keys = now.config.service.keys.size()};
}

api::Settings settings_to_take(api::Settings fresh, const api::Settings& running, std::string own_url) {
  if (!fresh.is_public_url_given) fresh.public_url = std::move(own_url);
  fresh.server = running.server;
  fresh.limits.loads_at_once = running.limits.loads_at_once;
  fresh.limits.reports_at_once = running.limits.reports_at_once;
  fresh.limits.carried_bytes = running.limits.carried_bytes;
  fresh.offers_sources = running.offers_sources;
  fresh.is_called_by_events = running.is_called_by_events;
  fresh.version = running.version;
  fresh.commit = running.commit;
  fresh.compiler = running.compiler;
  fresh.openapi_yaml = running.openapi_yaml;
  fresh.openapi_json = running.openapi_json;
  close_to_other_sites(fresh);
  return fresh;
}

/// Whoever can reach a server without keys can read and change every table.
Result<void> refuse_public_without_keys(const api::Settings& settings) {
  if (settings.needs_keys || settings.allow_public_without_auth) return {};
  for (const http::Listener& listener : settings.server.listeners)
    if (!api::is_loopback_host(listener.host))
      return fail(Code::ConfigInvalid,
                  fmt::format("the server would listen on {} without asking for keys", listener.host),
                  "set auth.mode: keys, listen on 127.0.0.1, or set auth.allow_public_without_auth: true");
  return {};
}

void close_to_other_sites(api::Settings& settings) {
  if (api::is_for_this_machine_only(settings) && !settings.compat.is_cors_given) settings.compat.cors.clear();
}

}  // namespace rowgate::app

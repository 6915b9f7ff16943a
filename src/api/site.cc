#include "api/site.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::api {
namespace {

/// What is behind the scheme of an address, up to its path.
std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

bool is_known_host(const Settings& settings, const std::string& host) {
  if (is_loopback_host(host)) return true;
  if (settings.is_public_url_given && host == host_of(authority_of(settings.public_url))) return true;
  return std::ranges::any_of(settings.hosts,
                             [&](const std::string& known) { return host == host_of(known); });
}

/// Orchestrators ask by whatever address they know, and there is nothing to hide.
bool is_health(const Match& found) {
  return found.pattern == "/livez" || found.pattern == "/readyz" || found.pattern == "/healthz";
}

bool lists(const std::vector<std::string>& origins, std::string_view origin) {
  return std::ranges::find(origins, "*") != origins.end() ||
         (!origin.empty() && std::ranges::find(origins, origin) != origins.end());
}

/// Whether a browser sent it for a page of another site.
bool is_cross_site(const http::Request& request) {
  const std::string site = lower_ascii(request.header("sec-fetch-site").value_or(""));
  if (site == "cross-site") return true;
  const std::optional<std::string_view> origin = request.header("origin");
  if (!origin || site == "same-origin" || site == "same-site") return false;
  return host_of(authority_of(*origin)) != host_of(request.header("host").value_or(""));
}

/// A page that shows the same to everybody, and does nothing when it is read.
bool is_public_page(const Route& route) {
  return (route.method == "GET" || route.method == "OPTIONS") && route.scope == Scope::None;
}

bool is_welcome(const Settings& settings, const http::Request& request, const Route& route) {
  const std::string_view origin = request.header("origin").value_or("");
  if (lists(settings.cors.origins, origin)) return true;
  const CompatSettings& compat = settings.compat;
  return route.is_original && (compat.is_cors_given || settings.is_called_by_events) &&
         (compat.cors == "*" || (!compat.cors.empty() && compat.cors == origin));
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Digits alone: 127.0.0.1.example.org is a name that may lead anywhere.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    authority.remove_prefix(1);
    return lower_ascii(authority.substr(0, authority.find(']')));
  }
  if (std::ranges::count(authority, ':') == 1) authority = authority.substr(0, authority.find(':'));
  if (authority.ends_with('.')) authority.remove_suffix(1);
  return lower_ascii(authority);
}

bool is_for_this_machine_only(const Settings& settings) {
  return !settings.needs_keys &&
         std::ranges::all_of(settings.server.listeners,
                             [](const http::Listener& listener) { return is_loopback_host(listener.host); });
}

Result<void> check_site(const Settings& settings, const http::Request& request, const Match& found) {
  if (settings.needs_keys || request.is_own || is_health(found)) return {};

  const bool judges_hosts =
      !settings.is_called_by_events && (!settings.allow_public_without_auth || !settings.hosts.empty());
  const std::optional<std::string_view> host = request.header("host");
  if (judges_hosts && host && !is_known_host(settings, host_of(*host)))
    return fail(
        Code::RequestMisdirected,
        fmt::format("the request is for the host \"{}\", which is not a name of this server", shown(*host)),
        "add it to server.hosts, or set up auth.keys");

  // Where there is no route nothing happens.
  const Route* const route = found.find(request.method);
  if (route == nullptr || !is_cross_site(request) || is_public_page(*route)) return {};
  if (is_welcome(settings, request, *route)) return {};
  return fail(Code::RequestCrossSite, "a page of another site sent the request",
              "add the page's origin to server.cors, or set up auth.keys");
}

}  // namespace rowgate::api

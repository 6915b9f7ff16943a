#include "api/router.h"

#include "api/handlers/handlers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::api {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kRows = "application/json text/csv";
constexpr std::string_view kSchema = "application/json application/yaml application/sql";
constexpr std::string_view kPage = "limit cursor";
constexpr std::string_view kRowsPage = "limit cursor escape_formulas";

constexpr std::string_view kLoad =
    "mode on_reject max_rejects dry_run map delimiter encoding parent name source";
constexpr std::string_view kValidation =
    "mode on_reject max_rejects map delimiter encoding parent name source";
constexpr std::string_view kFile =
    "text/csv application/csv text/plain application/octet-stream multipart/form-data";

std::uint64_t upload_limit(const Settings& settings) {
  return settings.posted_limit();
}
std::uint64_t json_limit(const Settings& settings) {
  return settings.limits.max_body_bytes;
}
std::uint64_t original_limit(const Settings& settings) {
  return settings.original_limit();
}

// More special patterns stand before those that would fit too.
constexpr Route kRoutes[] = {
    {.method = "GET", .pattern = "/v1", .handle = show_service, .produces = kJson},

    {.method = "GET",
     .pattern = "/v1/tables",
     .scope = Scope::TablesRead,
     .handle = list_tables,
     .query = kPage,
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/tables/{table}",
     .scope = Scope::TablesRead,
     .handle = show_table,
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/tables/{table}/schema",
     .scope = Scope::TablesRead,
     .handle = show_schema,
     .query = "as dialect",
     .produces = kSchema},
    {.method = "GET",
     .pattern = "/v1/tables/{table}/rows",
     .scope = Scope::TablesRead,
     .handle = list_rows,
     .query = kRowsPage,
     .produces = kRows},
    {.method = "GET",
     .pattern = "/v1/tables/{table}/template.csv",
     .scope = Scope::TablesRead,
     .handle = show_template},
    {.method = "POST",
     .pattern = "/v1/tables/{table}/loads",
     .scope = Scope::LoadsWrite,
     .prepare = prepare_load,
     .handle = load_file,
     .query = kLoad,
     .produces = kJson,
     .accepts = kFile,
     .limit_bytes = upload_limit},
    {.method = "OPTIONS", .pattern = "/v1/tables/{table}/loads", .handle = discover_loads},
    {.method = "POST",
     .pattern = "/v1/tables/{table}/validate",
     .scope = Scope::LoadsWrite,
     .prepare = prepare_validation,
     .handle = load_file,
     .query = kValidation,
     .produces = kJson,
     .accepts = kFile,
     .limit_bytes = upload_limit},

    {.method = "POST",
     .pattern = "/v1/sources",
     .scope = Scope::LoadsWrite,
     .prepare = prepare_source,
     .handle = create_source,
     .produces = kJson,
     .accepts = kJson,
     .limit_bytes = json_limit},

    {.method = "GET",
     .pattern = "/v1/runs",
     .scope = Scope::RunsRead,
     .handle = list_runs,
     .query = "table limit cursor",
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/runs/{run}",
     .scope = Scope::RunsRead,
     .handle = show_run,
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/runs/{run}/rejects",
     .scope = Scope::RejectsRead,
     .handle = list_rejects,
     .query = kPage,
     .produces = kRows},
    {.method = "GET",
     .pattern = "/v1/runs/{run}/source",
     .scope = Scope::RejectsRead,
     .handle = download_source},

    {.method = "GET",
     .pattern = "/v1/reports",
     .scope = Scope::ReportsRead,
     .handle = list_reports,
     .query = kPage,
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/reports/{report}.csv",
     .scope = Scope::ReportsRead,
     .handle = run_report_as_csv,
     .query = "*"},
    {.method = "GET",
     .pattern = "/v1/reports/{report}.json",
     .scope = Scope::ReportsRead,
     .handle = run_report_as_json,
     .query = "*"},
    {.method = "POST",
     .pattern = "/v1/reports/{report}/links",
     .scope = Scope::ReportsLink,
     .prepare = prepare_link,
     .handle = create_link,
     .produces = kJson,
     .accepts = kJson,
     .limit_bytes = json_limit},
    {.method = "GET",
     .pattern = "/v1/reports/{report}",
     .scope = Scope::ReportsRead,
     .handle = show_report,
     .produces = kJson},
    {.method = "GET",
     .pattern = "/v1/links",
     .scope = Scope::ReportsLink,
     .handle = list_links,
     .query = kPage,
     .produces = kJson},
    {.method = "DELETE", .pattern = "/v1/links/{link}", .scope = Scope::ReportsLink, .handle = revoke_link},
    {.method = "GET", .pattern = "/d/reports/{link}/{filename}", .handle = download, .query = "*"},

    {.method = "POST",
     .pattern = "/db_migration",
     .scope = Scope::LoadsWrite,
     .prepare = prepare_original_load,
     .handle = original_load,
     .errors = ErrorForm::PlainText,
     .query = "*",
     .accepts = kFile,
     .limit_bytes = original_limit,
     .error_line = original_error_line,
     .is_original = true},

    {.method = "GET", .pattern = "/problems/{problem}", .handle = show_problem},
    {.method = "GET", .pattern = "/openapi.yaml", .handle = openapi_yaml},
    {.method = "GET", .pattern = "/openapi.json", .handle = openapi_json},

    {.method = "GET", .pattern = "/livez", .handle = livez, .is_operations = true},
    {.method = "GET", .pattern = "/readyz", .handle = readyz, .is_operations = true},
    {.method = "GET", .pattern = "/healthz", .handle = readyz, .is_operations = true},
    {.method = "GET", .pattern = "/version", .handle = show_version, .is_operations = true},
    {.method = "GET",
     .pattern = "/metrics",
     .scope = Scope::MetricsRead,
     .handle = show_metrics,
     .is_operations = true},
    {.method = "POST",
     .pattern = "/v1/config/reload",
     .scope = Scope::Admin,
     .handle = reload_configuration,
     .produces = kJson,
     .is_operations = true},
};

/// A report at the address that its `route` names, whatever that is.
constexpr Route kReportRoute = {.method = "GET",
                                .pattern = "{report route}",
                                .scope = Scope::ReportsLink,
                                .handle = original_report,
                                .errors = ErrorForm::PlainText,
                                .query = "*",
                                .is_original = true};

/// The next level of a pattern, which loses it: "/v1/tables" gives "v1".
std::string_view next_level(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::string_view level = pattern.substr(0, pattern.find('/'));
  pattern.remove_prefix(level.size());
  return level;
}

/// One segment against one level: a plain word, {name}, or {name} with an ending.
bool level_fits(std::string_view level, const std::string& segment,
                std::map<std::string, std::string, std::less<>>& params) {
  if (!level.starts_with('{')) return level == segment;
  const std::size_t close = level.find('}');
  const std::string_view ending = level.substr(close + 1);
  if (segment.size() <= ending.size() || !segment.ends_with(ending)) return false;
  params[std::string(level.substr(1, close - 1))] = segment.substr(0, segment.size() - ending.size());
  return true;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

bool fits(std::string_view pattern, std::span<const std::string> segments,
          std::map<std::string, std::string, std::less<>>& params) {
  for (std::size_t i = 0; !pattern.empty(); ++i) {
    const std::string_view level = next_level(pattern);
    if (i >= segments.size()) return false;
    if (!level_fits(level, segments[i], params)) return false;
    if (pattern.empty()) return i + 1 == segments.size();
  }
  return segments.empty();
}

static bool is_report_route(const Service& service, const http::Request& request) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  return std::ranges::any_of(service.reports,
                             [&](const report::Definition& report) { return report.route == path; });
}

Match match(const Service& service, const http::Request& request) {
  Match found;
  if (request.trailing_slash) return found;
  for (const Route& route : routes()) {
    if (!found.pattern.empty()) {
      if (route.pattern == found.pattern) found.methods.push_back(&route);
      continue;
    }
    if (route.is_original && !service.settings.compat.enabled) continue;
    found.params.clear();
    if (!fits(route.pattern, request.segments, found.params)) continue;
    found.pattern = route.pattern;
    found.methods.push_back(&route);
  }
  if (found.pattern.empty() && service.settings.compat.enabled && is_report_route(service, request)) {
    found.pattern = kReportRoute.pattern;
    found.methods.push_back(&kReportRoute);
  }
  return found;
}

const Route* Match::find(std::string_view method) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const auto route = std::ranges::find(methods, wanted, [](const Route* each) { return each->method; });
  return route == methods.end() ? nullptr : *route;
}

std::string Match::allow() const {
  std::vector<std::string_view> names;
  for (const Route* route : methods) {
    names.push_back(route->method);
    if (route->method == "GET") names.emplace_back("HEAD");
  }
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace rowgate::api

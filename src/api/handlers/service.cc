#include "api/core/replies.h"
#include "api/handlers/handlers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

Json limits_json(const Service& service) {
  const Settings& settings = service.settings;
  const HttpLimits& http = settings.limits;
  const load::LoadLimits& load = service.catalog.limits;
  Json json{{"max_upload_bytes", settings.posted_limit()},
            {"max_unpacked_bytes", load.max_unpacked_bytes},
            {"max_ratio", load.max_ratio},
            {"max_columns", load.max_columns},
            {"max_field_bytes", load.max_field_bytes},
            {"max_record_bytes", load.max_record_bytes},
            {"max_rejects", load.max_rejects.setting()},
            {"max_reject_bytes", load.max_reject_bytes},
            {"max_header_bytes", settings.server.max_header_bytes},
            {"max_url_bytes", settings.server.max_target_bytes},
            {"max_body_bytes", http.max_body_bytes},
            {"max_compat_bytes", settings.original_limit()},
            {"sync_wait", static_cast<double>(http.sync_wait.count()) / 1000.0},
            {"loads_at_once", http.loads_at_once},
            {"reports_at_once", http.reports_at_once},
            {"queue", http.queue},
            {"page", http.page},
            {"max_page", http.max_page}};
  if (settings.offers_sources) json["max_source_bytes"] = http.max_upload_bytes;
  return json;
}

}  // namespace

Result<http::Reply> show_service(Call& call, Body) {
  const Json json{{"name", "rowgate"},
                  {"version", call.service.settings.version},
                  {"links",
                   {{"tables", "/v1/tables"},
                    {"runs", "/v1/runs"},
                    {"reports", "/v1/reports"},
                    {"links", "/v1/links"},
                    {"openapi", "/openapi.yaml"}}},
                  {"limits", limits_json(call.service)}};
  return json_response(200, json.dump(2) + "\n");
}

Result<http::Reply> show_version(Call& call, Body) {
  const Settings& settings = call.service.settings;
  const Json json{{"name", "rowgate"},
                  {"version", settings.version},
                  {"commit", settings.commit},
                  {"compiler", settings.compiler}};
  return json_response(200, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace rowgate::api

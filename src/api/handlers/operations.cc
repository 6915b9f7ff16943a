#include "api/core/measured.h"
#include "api/core/metrics.h"
#include "api/core/problem.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace rowgate::api {
namespace {

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return std::nullopt;
  return space.available;
}

Metrics::Now measure(const Service& service) {
  Metrics::Now now{.waiting = service.queue.waiting(),
                   .running = service.queue.running(),
                   .undecided = service.queue.undecided(),
                   .unrecorded = service.queue.unrecorded(),
                   .storage_free_bytes = free_bytes(service.spool)};
  Measured* const measured = service.measured.get();
  now.database_up =
      measured != nullptr ? measured->database_answers.get() : service.database.server_version().has_value();
  now.tables = measured != nullptr ? measured->tables.get() : measure_tables(service);
  return now;
}

}  // namespace

Result<http::Reply> show_metrics(Call& call, Body) {
  if (!call.service.settings.metrics)
    return fail(Code::RequestNotFound, "metrics are off", "set observability.metrics");
  http::Response response{.text = call.service.metrics.text(measure(call.service))};
  response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Result<http::Reply> discover_loads(Call& call, Body) {
  http::Response response{.status = 204};
  response.set("Allow", "OPTIONS, POST");
  response.set("Accept-Post",
               "text/csv, application/csv, text/plain, application/octet-stream, multipart/form-data");
  response.set("Accept-Encoding", "gzip, zstd");
  response.set("Upload-Limit", fmt::format("max-size={}", call.service.settings.posted_limit()));
  return response;
}

Result<http::Reply> reload_configuration(Call& call, Body) {
  if (!call.service.reload)
    return fail(Code::RequestNotFound, "the configuration is read at the start only",
                "start the program again");
  const std::expected<Reloaded, std::vector<Error>> done = call.service.reload();
  if (done) {
    const nlohmann::ordered_json json{{"taken", done->taken},
                                      {"needs_restart", done->needs_restart},
                                      {"tables", done->tables},
                                      {"reports", done->reports},
                                      {"keys", done->keys}};
    return json_response(200, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
  }

  Problem problem{.error = {Code::ConfigInvalid, "the configuration stays as it was, since it has mistakes",
                            "correct them, then ask again"}};
  for (const Error& error : done.error())
    problem.items.push_back({.code = error.code,
                             .line = error.at ? std::optional(error.at->line) : std::nullopt,
                             .hint = error.hint,
                             .file = std::filesystem::path(error.file).filename().string(),
                             .detail = error.message});
  return problem_response(call, problem);
}

}  // namespace rowgate::api

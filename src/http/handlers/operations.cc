#include "base/text.h"
#include "http/handlers/handlers.h"
#include "http/measured.h"
#include "http/metrics.h"
#include "http/problem.h"
#include "http/replies.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace rowgate::http {
namespace {

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return std::nullopt;
  return space.available;
}

/// Of the configured tables.
std::vector<Metrics::Now::Table> measure_tables(const Service& service) {
  std::vector<Metrics::Now::Table> found;
  const Result<std::vector<db::TableState>> tables = service.database.tables(db::Rows::Counted);
  if (!tables) return found;
  for (const db::TableState& state : *tables)
    if (service.catalog.find(state.table.name) != nullptr)
      found.push_back({.name = state.table.name, .rows = state.rows, .version = state.version});
  return found;
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

Measured::Measured(const Service& service)
    : checks(std::chrono::seconds(1), [&service] { return check_far(service); },
             {{.name = "database", .why_not = "it has not answered yet"}}),
      tables(std::chrono::seconds(15), [&service] { return measure_tables(service); }, {}),
      database_answers(
          std::chrono::seconds(1), [&service] { return service.database.server_version().has_value(); },
          false) {}

Result<Reply> show_metrics(Call& call, Body) {
  if (!call.service.settings.metrics)
    return fail(Code::RequestNotFound, "metrics are off", "set observability.metrics");
  Response response{.text = call.service.metrics.text(measure(call.service))};
  response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Result<Reply> discover_loads(Call& call, Body) {
  Response response{.status = 204};
  response.set("Allow", "OPTIONS, POST");
  response.set("Accept-Post",
               "text/csv, application/csv, text/plain, application/octet-stream, multipart/form-data");
  response.set("Accept-Encoding", "gzip, zstd");
  response.set("Upload-Limit", fmt::format("max-size={}", call.service.settings.posted_limit()));
  return response;
}

Result<Reply> reload_configuration(Call& call, Body) {
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

}  // namespace rowgate::http

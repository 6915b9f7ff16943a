#include "base/text.h"
#include "http/handlers/handlers.h"
#include "http/metrics.h"
#include "http/replies.h"

#include <fmt/format.h>

#include <filesystem>

namespace rowgate::http {
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
  const Result<std::vector<db::TableState>> tables = service.database.tables();
  now.database_up = tables.has_value();
  if (!tables) return now;
  for (const db::TableState& state : *tables)
    if (service.catalog.find(state.table.name) != nullptr)
      now.tables.push_back({.name = state.table.name, .rows = state.rows, .version = state.version});
  return now;
}

}  // namespace

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

}  // namespace rowgate::http

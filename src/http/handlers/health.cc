#include "http/handlers/health.h"

#include "http/handlers/handlers.h"
#include "http/replies.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>

namespace rowgate::http {
namespace {

using Json = nlohmann::ordered_json;

/// As draft-inadarei-api-health-check has it.
constexpr std::string_view kHealth = "application/health+json";

Json check_json(bool passed, const std::string& why) {
  Json json{{"status", passed ? "pass" : "fail"}};
  if (!passed && !why.empty()) json["output"] = why;
  return json;
}

/// Messages of the database and the store may name paths: the code's title says enough.
std::string title_of(const Error& error) {
  return fmt::format("{}: {}", text(error.code), info(error.code).title);
}

Json database_check(const Service& service) {
  const Result<std::string> version = service.database.server_version();
  if (!version) return check_json(false, title_of(version.error()));
  // A database that no load has made yet is fine.
  if (!service.database.exists()) return check_json(true, {});
  const Result<std::unique_ptr<db::Cursor>> cursor = service.database.query({.sql = "SELECT 1"});
  if (!cursor) return check_json(false, title_of(cursor.error()));
  std::vector<db::ResultCell> row;
  const Result<bool> answered = (*cursor)->next(row);
  return check_json(answered.has_value(), answered ? std::string() : title_of(answered.error()));
}

/// Two checks at once must not remove each other's file.
store::FileKey probe_key() {
  static std::atomic<std::uint64_t> number{0};
  return fmt::format("health/probe-{}", number++ % 64);
}

Result<void> write_probe(store::Store& store) {
  const store::FileKey key = probe_key();
  TRY_ASSIGN(const std::unique_ptr<store::StoreWriter> writer, store.create(key));
  TRY(writer->write("ready?\n"));
  TRY(writer->close());
  return store.remove(key);
}

Json storage_check(const Service& service) {
  const Result<void> written = write_probe(service.store);
  return check_json(written.has_value(), written ? std::string() : title_of(written.error()));
}

Json queue_check(const Service& service) {
  const std::size_t waiting = service.queue.waiting(), limit = service.settings.limits.queue;
  Json json = check_json(waiting * 10 < limit * 9, "nine tenths full");
  json["observedValue"] = waiting;
  json["observedUnit"] = "runs";
  return json;
}

bool has_admin_listener(const Service& service) {
  return std::ranges::any_of(service.settings.server.listeners, &Listener::is_admin);
}

}  // namespace

Response liveness(const Service& service) {
  const bool turns = !service.is_turning || service.is_turning();
  return text_response(turns ? 200 : 503, kHealth,
                       turns ? "{\"status\":\"pass\"}\n" : "{\"status\":\"fail\"}\n");
}

Result<Reply> livez(Call& call, Body) {
  return liveness(call.service);
}

Result<Reply> readyz(Call& call, Body) {
  const Service& service = call.service;
  const bool drains = service.is_draining && service.is_draining();
  const Json checks{{"database", Json::array({database_check(service)})},
                    {"storage", Json::array({storage_check(service)})},
                    {"queue", Json::array({queue_check(service)})},
                    {"server", Json::array({check_json(!drains, "it is stopping")})}};
  const bool ready =
      std::ranges::all_of(checks, [](const Json& check) { return check[0]["status"] == "pass"; });
  Json json{{"status", ready ? "pass" : "fail"}};
  if (call.request.is_admin || !has_admin_listener(service)) json["checks"] = checks;
  return text_response(ready ? 200 : 503, kHealth, json.dump() + "\n");
}

}  // namespace rowgate::http

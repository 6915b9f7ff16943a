#include "http/handlers/health.h"

#include "http/handlers/handlers.h"
#include "http/measured.h"
#include "http/replies.h"
#include "io/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace rowgate::http {
namespace {

/// As draft-inadarei-api-health-check has it.
constexpr std::string_view kHealth = "application/health+json";

std::string_view status(bool passes) {
  return passes ? "pass" : "fail";
}

/// Messages of the database and the store may name paths: the code's title says enough.
std::string title_of(const Error& error) {
  return fmt::format("{}: {}", text(error.code), info(error.code).title);
}

Result<void> ask_database(db::Database& database) {
  TRY(database.server_version());
  if (!database.exists()) return {};  // the first load makes it
  TRY_ASSIGN(const std::unique_ptr<db::Cursor> cursor, database.query({.sql = "SELECT 1"}));
  std::vector<db::ResultCell> row;
  TRY(cursor->next(row));
  return {};
}

/// A load needs room for its file before anything else.
Result<void> try_spool(const std::filesystem::path& spool) {
  constexpr std::size_t kBlock = 4096;
  TRY_ASSIGN(io::ScratchFile scratch, io::ScratchFile::create(spool));
  return scratch.append(std::string(kBlock, '\0'));
}

/// What is behind the network or on a disk, and what this process knows by itself.
std::vector<Check> check_all(const Service& service) {
  std::vector<Check> checks = service.measured ? service.measured->checks.get() : check_far(service);
  const std::size_t waiting = service.queue.waiting(), limit = service.settings.limits.queue;
  const bool is_full = waiting * 10 >= limit * 9;
  const bool is_draining = service.is_draining && service.is_draining();
  checks.push_back({.name = "queue", .why_not = is_full ? "nine tenths full" : "", .runs_waiting = waiting});
  checks.push_back({.name = "server", .why_not = is_draining ? "it is stopping" : ""});
  return checks;
}

std::string to_json(const Check& check) {
  std::string json = fmt::format("\"{}\":[{{\"status\":\"{}\"", check.name, status(check.why_not.empty()));
  if (!check.why_not.empty()) json += ",\"output\":" + json_text(check.why_not);
  if (check.runs_waiting)
    json += fmt::format(",\"observedValue\":{},\"observedUnit\":\"runs\"", *check.runs_waiting);
  return json + "}]";
}

/// On the admin listener; where there is none, everywhere.
bool may_tell_details(const Call& call) {
  return call.request.is_admin ||
         std::ranges::none_of(call.service.settings.server.listeners, &Listener::is_admin);
}

}  // namespace

std::vector<Check> check_far(const Service& service) {
  const Result<void> database = ask_database(service.database);
  const std::string no_loads = database && service.why_no_loads ? service.why_no_loads() : std::string();
  const Result<store::StoreHealth> storage = service.store.probe();
  const Result<void> spool = try_spool(service.spool);
  return {{.name = "database", .why_not = database ? no_loads : title_of(database.error())},
          {.name = "storage", .why_not = storage ? "" : title_of(storage.error())},
          {.name = "spool", .why_not = spool ? "" : title_of(spool.error())}};
}

Response liveness(const Service& service) {
  const bool turns = !service.is_turning || service.is_turning();
  return text_response(turns ? 200 : 503, kHealth, fmt::format("{{\"status\":\"{}\"}}\n", status(turns)));
}

Result<Reply> livez(Call& call, Body) {
  return liveness(call.service);
}

Result<Reply> readyz(Call& call, Body) {
  const std::vector<Check> checks = check_all(call.service);
  const bool is_ready = std::ranges::all_of(checks, &std::string::empty, &Check::why_not);
  std::string json = fmt::format("{{\"status\":\"{}\"", status(is_ready));
  if (may_tell_details(call)) {
    json += ",\"checks\":{";
    for (const Check& check : checks) json += (json.back() == '{' ? "" : ",") + to_json(check);
    json += "}";
  }
  return text_response(is_ready ? 200 : 503, kHealth, json + "}\n");
}

}  // namespace rowgate::http

#include "api/core/health.h"

#include "api/core/replies.h"
#include "io/files.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

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

}  // namespace

std::string_view health_status(bool passes) {
  return passes ? "pass" : "fail";
}

http::Response health_response(bool passes, std::string_view members) {
  return text_response(passes ? 200 : 503, "application/health+json",
                       fmt::format("{{\"status\":\"{}\"{}}}\n", health_status(passes), members));
}

std::vector<Check> check_far(const Service& service) {
  const Result<void> database = ask_database(service.database);
  const std::string no_loads = database && service.why_no_loads ? service.why_no_loads() : std::string();
  const Result<store::StoreHealth> storage = service.store.probe();
  const Result<void> spool = try_spool(service.spool);
  return {{.name = "database", .why_not = database ? no_loads : title_of(database.error())},
          {.name = "storage", .why_not = storage ? "" : title_of(storage.error())},
          {.name = "spool", .why_not = spool ? "" : title_of(spool.error())}};
}

http::Response liveness(const Service& service) {
  const bool turns = !service.is_turning || service.is_turning();
  return health_response(turns);
}

}  // namespace rowgate::api

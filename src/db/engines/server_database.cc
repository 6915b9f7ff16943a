#include "db/engines/server_database.h"

#include "db/mysql/engine.h"
#include "db/postgresql/engine.h"
#include "db/server/database.h"

#include <algorithm>

namespace rowgate::db {
namespace {

constexpr std::chrono::seconds kBeyondLocks{1};

std::unique_ptr<server::Engine> make_engine(const ServerAddress& address, const server::Patience& patience) {
  const auto make = address.kind == ServerKind::MySql ? mysql::make_engine : postgresql::make_engine;
  return make(address, patience.lock_wait, patience.silence);
}

}  // namespace

std::unique_ptr<Database> server_database(const ServerOptions& options) {
  // Who waits for a lock hears nothing either.
  const auto least = options.lock_wait + kBeyondLocks;
  const server::Patience patience{.lock_wait = options.lock_wait,
                                  .first_retry = options.first_retry,
                                  .load_silence = std::max(options.load_silence, least),
                                  .silence = std::max(options.silence, least)};
  return server::make_database(make_engine(options.address, patience),
                               options.reader ? make_engine(*options.reader, patience) : nullptr, patience,
                               options.pool);
}

}  // namespace rowgate::db

#include "db/mysql/engine.h"
#include "db/open.h"
#include "db/postgresql/engine.h"
#include "db/server/database.h"

namespace rowgate::db {
namespace {

std::unique_ptr<server::Engine> make_engine(const ServerAddress& address,
                                            std::chrono::milliseconds lock_wait) {
  return address.kind == ServerKind::MySql ? mysql::make_engine(address, lock_wait)
                                           : postgresql::make_engine(address, lock_wait);
}

}  // namespace

std::unique_ptr<Database> server_database(const ServerOptions& options) {
  return server::make_database(make_engine(options.address, options.lock_wait),
                               options.reader ? make_engine(*options.reader, options.lock_wait) : nullptr,
                               {options.lock_wait, options.first_retry}, options.pool);
}

}  // namespace rowgate::db

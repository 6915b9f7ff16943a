#include "app/wire.h"

#include "db/open.h"

namespace rowgate::app {

std::unique_ptr<db::Database> make_database(const Config& config) {
  if (config.server) return db::server_database(*config.server);
  return db::sqlite_database(config.database_path);
}

std::unique_ptr<store::Store> make_store(const Config& config) {
  return store::dir_store(config.storage_path);
}

}  // namespace rowgate::app

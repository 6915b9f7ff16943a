#pragma once

#include "db/database.h"
#include "db/server_address.h"

#include <memory>

namespace rowgate::db {

/// A database of the MySQL family (MariaDB 10.5 and later, MySQL 8) or of PostgreSQL. Nothing is connected
/// yet.
std::unique_ptr<Database> server_database(const ServerOptions& options);

}  // namespace rowgate::db

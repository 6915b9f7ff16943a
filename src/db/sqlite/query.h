#pragma once

#include "db/database.h"
#include "db/sqlite/connection.h"

namespace rowgate::db::sqlite {

/// Runs one read-only statement on a read connection of its own, which the cursor keeps.
Result<std::unique_ptr<Cursor>> run_query(Connection connection, const Query& query);

}  // namespace rowgate::db::sqlite

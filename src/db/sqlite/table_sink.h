#pragma once

#include "db/database.h"
#include "db/sqlite/catalog.h"
#include "db/sqlite/connection.h"

namespace rowgate::db::sqlite {

/// Makes ready the target's table in the open transaction of `connection` and a sink for it (see
/// Transaction::open_sink). The connection has foreign_keys=OFF: parents and children are judged by the sink
/// itself, so that each culprit is found by line, and nothing is checked twice.
Result<std::unique_ptr<Sink>> make_sink(const Connection& connection, const LoadTarget& target);

}  // namespace rowgate::db::sqlite

#pragma once

#include "db/postgresql/session.h"

namespace rowgate::db::postgresql {

/// Runs one statement that reads, in a transaction that only reads.
Result<std::unique_ptr<Cursor>> open_cursor(std::unique_ptr<server::Session> session, const Query& query);

}  // namespace rowgate::db::postgresql

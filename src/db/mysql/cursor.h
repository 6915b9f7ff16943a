#pragma once

#include "db/mysql/session.h"
#include "db/server/engine.h"

namespace rowgate::db::mysql {

/// Runs one statement that reads, in a transaction that only reads.
Result<std::unique_ptr<Cursor>> open_cursor(const server::Engine& engine,
                                            std::unique_ptr<server::Session> session, const Query& query);

}  // namespace rowgate::db::mysql

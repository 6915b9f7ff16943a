#pragma once

#include "base/error.h"

#include <chrono>
#include <filesystem>

namespace rowgate::db {

/// Whether a load could write into the SQLite database in `path` now; changes nothing. Waits up to
/// `lock_wait` for another writer. One that is not there can be written where it could be made. Fails with
/// database.read_only, database.unreachable, table.busy.
Result<void> try_to_write_sqlite(const std::filesystem::path& path, std::chrono::milliseconds lock_wait);

}  // namespace rowgate::db

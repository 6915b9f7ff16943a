#pragma once

#include "db/database.h"

#include <chrono>
#include <filesystem>
#include <memory>

namespace rowgate::db {

/// A SQLite database in the file `path`, made by the first load. WAL, synchronous NORMAL, STRICT tables,
/// foreign_keys ON. `lock_wait` bounds the waiting for another writer. `scratch` is the folder of SQLite's
/// own temporary files; the first one that is given counts for the whole process. Else the system's.
std::unique_ptr<Database> sqlite_database(const std::filesystem::path& path,
                                          std::chrono::milliseconds lock_wait = std::chrono::seconds(10),
                                          const std::filesystem::path& scratch = {});

}  // namespace rowgate::db

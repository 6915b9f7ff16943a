#pragma once

#include "db/database.h"

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

namespace rowgate::app {

/// Looks whether loads can be written into a SQLite database, and whether it is the one that this spool
/// knows: whose file has vanished, or was exchanged, would else begin anew in silence. Which one that is
/// stands in the spool as `databases/<digest of its place>`, since the first load into it. Thread safe.
class DatabaseWatch {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// `lock_wait`: how long a load waits for another writer.
  DatabaseWatch(db::Database& database, std::filesystem::path file, const std::filesystem::path& spool,
                std::chrono::milliseconds lock_wait);

  /// Fails with database.unreachable where the database is not the one that it was: it is gone, or another
  /// one is in its place. What is seen for the first time is kept in mind.
  Result<void> recognize();
  /// The same after a load, at most once a second where the database is known: each look is a query.
  Result<void> recognize_after_load(Moment now = std::chrono::steady_clock::now());
  /// Whether that was so when it was last looked at.
  bool is_recognized() const;
  /// Fails as recognize() does; with database.read_only, or with table.busy where others have been writing
  /// for longer than a load would wait. Waits for nobody itself. `is_loading`: this very process may be the
  /// writer.
  Result<void> check(bool is_loading, Moment now = std::chrono::steady_clock::now());

 private:
  Result<void> keep_in_mind(const std::string& identity);

  db::Database& database_;
  std::filesystem::path file_, note_;
  std::chrono::milliseconds lock_wait_;
  mutable std::mutex mutex_;
  bool is_recognized_ = true;  ///< guarded by mutex_
  std::string known_;          ///< guarded by mutex_; the identity that it has had, where there was one
  Moment looked_ = {};         ///< guarded by mutex_; when recognize_after_load() did
  std::optional<Moment> busy_since_;  ///< guarded by mutex_
};

}  // namespace rowgate::app

#pragma once

#include "db/sqlite/connection.h"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

namespace rowgate::db::sqlite {

/// Connections to one database file that stay open between their uses: opening one costs more than most
/// look-ups, and the last one that closes folds the log back and waits for the disk. A file that was replaced
/// is opened anew. Thread safe.
class KeptConnections {
 public:
  /// A connection for as long as one needs it, then kept for the next. Closed instead, which rolls back,
  /// where it is still in a transaction, has statements or temporary tables, or met an error.
  class Lease {
   public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    const Connection& operator*() const { return connection_; }
    const Connection* operator->() const { return &connection_; }

   private:
    friend class KeptConnections;
    struct File {
      dev_t device = 0;
      ino_t inode = 0;
      friend bool operator==(const File&, const File&) = default;
    };
    Lease(KeptConnections& owner, Access access, File file, Connection connection);

    KeptConnections* owner_;
    Access access_;
    File file_;
    Connection connection_;
  };

  KeptConnections(std::filesystem::path path, std::chrono::milliseconds lock_wait)
      : path_(std::move(path)), lock_wait_(lock_wait) {}

  /// Whether there is a database yet.
  bool exists() const;
  /// Fails as Connection::open() with Access::Read does.
  Result<Lease> reader();
  /// The one writer; waits for other processes up to `lock_wait`. Fails as Connection::open() with
  /// Access::Write does.
  Result<Lease> writer(std::chrono::milliseconds lock_wait);
  /// For a transaction that is rolled back; never kept. Of a private empty database where there is none yet.
  Result<Lease> dry_run(std::chrono::milliseconds lock_wait);

 private:
  using File = Lease::File;
  struct Idle {
    File file;
    Connection connection;
  };
  File file() const;
  std::optional<Lease> take_idle(Access access, File now);
  void give_back(Lease& lease);

  std::filesystem::path path_;
  std::chrono::milliseconds lock_wait_;
  std::mutex mutex_;
  std::vector<Idle> writers_;  ///< closed last: a reader could not fold the log back
  std::vector<Idle> readers_;
};

}  // namespace rowgate::db::sqlite

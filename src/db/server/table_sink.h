#pragma once

#include "db/server/engine.h"
#include "db/server/tables.h"

namespace rowgate::db::server {

/// What a sink needs of its transaction.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual const Engine& engine() const = 0;
  virtual Session& session() = 0;
  virtual Tables& tables() = 0;
  /// Makes a table for rows that get their place at the commit. Under a dry run it is gone with the session.
  virtual Result<void> make_table(const TableName& name, const LoadTarget& target) = 0;
  /// Begins all anew after an error that may pass (a deadlock, a lost connection): at most so many times,
  /// each time later. Fails with the error itself where that cannot be done or was done often enough.
  virtual Result<void> begin_anew(const Error& error) = 0;
};

Result<std::unique_ptr<Sink>> make_sink(Surroundings& at, const LoadTarget& target);

}  // namespace rowgate::db::server

#pragma once

// The one place that speaks to libpq.

#include "db/database.h"
#include "db/server/session.h"
#include "db/server/watch.h"
#include "db/server_address.h"

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

namespace rowgate::db::postgresql {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultSet = std::unique_ptr<PGresult, ClearResult>;

/// See server::Session.
class PostgreSqlSession : public server::Session {
 public:
  /// Connects and sets the session up: UTF-8, UTC, the address's schema.
  static Result<std::unique_ptr<PostgreSqlSession>> open(const ServerAddress& address,
                                                         std::chrono::milliseconds lock_wait,
                                                         std::shared_ptr<server::SocketWatch> watch,
                                                         std::chrono::milliseconds silence);

  Result<std::uint64_t> run(const std::string& sql, std::span<const server::Param> params) override;
  Result<void> each(const std::string& sql, std::span<const server::Param> params,
                    const std::function<Result<void>(server::TextView)>& visit) override;
  Result<server::BulkOutcome> bulk(const server::BulkTarget& target, std::string_view text,
                                   std::uint64_t rows) override;
  bool is_lost() const override { return PQstatus(connection_.get()) != CONNECTION_OK; }
  bool only_reads() const override { return only_reads_; }
  bool answers() override { return run("SELECT 1", {}).has_value(); }
  void allow_silence(std::chrono::milliseconds silence) override { watched_->allow_silence(silence); }
  bool was_duplicate() const override { return last_state_ == "23505"; }

  server::WatchedSocket& watched() { return *watched_; }
  PGconn* get() const { return connection_.get(); }
  /// The error of a failed result, or of the connection where it is null.
  Error error(const PGresult* result, std::string_view doing);
  const std::string& last_state() const { return last_state_; }

 private:
  Result<void> set_up(const ServerAddress& address, std::chrono::milliseconds lock_wait);

  std::unique_ptr<PGconn, CloseConnection> connection_;
  std::optional<server::WatchedSocket> watched_;
  std::string last_state_;
  bool only_reads_ = false;
};

}  // namespace rowgate::db::postgresql

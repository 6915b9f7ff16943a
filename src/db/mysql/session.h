#pragma once

// The one place that speaks to libmariadb.

#include "db/database.h"
#include "db/server/session.h"
#include "db/server/watch.h"
#include "db/server_address.h"

#include <mysql.h>

#include <memory>
#include <string>
#include <vector>

namespace rowgate::db::mysql {

struct CloseConnection {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
};
using Connection = std::unique_ptr<MYSQL, CloseConnection>;

struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};

/// What the server has to say, in rowgate's terms.
Error error_of(unsigned number, const char* state, std::string_view text, std::string_view doing);

/// A prepared statement and its rows, one at a time.
class Statement {
 public:
  /// `number` is the server's or the library's when it fails.
  static Result<Statement> prepare(MYSQL* connection, std::string_view sql, unsigned& number);
  Result<void> execute(const std::vector<Value>& values);
  Result<bool> next();
  std::uint64_t affected() const { return mysql_stmt_affected_rows(handle_.get()); }
  std::size_t columns() const { return fields_.size(); }
  const MYSQL_FIELD& field(std::size_t column) const { return fields_[column]; }
  /// How a column's values come: numbers as numbers, all else as text.
  enum class Kind : std::uint8_t { Text, Integer, Unsigned, Real };
  Kind kind(std::size_t column) const { return rows_[column].kind; }
  /// Of the present row; valid until next().
  bool is_null(std::size_t column) const { return rows_[column].is_null != 0; }
  std::int64_t integer(std::size_t column) const { return rows_[column].integer; }
  double real(std::size_t column) const { return rows_[column].real; }
  /// Of any column.
  std::optional<std::string_view> text(std::size_t column);
  MYSQL_STMT* get() const { return handle_.get(); }
  Error error(std::string_view doing) const {
    return error_of(mysql_stmt_errno(handle_.get()), mysql_stmt_sqlstate(handle_.get()),
                    mysql_stmt_error(handle_.get()), doing);
  }

 private:
  explicit Statement(MYSQL_STMT* handle) : handle_(handle) {}
  Result<void> bind_columns();

  struct Column {
    Kind kind = Kind::Text;
    std::int64_t integer = 0;
    double real = 0;
    std::string buffer = {};
    unsigned long size = 0;
    my_bool is_null = 0, is_cut = 0;
  };
  std::unique_ptr<MYSQL_STMT, CloseStatement> handle_;
  std::vector<MYSQL_FIELD> fields_;
  std::vector<Column> rows_;
  std::vector<MYSQL_BIND> binds_;
};

/// See server::Session.
class MySqlSession : public server::Session {
 public:
  /// Connects and sets the session up: strict, UTF-8, UTC, ANSI quotes, READ COMMITTED.
  static Result<std::unique_ptr<MySqlSession>> open(const ServerAddress& address,
                                                    std::chrono::milliseconds lock_wait,
                                                    std::shared_ptr<server::SocketWatch> watch,
                                                    std::chrono::milliseconds silence);

  Result<std::uint64_t> run(const std::string& sql, std::span<const server::Param> params) override;
  Result<void> each(const std::string& sql, std::span<const server::Param> params,
                    const std::function<Result<void>(server::TextView)>& visit) override;
  Result<server::BulkOutcome> bulk(const server::BulkTarget& target, std::string_view text,
                                   std::uint64_t rows) override;
  bool is_lost() const override { return lost_; }
  bool answers() override {
    const server::Expecting expecting(*watched_);
    return mysql_ping(connection_.get()) == 0;
  }
  void allow_silence(std::chrono::milliseconds silence) override { watched_->allow_silence(silence); }
  bool was_duplicate() const override { return last_error_ == kDuplicate; }

  server::WatchedSocket& watched() { return *watched_; }
  /// Which server it is, and of which the session's number is one.
  const std::string& server() const { return server_; }
  MYSQL* get() const { return connection_.get(); }
  bool is_mariadb() const { return is_mariadb_; }
  /// The collation that compares bytes and keeps trailing spaces.
  std::string_view collation() const { return is_mariadb_ ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin"; }
  /// Notes what the error says about the session.
  Error noted(unsigned number, Error error);

 private:
  static constexpr unsigned kDuplicate = 1062;
  Result<void> set_up(std::chrono::milliseconds lock_wait);
  Error last(std::string_view doing);
  Result<server::BulkOutcome> insert_rows(const server::BulkTarget& target, std::string_view text,
                                          std::uint64_t rows);
  Result<std::string> first_warning();

  Connection connection_;
  std::optional<server::WatchedSocket> watched_;
  std::string server_;
  bool is_mariadb_ = false, lost_ = false, no_local_infile_ = false;
  unsigned last_error_ = 0;
  std::uint64_t max_packet_ = 0;  ///< the longest statement that the server takes
};

}  // namespace rowgate::db::mysql

#include "db/mysql/cursor.h"

#include "base/text.h"
#include "db/server/computed.h"
#include "db/server/links.h"
#include "db/server/named_sql.h"
#include "db/stored_table.h"

#include <fmt/format.h>
#include <mysqld_error.h>

#include <charconv>

namespace rowgate::db::mysql {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Kind = ResultCell::Kind;

constexpr unsigned kStatementTimeout = 1969;  // MariaDB: ER_STATEMENT_TIMEOUT
/// Places of a quotient beyond those of its dividend: more than a double holds. Sums have never so many.
constexpr unsigned kQuotientDigits = 20;
constexpr unsigned kQueryTimeout = 3024;  // MySQL: ER_QUERY_TIMEOUT

/// "2021-11-07 02:48:42.5" as "2021-11-07T02:48:42.5Z".
void to_canonical_datetime(std::string& text) {
  if (text.size() < 19 || text[10] != ' ') return;
  text[10] = 'T';
  text += 'Z';
}

class MySqlCursor : public Cursor {
 public:
  MySqlCursor(const server::Engine& engine, std::unique_ptr<MySqlSession> session, const Query& query)
      : engine_(engine),
        session_(std::move(session)),
        stop_(query.stop),
        timeout_(query.timeout),
        deadline_(SteadyClock::now() + query.timeout) {
    session_->watched().obey(query.stop);
  }

  MySqlCursor(const MySqlCursor&) = delete;
  MySqlCursor& operator=(const MySqlCursor&) = delete;
  /// The server does not notice that its client is gone as long as the statement runs.
  ~MySqlCursor() override {
    const bool must_end = is_running_ && stop_.stop_requested();
    const unsigned long number = mysql_thread_id(session_->get());
    const std::string at = session_->server();
    {
      const server::Expecting expecting(session_->watched());
      statement_.reset();  // reads what is left of the result
    }
    if (!must_end) return;

    session_.reset();
    Result<std::unique_ptr<server::Session>> other = engine_.connect(server::Access::Read);
    // A name of several servers may have led to another one, where the number is another session's.
    if (other && static_cast<MySqlSession&>(**other).server() == at)
      (void)(*other)->run(fmt::format("KILL {}", number), {});
  }

  Result<void> open(const Query& query) {
    TRY_ASSIGN(const server::NamedSql sql, server::read_query(query.sql, server::SqlFlavour::MySql));
    TRY_ASSIGN(const std::vector<Value> values, server::values_of(sql, query.params));
    const auto milliseconds = std::clamp<std::int64_t>(timeout_.count(), 1, 24LL * 3600 * 1000);
    const std::string most = session_->is_mariadb() ? fmt::format("max_statement_time = {:.3f}",
                                                                  static_cast<double>(milliseconds) / 1000)
                                                    : fmt::format("max_execution_time = {}", milliseconds);
    TRY(session_->run(
        fmt::format("SET SESSION div_precision_increment = {}, SESSION {}", kQuotientDigits, most), {}));
    if (query.with_versions) {
      TRY(session_->run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", {}));
      TRY(session_->run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", {}));
      TRY_ASSIGN(versions_, server::table_versions_of(engine_, *session_));
    } else {
      TRY(session_->run("START TRANSACTION READ ONLY", {}));
    }
    const server::Expecting expecting(session_->watched());
    unsigned number = 0;
    Result<Statement> statement = Statement::prepare(session_->get(), sql.sql, number);
    if (!statement) return std::unexpected(query_error(number, statement.error()));
    statement_.emplace(*std::move(statement));
    if (mysql_stmt_field_count(statement_->get()) == 0)
      return fail(Code::ReportBadSql, "the statement would do more than read",
                  "a report is one SELECT statement");
    is_running_ = true;
    if (const Result<void> done = statement_->execute(values); !done)
      return std::unexpected(query_error(mysql_stmt_errno(statement_->get()), done.error()));
    for (std::size_t i = 0; i < statement_->columns(); ++i) columns_.emplace_back(statement_->field(i).name);
    texts_.resize(columns_.size());
    return {};
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  std::string table_versions() const override { return versions_; }

  Result<bool> next(std::vector<ResultCell>& row) override {
    if (stop_.stop_requested()) return std::unexpected(nobody_waits());
    if (SteadyClock::now() > deadline_) return std::unexpected(took_too_long(timeout_));
    const server::Expecting expecting(session_->watched());
    const Result<bool> more = statement_->next();
    if (!more) return std::unexpected(query_error(mysql_stmt_errno(statement_->get()), more.error()));
    if (!*more) {
      is_running_ = false;
      return false;
    }
    row.resize(columns_.size());
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = cell(i);
    return true;
  }

 private:
  Error query_error(unsigned number, const Error& error) {
    if (const std::optional<Error> cut = session_->watched().why_cut()) return *cut;
    if (number == kStatementTimeout || number == kQueryTimeout || SteadyClock::now() > deadline_)
      return took_too_long(timeout_);
    if (number == ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION)
      return {Code::ReportBadSql, "the statement would do more than read",
              "a report is one SELECT statement"};
    if (number == ER_NO_SUCH_TABLE) return no_table_to_read();
    if (error.code != Code::DatabaseRefused) return error;
    return {Code::ReportBadSql, fmt::format("the SQL does not run: {}", error.message),
            "correct the report's sql"};
  }

  ResultCell cell(std::size_t column) {
    ResultCell cell;
    if (statement_->is_null(column)) return cell;
    switch (statement_->kind(column)) {
      case Statement::Kind::Unsigned:
        if (statement_->integer(column) < 0) break;  // beyond 63 bits
        [[fallthrough]];
      case Statement::Kind::Integer:
        cell.kind = Kind::Integer;
        cell.integer = statement_->integer(column);
        return cell;
      case Statement::Kind::Real:
        cell.kind = Kind::Real;
        cell.real = statement_->real(column);
        return cell;
      case Statement::Kind::Text:
        break;
    }
    std::string& text = texts_[column];
    text = *statement_->text(column);
    cell.kind = Kind::Text;
    const MYSQL_FIELD& field = statement_->field(column);
    if (field.type == MYSQL_TYPE_NEWDECIMAL || field.type == MYSQL_TYPE_DECIMAL) number(cell, field, text);
    if (field.type == MYSQL_TYPE_DATETIME || field.type == MYSQL_TYPE_TIMESTAMP) to_canonical_datetime(text);
    if (is_bytes(field)) cell.kind = Kind::Bytes;
    cell.text = text;
    return cell;
  }

  static bool is_bytes(const MYSQL_FIELD& field) {
    constexpr unsigned kBinary = 63;  // the "character set" of bytes, and of numbers and dates
    switch (field.type) {
      case MYSQL_TYPE_TINY_BLOB:
      case MYSQL_TYPE_MEDIUM_BLOB:
      case MYSQL_TYPE_LONG_BLOB:
      case MYSQL_TYPE_BLOB:
      case MYSQL_TYPE_STRING:
      case MYSQL_TYPE_VAR_STRING:
        return field.charsetnr == kBinary;
      default:
        return false;
    }
  }

  /// Sums of integers come as decimals without places; only a column of a table keeps those it was declared
  /// with. A quotient has as many more than its dividend as the session asks for.
  static void number(ResultCell& cell, const MYSQL_FIELD& field, std::string& text) {
    if (field.org_table_length == 0 || field.decimals == 0)
      server::computed_number(cell, text, field.decimals >= kQuotientDigits);
  }

  const server::Engine& engine_;
  std::unique_ptr<MySqlSession> session_;
  std::stop_token stop_;
  bool is_running_ = false;  ///< at the server
  std::chrono::milliseconds timeout_;
  SteadyClock::time_point deadline_;
  std::optional<Statement> statement_;  // after the session: it is closed first
  std::vector<std::string> columns_, texts_;
  std::string versions_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> open_cursor(const server::Engine& engine,
                                            std::unique_ptr<server::Session> session, const Query& query) {
  std::unique_ptr<MySqlSession> own(static_cast<MySqlSession*>(session.release()));
  auto cursor = std::make_unique<MySqlCursor>(engine, std::move(own), query);
  TRY(cursor->open(query));
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace rowgate::db::mysql

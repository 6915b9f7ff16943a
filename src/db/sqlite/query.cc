#include "db/sqlite/query.h"

#include "base/text.h"
#include "db/stored_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rowgate::db::sqlite {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Only reading is allowed; functions that reach outside the database are not.
int authorize(void*, int action, const char*, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return second != nullptr && lower_ascii(second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

/// How long a query may run.
struct Bounds {
  SteadyClock::time_point deadline;
  std::stop_token stop;
};

int is_over(void* bounds) {
  const Bounds& of = *static_cast<const Bounds*>(bounds);
  return of.stop.stop_requested() || SteadyClock::now() > of.deadline ? 1 : 0;
}

std::unexpected<Error> bad_sql(std::string message, std::string hint) {
  return fail(Code::ReportBadSql, std::move(message), std::move(hint));
}

class QueryCursor : public Cursor {
 public:
  QueryCursor(Connection connection, const Query& query)
      : connection_(std::move(connection)),
        timeout_(query.timeout),
        bounds_{SteadyClock::now() + query.timeout, query.stop} {}

  Result<void> open(const Query& query) {
    sqlite3_set_authorizer(connection_.get(), authorize, nullptr);
    sqlite3_progress_handler(connection_.get(), 10'000, is_over, &bounds_);
    TRY(prepare(query.sql));
    TRY(bind_all(query.params));
    for (int i = 0; i < sqlite3_column_count(statement_.get()); ++i)
      columns_.emplace_back(sqlite3_column_name(statement_.get(), i));
    return {};
  }

  const std::vector<std::string>& columns() const override { return columns_; }

  Result<bool> next(std::vector<ResultCell>& row) override {
    if (bounds_.stop.stop_requested()) return std::unexpected(step_error(SQLITE_INTERRUPT));
    const int status = sqlite3_step(statement_.get());
    if (status == SQLITE_DONE) return false;
    if (status != SQLITE_ROW) return std::unexpected(step_error(status));
    row.resize(columns_.size());
    for (int i = 0; i < static_cast<int>(row.size()); ++i) row[static_cast<std::size_t>(i)] = cell(i);
    return true;
  }

 private:
  Result<void> prepare(const std::string& sql) {
    sqlite3_stmt* handle = nullptr;
    const char* rest = nullptr;
    const int status =
        sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &handle, &rest);
    statement_ = Statement(handle);
    if (status == SQLITE_AUTH)
      return bad_sql("the statement would do more than read", "a report is one SELECT statement");
    if (status != SQLITE_OK) return std::unexpected(compile_error(status));
    if (!statement_) return bad_sql("there is no statement in it", "a report is one SELECT statement");
    if (!is_nothing(rest))
      return bad_sql("there is more than one statement in it", "a report is one SELECT statement");
    if (sqlite3_stmt_readonly(statement_.get()) == 0 || sqlite3_column_count(statement_.get()) == 0)
      return bad_sql("the statement would do more than read", "a report is one SELECT statement");
    return {};
  }

  /// Whether what follows the first statement holds only spaces, semicolons and comments.
  bool is_nothing(const char* rest) const {
    while (rest != nullptr && *rest != '\0') {
      sqlite3_stmt* handle = nullptr;
      const char* next = nullptr;
      const int status = sqlite3_prepare_v2(connection_.get(), rest, -1, &handle, &next);
      sqlite3_finalize(handle);
      if (status != SQLITE_OK || handle != nullptr) return false;
      rest = next;
    }
    return true;
  }

  Result<void> bind_all(const std::vector<std::pair<std::string, Value>>& params) {
    const int count = sqlite3_bind_parameter_count(statement_.get());
    for (int i = 1; i <= count; ++i) {
      const char* name = sqlite3_bind_parameter_name(statement_.get(), i);
      if (name == nullptr || name[0] != ':')
        return bad_sql("a parameter has no name of the form :name",
                       "write :name, and declare it under params");
      const auto found =
          std::ranges::find(params, std::string(name + 1), &std::pair<std::string, Value>::first);
      if (found == params.end())
        return bad_sql(fmt::format("the parameter {} has no value", name), "declare it under params");
      bind_value(i, found->second);
    }
    return {};
  }

  void bind_value(int index, const Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value))
      statement_.bind(index, *integer);
    else if (const auto* real = std::get_if<double>(&value))
      sqlite3_bind_double(statement_.get(), index, *real);
    else if (const auto* text = std::get_if<std::string>(&value))
      statement_.bind(index, std::string_view(*text));
    else
      statement_.bind_null(index);
  }

  ResultCell cell(int column) const {
    ResultCell cell;
    switch (sqlite3_column_type(statement_.get(), column)) {
      case SQLITE_NULL:
        break;
      case SQLITE_INTEGER:
        cell.kind = ResultCell::Kind::Integer;
        cell.integer = sqlite3_column_int64(statement_.get(), column);
        break;
      case SQLITE_FLOAT:
        cell.kind = ResultCell::Kind::Real;
        cell.real = sqlite3_column_double(statement_.get(), column);
        break;
      default:
        cell.kind = sqlite3_column_type(statement_.get(), column) == SQLITE_BLOB ? ResultCell::Kind::Bytes
                                                                                 : ResultCell::Kind::Text;
        cell.text = {static_cast<const char*>(sqlite3_column_blob(statement_.get(), column)),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
    }
    return cell;
  }

  Error compile_error(int status) const {
    if ((status & 0xff) == SQLITE_INTERRUPT) return step_error(status);
    if ((status & 0xff) != SQLITE_ERROR) return connection_.error(status, "the query");
    const std::string_view words = sqlite3_errmsg(connection_.get());
    if (words.starts_with("no such table: ")) return no_table_to_read();
    return {Code::ReportBadSql,
            fmt::format("the SQL does not compile: {}", sqlite3_errmsg(connection_.get())),
            "correct the report's sql"};
  }

  Error step_error(int status) const {
    if ((status & 0xff) == SQLITE_INTERRUPT && bounds_.stop.stop_requested())
      return {Code::RunInterrupted, "nobody waits for the result any more", "send the request again"};
    if ((status & 0xff) == SQLITE_INTERRUPT)
      return {Code::ReportTimeout,
              fmt::format("the query took longer than {} s", static_cast<double>(timeout_.count()) / 1000.0),
              "make it cheaper, or raise its timeout"};
    if ((status & 0xff) == SQLITE_ERROR)
      return {Code::ReportBadSql, fmt::format("the query failed: {}", sqlite3_errmsg(connection_.get())),
              "correct the report's sql"};
    return connection_.error(status, "the query");
  }

  Connection connection_;
  std::chrono::milliseconds timeout_;
  Bounds bounds_;
  Statement statement_;
  std::vector<std::string> columns_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> run_query(Connection connection, const Query& query) {
  auto cursor = std::make_unique<QueryCursor>(std::move(connection), query);
  TRY(cursor->open(query));
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace rowgate::db::sqlite

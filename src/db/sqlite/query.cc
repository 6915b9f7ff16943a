#include "db/sqlite/query.h"

#include "base/text.h"
#include "db/sqlite/catalog.h"
#include "db/sqlite/decimals.h"
#include "db/sqlite/link_ledger.h"
#include "db/stored_table.h"
#include "table/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace rowgate::db::sqlite {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Tables and columns that a statement reads.
using Reads = std::set<std::pair<std::string, std::string>>;

/// Only reading is allowed, and noted; functions that reach outside the database are not.
int authorize(void* reads, int action, const char* first, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_READ:
      if (first != nullptr && second != nullptr) static_cast<Reads*>(reads)->emplace(first, second);
      return SQLITE_OK;
    case SQLITE_SELECT:
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
    if (query.with_versions) {
      TRY(connection_.run("BEGIN"));  // what is read from here on is of one moment
      TRY_ASSIGN(versions_, table_versions_of(connection_));
    }
    sqlite3_set_authorizer(connection_.get(), authorize, &reads_);
    sqlite3_progress_handler(connection_.get(), 10'000, is_over, &bounds_);
    TRY(prepare(query.sql));
    TRY(look_at_decimals(query.sql));
    TRY(bind_all(query.params));
    for (int i = 0; i < sqlite3_column_count(statement_.get()); ++i)
      columns_.emplace_back(sqlite3_column_name(statement_.get(), i));
    texts_.resize(columns_.size());
    return {};
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  std::string table_versions() const override { return versions_; }

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
  /// The schema that the table was made by; nullptr where there is none.
  Result<const table::TableSchema*> schema_of(const std::string& table) {
    const auto [found, is_new] = schemas_.try_emplace(table);
    if (is_new) {
      TRY_ASSIGN(const std::optional<std::string> json, kept_schema_of(connection_, table));
      if (json && !json->empty())
        if (Result<table::TableSchema> read = table::schema_from_json(*json, table))
          found->second = *std::move(read);
    }
    return found->second ? &*found->second : nullptr;
  }

  Result<std::optional<table::Field>> decimal_of(const std::string& table, const std::string& column) {
    TRY_ASSIGN(const table::TableSchema* const schema, schema_of(table));
    const std::optional<std::size_t> index = schema == nullptr ? std::nullopt : schema->index_of(column);
    if (!index || schema->fields[*index].type != table::Type::Number || !schema->fields[*index].decimal)
      return std::optional<table::Field>{};
    return std::optional(schema->fields[*index]);
  }

  bool is_double(const std::string& table, const std::string& column) const {
    const char* type = nullptr;
    const int status = sqlite3_table_column_metadata(connection_.get(), "main", table.c_str(), column.c_str(),
                                                     &type, nullptr, nullptr, nullptr, nullptr);
    return status == SQLITE_OK && type != nullptr && std::string_view(type) == "REAL";
  }

  /// Decimals come back with the places of their columns, and add up exactly.
  Result<void> look_at_decimals(const std::string& sql) {
    const Reads reads = std::exchange(reads_, {});
    bool has_doubles = false;
    for (const auto& [table, column] : reads) {
      TRY_ASSIGN(const std::optional<table::Field> decimal, decimal_of(table, column));
      has_decimals_ = has_decimals_ || decimal;
      has_doubles = has_doubles || (!decimal && is_double(table, column));
    }
    if (!has_decimals_) return {};
    if (!has_doubles) {
      TRY(use_exact_sums(connection_));
      TRY(prepare(sql));
    }
    for (int i = 0; i < sqlite3_column_count(statement_.get()); ++i) {
      std::optional<int>& scale = scales_.emplace_back();
      const char* table = sqlite3_column_table_name(statement_.get(), i);
      const char* column = sqlite3_column_origin_name(statement_.get(), i);
      is_computed_.push_back(table == nullptr);
      if (table == nullptr || column == nullptr) continue;
      TRY_ASSIGN(const std::optional<table::Field> decimal, decimal_of(table, column));
      if (decimal) scale = decimal->decimal->scale;
    }
    return {};
  }

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
    else if (const auto* truth = std::get_if<bool>(&value))
      statement_.bind(index, static_cast<std::int64_t>(*truth ? 1 : 0));
    else if (const auto* real = std::get_if<double>(&value))
      sqlite3_bind_double(statement_.get(), index, *real);
    else if (const auto* text = std::get_if<std::string>(&value))
      statement_.bind(index, std::string_view(*text));
    else
      statement_.bind_null(index);
  }

  /// A number as it would come from a decimal's own column, or from a sum that no double holds.
  void to_decimal(ResultCell& cell, std::size_t column) {
    if (cell.kind == ResultCell::Kind::Real && scales_[column] && std::isfinite(cell.real)) {
      texts_[column] = decimal_text(cell.real, *scales_[column]);
      cell.text = texts_[column];
      cell.kind = ResultCell::Kind::Text;
    }
    if (cell.kind == ResultCell::Kind::Text && is_computed_[column] &&
        cell.text.size() > table::kDoubleDigits && table::is_plain_number(cell.text))
      cell.kind = ResultCell::Kind::Decimal;
  }

  ResultCell cell(int column) {
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
    if (has_decimals_) to_decimal(cell, static_cast<std::size_t>(column));
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
    if ((status & 0xff) == SQLITE_INTERRUPT && bounds_.stop.stop_requested()) return nobody_waits();
    if ((status & 0xff) == SQLITE_INTERRUPT) return took_too_long(timeout_);
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
  std::string versions_;
  Reads reads_;
  std::map<std::string, std::optional<table::TableSchema>> schemas_;
  bool has_decimals_ = false;
  std::vector<std::optional<int>> scales_;  ///< of columns that are a decimal's own
  std::vector<bool> is_computed_;
  std::vector<std::string> texts_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> run_query(Connection connection, const Query& query) {
  auto cursor = std::make_unique<QueryCursor>(std::move(connection), query);
  TRY(cursor->open(query));
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace rowgate::db::sqlite

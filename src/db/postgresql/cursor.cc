#include "db/postgresql/cursor.h"

#include "db/server/computed.h"
#include "db/server/links.h"
#include "db/server/named_sql.h"
#include "db/stored_table.h"
#include "table/value_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

namespace rowgate::db::postgresql {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Kind = ResultCell::Kind;

/// Of the types in pg_type.dat, which never change.
constexpr Oid kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kOidType = 26, kFloat4 = 700,
              kFloat8 = 701, kTime = 1083, kTimestamp = 1114, kTimestampTz = 1184, kNumeric = 1700;

/// PostgreSQL leaves the last zeros of a fraction out; a column has as many digits as it was declared with.
/// Where that is not known (`declared` < 0) milliseconds or microseconds, whichever fit.
void pad_fraction(std::string& text, std::size_t seconds_end, int declared) {
  std::size_t digits = 0;
  if (seconds_end < text.size() && text[seconds_end] == '.')
    digits = text.find_first_not_of("0123456789", seconds_end + 1) == std::string::npos
                 ? text.size() - seconds_end - 1
                 : text.find_first_not_of("0123456789", seconds_end + 1) - seconds_end - 1;
  std::size_t wanted = declared >= 0 ? static_cast<std::size_t>(declared)
                       : digits == 0 ? 0
                       : digits <= 3 ? 3
                                     : 6;
  if (wanted <= digits) return;
  if (digits == 0) text.insert(seconds_end, 1, '.');
  text.insert(seconds_end + 1 + digits, wanted - digits, '0');
}

/// "\\x0aff" as its two bytes.
std::string bytes_of(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

/// How many places behind the point the columns of a statement were declared with, at most.
struct Places {
  int precision = -1;  ///< of a second; < 0: not known
  std::size_t scale = 0;
};

/// The session asks questions of its own meanwhile, which have no name.
constexpr const char* kStatement = "rg_report";

/// Places that a literal number may add.
constexpr std::size_t kLiteralPlaces = 3;

/// Of the columns that the statement names; where it names none, of all columns of its tables.
Result<Places> declared_places(PostgreSqlSession& session, const server::NamedSql& sql) {
  const std::set<std::string> words(sql.words.begin(), sql.words.end());
  TRY_ASSIGN(
      const std::vector<server::TextRow> columns,
      session.rows("SELECT c.relname, a.attname, a.atttypid::bigint, a.atttypmod FROM pg_attribute a JOIN "
                   "pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                   "a.attnum > 0 AND NOT a.attisdropped AND a.atttypmod >= 0 AND a.atttypid IN (1083, 1114, "
                   "1184, 1700) AND n.nspname NOT IN ('pg_catalog', 'information_schema')"));
  Places named, all;
  const auto add = [](Places& places, const server::TextRow& column) {
    const auto type = static_cast<Oid>(server::number_of(column[2]));
    const auto modifier = static_cast<std::uint32_t>(server::number_of(column[3]));
    if (type == kNumeric)
      places.scale = std::max<std::size_t>(places.scale, (modifier - 4) & 0x7ff);
    else
      places.precision = std::max(places.precision, static_cast<int>(modifier));
  };
  for (const server::TextRow& column : columns) {
    if (!words.contains(column[0].value_or(""))) continue;
    add(all, column);
    if (words.contains(column[1].value_or(""))) add(named, column);
  }
  return Places{.precision = named.precision >= 0 ? named.precision : all.precision,
                .scale = named.scale > 0 ? named.scale : all.scale};
}

class PostgreSqlCursor : public Cursor {
 public:
  PostgreSqlCursor(const server::Engine& engine, std::unique_ptr<PostgreSqlSession> session,
                   const Query& query)
      : engine_(engine),
        session_(std::move(session)),
        stop_(query.stop),
        timeout_(query.timeout),
        deadline_(SteadyClock::now() + query.timeout) {
    session_->watched().obey(query.stop);
  }

  PostgreSqlCursor(const PostgreSqlCursor&) = delete;
  PostgreSqlCursor& operator=(const PostgreSqlCursor&) = delete;
  /// A server before version 14 does not notice that its client is gone as long as the statement runs.
  ~PostgreSqlCursor() override {
    if (!is_running_ || !stop_.stop_requested()) return;
    result_.reset();
    session_.reset();
    const server::Param params[] = {backend_, began_};
    if (const Result<std::unique_ptr<server::Session>> other = engine_.connect(server::Access::Read))
      (void)(*other)->rows(
          "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
          "WHERE pid = CAST(? AS integer) AND xact_start = CAST(? AS timestamptz)",
          params);
  }

  Result<void> open(const Query& query) {
    TRY_ASSIGN(const server::NamedSql sql, server::read_query(query.sql, server::SqlFlavour::PostgreSql));
    TRY_ASSIGN(const std::vector<Value> values, server::values_of(sql, query.params));
    const auto milliseconds =
        std::clamp<std::int64_t>(timeout_.count(), 1, std::numeric_limits<std::int32_t>::max());
    TRY(session_->run(query.with_versions ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                          : "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
                      {}));
    const std::string timeout = fmt::format("{}", milliseconds);
    const server::Param param[] = {timeout};
    // A transaction is known by its backend and its beginning, also where a pooler is in between. Without
    // synchronize_seqscans = off a walk through a table begins where another one happens to be, and pages by
    // OFFSET lose and double rows.
    TRY(
        session_->each("SELECT pg_backend_pid(), now(), set_config('statement_timeout', ?, true), "
                       "set_config('synchronize_seqscans', 'off', true)",
                       param, [this](server::TextView row) -> Result<void> {
                         backend_ = row[0].value_or("");
                         began_ = row[1].value_or("");
                         return {};
                       }));
    if (query.with_versions) {
      TRY_ASSIGN(versions_, server::table_versions_of(engine_, *session_));
    }
    const server::Expecting expecting(session_->watched());
    is_running_ = true;
    TRY(send(sql, values));
    return first_result();
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  std::string table_versions() const override { return versions_; }

  Result<bool> next(std::vector<ResultCell>& row) override {
    if (stop_.stop_requested()) return std::unexpected(nobody_waits());
    if (SteadyClock::now() > deadline_) return std::unexpected(took_too_long(timeout_));
    const server::Expecting expecting(session_->watched());
    if (is_first_)
      is_first_ = false;
    else
      result_.reset(PQgetResult(session_->get()));
    const ExecStatusType status = PQresultStatus(result_.get());
    if (status == PGRES_TUPLES_OK) {
      is_running_ = false;
      return false;
    }
    if (status != PGRES_SINGLE_TUPLE) return std::unexpected(query_error(result_.get()));
    row.resize(columns_.size());
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = cell(static_cast<int>(i));
    return true;
  }

 private:
  static bool is_unknown(const PGresult* description, int column) {
    const Oid type = PQftype(description, column);
    const bool has_places = type == kNumeric || type == kTime || type == kTimestamp || type == kTimestampTz;
    return has_places && PQfmod(description, column) < 0;
  }

  /// What is computed has lost the places that its columns were declared with: they are looked up.
  Result<void> look_up_places(const server::NamedSql& sql) {
    const ResultSet description(PQdescribePrepared(session_->get(), kStatement));
    bool unknown = false;
    for (int i = 0; i < PQnfields(description.get()); ++i)
      unknown = unknown || is_unknown(description.get(), i);
    if (!unknown) return {};
    TRY_ASSIGN(declared_, declared_places(*session_, sql));
    return {};
  }

  Result<void> send(const server::NamedSql& sql, const std::vector<Value>& values) {
    std::vector<std::string> texts;
    std::vector<Oid> types;
    std::vector<const char*> pointers;
    texts.reserve(values.size());
    for (const Value& value : values) {
      texts.emplace_back();
      types.push_back(0);
      pointers.push_back(nullptr);
      if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        texts.back() = fmt::format("{}", *integer);
        types.back() = kInt8;
      } else if (const auto* real = std::get_if<double>(&value)) {
        table::append_number(texts.back(), *real);
        types.back() = kFloat8;
      } else if (const auto* truth = std::get_if<bool>(&value)) {
        texts.back() = *truth ? "t" : "f";
        types.back() = kBool;
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        texts.back() = *text;  // of the type that its place asks for
      } else {
        continue;
      }
      pointers.back() = texts.back().c_str();
    }
    const ResultSet prepared(PQprepare(session_->get(), kStatement, sql.sql.c_str(),
                                       static_cast<int>(values.size()), types.data()));
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) {
      if (is_late(prepared.get())) return std::unexpected(took_too_long(timeout_));
      return std::unexpected(query_error(prepared.get()));
    }
    TRY(look_up_places(sql));
    if (PQsendQueryPrepared(session_->get(), kStatement, static_cast<int>(values.size()), pointers.data(),
                            nullptr, nullptr, 0) == 0 ||
        PQsetSingleRowMode(session_->get()) == 0)
      return std::unexpected(query_error(nullptr));
    return {};
  }

  /// The columns are known with the first row, or with the end of an empty result.
  Result<void> first_result() {
    result_.reset(PQgetResult(session_->get()));
    const ExecStatusType status = PQresultStatus(result_.get());
    if (status == PGRES_COMMAND_OK)
      return fail(Code::ReportBadSql, "the statement would do more than read",
                  "a report is one SELECT statement");
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
      if (is_late(result_.get())) return {};  // told by next(), as when it happens later
      return std::unexpected(query_error(result_.get()));
    }
    for (int i = 0; i < PQnfields(result_.get()); ++i) columns_.emplace_back(PQfname(result_.get(), i));
    texts_.resize(columns_.size());
    return {};
  }

  static bool has_state(const PGresult* result, std::string_view wanted) {
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state != nullptr && state == wanted;
  }
  static bool is_late(const PGresult* result) { return has_state(result, "57014"); }  // query_canceled

  Error query_error(const PGresult* result) {
    if (const std::optional<Error> cut = session_->watched().why_cut()) return *cut;
    if (is_late(result)) return took_too_long(timeout_);
    Error error = session_->error(result, "the query");
    if (error.code == Code::DatabaseReadOnly)
      return {Code::ReportBadSql, "the statement would do more than read",
              "a report is one SELECT statement"};
    if (has_state(result, "42P01")) return no_table_to_read();  // undefined_table
    if (error.code != Code::DatabaseRefused) return error;
    return {Code::ReportBadSql, fmt::format("the SQL does not run: {}", error.message),
            "correct the report's sql"};
  }

  ResultCell cell(int column) {
    const PGresult* result = result_.get();
    ResultCell cell;
    if (PQgetisnull(result, 0, column) != 0) return cell;
    std::string& text = texts_[static_cast<std::size_t>(column)];
    text.assign(PQgetvalue(result, 0, column), static_cast<std::size_t>(PQgetlength(result, 0, column)));
    cell.kind = Kind::Text;
    switch (PQftype(result, column)) {
      case kBool:
        cell.kind = Kind::Integer;
        cell.integer = text == "t" ? 1 : 0;
        return cell;
      case kInt8:
      case kInt4:
      case kInt2:
      case kOidType:
        integer(cell, text);
        break;
      case kFloat4:
      case kFloat8:
        cell.kind = Kind::Real;
        std::from_chars(text.data(), text.data() + text.size(), cell.real);
        break;
      case kNumeric:  // only a column of a table keeps its places
        if (PQftable(result, column) == 0) server::computed_number(cell, text, is_quotient(text));
        break;
      case kBytea:
        cell.kind = Kind::Bytes;
        text = bytes_of(text);
        break;
      case kTime:
        pad_fraction(text, 8, precision(column));
        break;
      case kTimestamp:
      case kTimestampTz:
        datetime(text, precision(column));
        break;
      default:
        break;
    }
    cell.text = text;
    return cell;
  }

  int precision(int column) const {
    const int declared = PQfmod(result_.get(), column);
    return declared >= 0 ? declared : declared_.precision;
  }

  /// A quotient has at least 16 digits, whatever was divided; sums and products have the places of their
  /// parts.
  bool is_quotient(const std::string& text) const {
    const std::size_t point = text.find('.');
    const std::size_t places = point == std::string::npos ? 0 : text.size() - point - 1;
    return places > 2 * declared_.scale + kLiteralPlaces;
  }

  static void integer(ResultCell& cell, const std::string& text) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cell.integer);
    if (error == std::errc() && end == text.data() + text.size()) cell.kind = Kind::Integer;
  }

  /// "2021-11-07 02:48:42.5+00" as "2021-11-07T02:48:42.500Z".
  static void datetime(std::string& text, int declared) {
    if (text.size() < 19 || text[10] != ' ') return;  // infinity, or before the year 1
    if (text.ends_with("+00")) text.resize(text.size() - 3);
    pad_fraction(text, 19, declared);
    text[10] = 'T';
    text += 'Z';
  }

  const server::Engine& engine_;
  std::unique_ptr<PostgreSqlSession> session_;
  std::stop_token stop_;
  bool is_running_ = false;  ///< at the server
  std::chrono::milliseconds timeout_;
  SteadyClock::time_point deadline_;
  ResultSet result_;  // after the session: it is cleared first
  bool is_first_ = true;
  std::string backend_, began_;
  std::vector<std::string> columns_, texts_;
  std::string versions_;
  Places declared_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> open_cursor(const server::Engine& engine,
                                            std::unique_ptr<server::Session> session, const Query& query) {
  std::unique_ptr<PostgreSqlSession> own(static_cast<PostgreSqlSession*>(session.release()));
  auto cursor = std::make_unique<PostgreSqlCursor>(engine, std::move(own), query);
  TRY(cursor->open(query));
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace rowgate::db::postgresql

#include "db/postgresql/session.h"

#include "base/text.h"
#include "db/postgresql/login.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::db::postgresql {
namespace {

constexpr const char* kSystemCa = "/etc/ssl/certs/ca-certificates.crt";

/// Places as $1, $2, ...; statements of rowgate's own have no other question mark.
std::string numbered(const std::string& sql) {
  std::string out;
  int place = 0;
  for (const char c : sql) {
    if (c == '?')
      out += fmt::format("${}", ++place);
    else
      out += c;
  }
  return out;
}

/// libpq wants texts that end in a NUL.
struct Values {
  explicit Values(std::span<const server::Param> params) {
    texts.reserve(params.size());
    for (const server::Param& param : params) {
      texts.emplace_back(param.value_or(""));
      pointers.push_back(param ? texts.back().c_str() : nullptr);
    }
  }
  int count() const { return static_cast<int>(pointers.size()); }
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
};

/// The server's message without its "ERROR:" and line ends.
std::string words_of(const PGresult* result, PGconn* connection) {
  const char* text = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string words = text != nullptr ? text : PQerrorMessage(connection);
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  return shown(words, 300);
}

/// The class of errors whose messages quote what a row or parameter holds, which belongs into no log.
constexpr std::string_view kDataException = "22";

std::string without_values(std::string_view words) {
  const std::size_t begin = words.find('"'), end = words.rfind('"');
  if (begin == words.npos || begin == end) return std::string(words);
  return std::string(words.substr(0, begin)) + "..." + std::string(words.substr(end + 1));
}

void take_notices(void*, const PGresult*) {}

}  // namespace

Error PostgreSqlSession::error(const PGresult* result, std::string_view doing) {
  const char* state_text = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  last_state_ = state_text == nullptr ? "" : state_text;
  if (watched_ && is_lost())
    if (std::optional<Error> cut = watched_->why_cut()) return *std::move(cut);
  const std::string& state = last_state_;
  std::string words = words_of(result, connection_.get());
  if (state.starts_with(kDataException)) words = without_values(words);
  if (is_lost() || state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "53300" ||
      state == "3D000")
    return {Code::DatabaseUnreachable, fmt::format("the connection to the database failed: {}", words),
            "check that the server runs and that database.url is right"};
  if (state == "40001" || state == "40P01")
    return {Code::DatabaseDeadlock,
            fmt::format("the database ended {} in favour of another transaction", doing), "try again"};
  if (state == "55P03")
    return {Code::DatabaseDeadlock, "somebody else holds a lock on the table for too long",
            "try again when that is done"};
  if (state == "25006")
    return {Code::DatabaseReadOnly, fmt::format("the database server only reads: {}", words),
            "name the server that may be written to in database.url"};
  if (state == "42501" || state.starts_with("28"))
    return {Code::DatabasePrivilege, fmt::format("the database does not allow it: {}", words),
            "give the user of database.url that right, or correct user and password"};
  if (state == "54011")
    return {Code::LimitColumns, fmt::format("the table is too wide for the database: {}", words),
            "load fewer columns, or spread them over several tables"};
  if (state == "53100")
    return {Code::StorageFull, fmt::format("no room left for the database: {}", words),
            "make room and load the file again; nothing of it was loaded"};
  return {
      Code::DatabaseRefused, fmt::format("the database refused {}: {} ({})", doing, words, state),
      "look at the triggers and constraints of the table; if there are none of your own please report this"};
}

Result<std::unique_ptr<PostgreSqlSession>> PostgreSqlSession::open(const ServerAddress& address,
                                                                   std::chrono::milliseconds lock_wait,
                                                                   std::shared_ptr<server::SocketWatch> watch,
                                                                   std::chrono::milliseconds silence) {
  const auto login_time = server::login_time(silence);
  const std::string seconds = fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(login_time).count());
  const std::string port = fmt::format("{}", address.port);
  const char* mode = address.tls == Tls::Disable   ? "disable"
                     : address.tls == Tls::Require ? "require"
                                                   : "verify-full";
  const std::string ca = address.ca.empty() ? kSystemCa : address.ca;
  std::vector<std::pair<const char*, const char*>> options = {{"host", address.host.c_str()},
                                                              {"port", port.c_str()},
                                                              {"user", address.user.c_str()},
                                                              {"dbname", address.database.c_str()},
                                                              {"sslmode", mode},
                                                              {"gssencmode", "disable"},
                                                              {"connect_timeout", seconds.c_str()},
                                                              {"client_encoding", "UTF8"},
                                                              {"application_name", "rowgate"},
                                                              {"keepalives_idle", "30"},
                                                              {"keepalives_interval", "10"},
                                                              {"keepalives_count", "3"},
                                                              {"tcp_user_timeout", "60000"}};
  if (!address.password.empty()) options.emplace_back("password", address.password.c_str());
  if (address.tls == Tls::VerifyFull) options.emplace_back("sslrootcert", ca.c_str());
  auto session = std::make_unique<PostgreSqlSession>();
  TRY_ASSIGN(session->connection_, log_in(options, address, login_time));
  if (session->is_lost()) {
    const std::string words = words_of(nullptr, session->connection_.get());
    if (words.contains("server does not support SSL"))
      return fail(Code::DatabaseInsecure,
                  fmt::format("the database server offers no TLS, which `tls` in database.url demands ({})",
                              address.shown()),
                  "turn TLS on at the server; no password was sent");
    // Before the session there is no SQLSTATE to go by.
    const bool is_refused = words.contains("password authentication failed") ||
                            words.contains("no pg_hba.conf entry") ||
                            words.contains("no password supplied") || words.contains("permission denied");
    return fail(is_refused ? Code::DatabasePrivilege : Code::DatabaseUnreachable,
                fmt::format("{} ({})", words, address.shown()),
                is_refused ? "correct user and password"
                           : "check that the server runs and that database.url is right");
  }
  if (address.tls != Tls::Disable && PQsslInUse(session->get()) == 0)
    return fail(Code::DatabaseInsecure,
                fmt::format("the connection to the database is not encrypted ({})", address.shown()),
                "turn TLS on at the server, or set tls=disable in database.url");
  PQsetNoticeReceiver(session->connection_.get(), take_notices, nullptr);
  session->watched_.emplace(std::move(watch), PQsocket(session->get()), silence);
  TRY(session->set_up(address, lock_wait));
  return session;
}

Result<void> PostgreSqlSession::set_up(const ServerAddress& address, std::chrono::milliseconds lock_wait) {
  const std::string wait = fmt::format("{}ms", std::max<std::int64_t>(1, lock_wait.count()));
  std::string path = "\"";
  for (const char c : address.schema) path += c == '"' ? std::string("\"\"") : std::string(1, c);
  path += '"';
  const server::Param params[] = {path, wait};
  const auto ignore = [](server::TextView) -> Result<void> { return {}; };
  // From version 14 on a statement ends when its client is gone, and with it the locks.
  TRY(
      each("SELECT set_config(name, '2000', false) FROM pg_settings WHERE name = "
           "'client_connection_check_interval'",
           {}, ignore));
  return each(
      "SELECT set_config('search_path', ?, false), set_config('lock_timeout', ?, false), "
      "set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false), "
      "set_config('IntervalStyle', 'iso_8601', false), set_config('extra_float_digits', '1', false), "
      "set_config('bytea_output', 'hex', false), set_config('standard_conforming_strings', 'on', false), "
      "set_config('client_min_messages', 'warning', false), current_setting('transaction_read_only')",
      params, [this](server::TextView row) -> Result<void> {
        only_reads_ = row.back() == "on";
        return {};
      });
}

Result<std::uint64_t> PostgreSqlSession::run(const std::string& sql, std::span<const server::Param> params) {
  last_state_.clear();
  const server::Expecting expecting(*watched_);
  const Values values(params);
  const ResultSet result(params.empty() ? PQexec(get(), sql.c_str())
                                        : PQexecParams(get(), numbered(sql).c_str(), values.count(), nullptr,
                                                       values.pointers.data(), nullptr, nullptr, 0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
    return std::unexpected(error(result.get(), fmt::format("'{}'", shown(sql, 60))));
  // A COMMIT of a transaction that has failed is answered by ROLLBACK, not by an error.
  if (sql == "COMMIT" && std::string_view(PQcmdStatus(result.get())) == "ROLLBACK")
    return fail(Code::DatabaseRefused, "the database rolled the transaction back",
                "nothing was loaded; please report this");
  return server::number_of(std::string(PQcmdTuples(result.get())));
}

Result<void> PostgreSqlSession::each(const std::string& sql, std::span<const server::Param> params,
                                     const std::function<Result<void>(server::TextView)>& visit) {
  last_state_.clear();
  const server::Expecting expecting(*watched_);
  const Values values(params);
  if (PQsendQueryParams(get(), numbered(sql).c_str(), values.count(), nullptr, values.pointers.data(),
                        nullptr, nullptr, 0) == 0 ||
      PQsetSingleRowMode(get()) == 0)
    return std::unexpected(error(nullptr, "a query"));
  Result<void> outcome;
  std::vector<std::optional<std::string_view>> row;
  while (const ResultSet result{PQgetResult(get())}) {  // to the end, whatever happens on the way
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || !outcome) continue;
    if (status != PGRES_SINGLE_TUPLE) {
      outcome = std::unexpected(error(result.get(), fmt::format("'{}'", shown(sql, 60))));
      continue;
    }
    row.resize(static_cast<std::size_t>(PQnfields(result.get())));
    for (int i = 0; i < PQnfields(result.get()); ++i)
      row[static_cast<std::size_t>(i)] =
          PQgetisnull(result.get(), 0, i) != 0
              ? std::nullopt
              : std::optional(std::string_view(PQgetvalue(result.get(), 0, i),
                                               static_cast<std::size_t>(PQgetlength(result.get(), 0, i))));
    watched_->rest();
    outcome = visit(row);
    watched_->expect();
  }
  if (outcome && is_lost()) return std::unexpected(error(nullptr, "a query"));
  return outcome;
}

Result<server::BulkOutcome> PostgreSqlSession::bulk(const server::BulkTarget& target, std::string_view text,
                                                    std::uint64_t rows) {
  last_state_.clear();
  const server::Expecting expecting(*watched_);
  std::string columns;
  for (const server::BulkColumn& column : target.columns)
    columns += (columns.empty() ? "" : ", ") + column.name;
  const std::string sql = fmt::format("COPY {} ({}) FROM STDIN", target.table, columns);
  const ResultSet begun(PQexec(get(), sql.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return std::unexpected(error(begun.get(), "the rows"));
  constexpr std::size_t kPiece = 256 * 1024;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, kPiece);
    if (PQputCopyData(get(), piece.data(), static_cast<int>(piece.size())) != 1)
      return std::unexpected(error(nullptr, "the rows"));
    text.remove_prefix(piece.size());
    watched_->expect();
  }
  if (PQputCopyEnd(get(), nullptr) != 1) return std::unexpected(error(nullptr, "the rows"));
  std::optional<Error> failed;
  std::uint64_t taken = 0;
  while (const ResultSet result{PQgetResult(get())}) {
    if (PQresultStatus(result.get()) == PGRES_COMMAND_OK)
      taken += server::number_of(std::string(PQcmdTuples(result.get())));
    else if (!failed)
      failed = error(result.get(), "the rows");
  }
  if (failed && failed->code == Code::DatabaseRefused) return server::BulkOutcome{false, failed->message};
  if (failed) return std::unexpected(*failed);
  if (is_lost()) return std::unexpected(error(nullptr, "the rows"));
  if (taken != rows) return server::BulkOutcome{false, "rows are missing"};
  return server::BulkOutcome{};
}

}  // namespace rowgate::db::postgresql

#include "db/mysql/session.h"

#include "base/text.h"
#include "db/mysql/handshake_guard.h"
#include "db/mysql/infile.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace rowgate::db::mysql {
namespace {

/// Methods that prove that the client has the password instead of sending it; of them caching_sha2_password
/// may go on to ask for it, which the guard sees.
constexpr const char* kProvingMethods =
    "mysql_native_password,client_ed25519,parsec,caching_sha2_password,auth_gssapi_client";
constexpr const char* kSystemCa = "/etc/ssl/certs/ca-certificates.crt";

/// A dead peer is noticed within a minute, even while a statement runs for hours.
void watch_peer(MYSQL* connection) {
  const my_socket socket = mysql_get_socket(connection);
  const int on = 1, idle = 30, interval = 10, count = 3;
  const unsigned unanswered_ms = 60'000;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
}

void set_security(MYSQL* connection, const ServerAddress& address) {
  my_bool on = 1, off = 0;
  if (address.keeps_password()) mysql_optionsv(connection, MARIADB_OPT_RESTRICTED_AUTH, kProvingMethods);
  if (address.tls == Tls::Disable) return;
  mysql_optionsv(connection, MYSQL_OPT_SSL_ENFORCE, &on);
  if (address.tls == Tls::VerifyFull) {
    mysql_optionsv(connection, MYSQL_OPT_SSL_CA, address.ca.empty() ? kSystemCa : address.ca.c_str());
    mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
  } else {
    mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
  }
}

bool is_connection_error(unsigned number) {
  return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR && number != CR_UNKNOWN_ERROR &&
          number != CR_COMMANDS_OUT_OF_SYNC && number != CR_OUT_OF_MEMORY) ||
         number == ER_SERVER_SHUTDOWN || number == ER_CONNECTION_KILLED ||
         number == ER_NEW_ABORTING_CONNECTION || number == ER_QUERY_INTERRUPTED;
}

/// Why the login did not come about: the guard's word before the library's.
Error login_error(const HandshakeGuard& guard, Error error, const ServerAddress& address) {
  if (guard.refusal()) return *guard.refusal();
  if (error.message.contains("restricted_auth"))
    return {Code::DatabaseInsecure,
            fmt::format(
                "the database server asks for the password itself, and its certificate was not verified ({})",
                address.shown()),
            "use tls=verify-full, or set database.cleartext_password: always; no password was sent"};
  error.message = fmt::format("{} ({})", error.message, address.shown());
  return error;
}

/// "(a, @b1) SET b = UNHEX(SUBSTRING(@b1, 3))": bytes come as "\\x0aff".
std::string load_columns(const server::BulkTarget& target) {
  std::string columns, sets;
  for (const server::BulkColumn& column : target.columns) {
    if (!columns.empty()) columns += ", ";
    if (!column.is_bytes) {
      columns += column.name;
      continue;
    }
    const std::string variable = fmt::format("@b{}", columns.size());
    columns += variable;
    sets +=
        fmt::format("{}{} = UNHEX(SUBSTRING({}, 3))", sets.empty() ? " SET " : ", ", column.name, variable);
  }
  return "(" + columns + ")" + sets;
}

/// "Records: 3  Deleted: 0  Skipped: 1  Warnings: 1"
struct LoadInfo {
  std::uint64_t records = 0, deleted = 0, skipped = 0, warnings = 0;
};
LoadInfo read_info(std::string_view info) {
  LoadInfo read;
  const auto number = [&](std::string_view name, std::uint64_t& into) {
    std::size_t at = info.find(name);
    if (at == info.npos) return;
    at = info.find_first_not_of(' ', at + name.size());
    if (at != info.npos) std::from_chars(info.data() + at, info.data() + info.size(), into);
  };
  number("Records:", read.records);
  number("Deleted:", read.deleted);
  number("Skipped:", read.skipped);
  number("Warnings:", read.warnings);
  return read;
}

Error too_wide(const std::string& words) {
  return {Code::LimitColumns, fmt::format("the table is too wide for the database: {}", words),
          "load fewer columns, give the texts a shorter maxLength, or spread them over several tables"};
}

/// Messages that quote what a row holds, which belongs into no log: "Duplicate entry 'Ada' for key 's'".
bool quotes_a_value(unsigned number) {
  switch (number) {
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
    case ER_DUP_UNKNOWN_IN_INDEX:
    case ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO:
    case ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO:
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_ILLEGAL_VALUE_FOR_TYPE:
    case ER_WRONG_VALUE:
    case ER_WRONG_VALUE_FOR_TYPE:
    case ER_CANNOT_CONVERT_CHARACTER:
    case ER_INVALID_CHARACTER_STRING:
      return true;
    default:
      return false;
  }
}

/// The value stands between the first quote and the last one before the name of what it was meant for.
std::string without_values(unsigned number, std::string_view text) {
  const std::size_t begin = text.find('\'');
  if (!quotes_a_value(number) || begin == text.npos) return std::string(text);
  std::size_t end = text.rfind("' for ");
  if (end == text.npos || end < begin) end = text.rfind('\'');
  if (end == text.npos || end <= begin) return std::string(text.substr(0, begin)) + "...";
  return std::string(text.substr(0, begin)) + "..." + std::string(text.substr(end + 1));
}

}  // namespace

Error error_of(unsigned number, const char* state, std::string_view text, std::string_view doing) {
  const std::string words = shown(without_values(number, text), 300);
  switch (number) {
    case ER_LOCK_DEADLOCK:
    case ER_CHECKREAD:
    case ER_TABLE_DEF_CHANGED:  // since the snapshot
      return {Code::DatabaseDeadlock,
              fmt::format("the database ended {} in favour of another transaction", doing), "try again"};
    case ER_LOCK_WAIT_TIMEOUT:
      return {Code::DatabaseDeadlock, "somebody else holds a lock on the table for too long",
              "try again when that is done"};
    case ER_OPTION_PREVENTS_STATEMENT:
    case 1792:  // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    case 1836:  // ER_READ_ONLY_MODE
      return {Code::DatabaseReadOnly, fmt::format("the database server only reads: {}", words),
              "name the server that may be written to in database.url"};
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case 1698:  // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
      return {Code::DatabasePrivilege, fmt::format("the database does not allow it: {}", words),
              "give the user of database.url that right, or correct user and password"};
    case ER_RECORD_FILE_FULL:
    case ER_DISK_FULL:
      return {Code::StorageFull, fmt::format("no room left for the database: {}", words),
              "make room and load the file again; nothing of it was loaded"};
    case ER_TOO_BIG_ROWSIZE:
    case ER_TOO_MANY_FIELDS:
    case ER_TOO_BIG_FIELDLENGTH:
      return too_wide(words);
    case ER_BAD_DB_ERROR:
      return {Code::DatabaseUnreachable, fmt::format("there is no such database: {}", words),
              "make it, or correct database.url"};
    case ER_CON_COUNT_ERROR:
      return {Code::DatabaseUnreachable, fmt::format("the database takes no more connections: {}", words),
              "try again, or raise max_connections of the server"};
    default:
      break;
  }
  // InnoDB's own reasons: too many columns, and rows too big for a page.
  const bool is_wide = text.contains("errno: 185") || text.contains("errno: 139");
  if (number == ER_CANT_CREATE_TABLE && is_wide) return too_wide(words);
  if (is_connection_error(number))
    return {Code::DatabaseUnreachable, fmt::format("the connection to the database failed: {}", words),
            "check that the server runs and that database.url is right"};
  return {
      Code::DatabaseRefused, fmt::format("the database refused {}: {} ({}/{})", doing, words, number, state),
      "look at the triggers and constraints of the table; if there are none of your own please report this"};
}

Error MySqlSession::noted(unsigned number, Error error) {
  last_error_ = number;
  if (error.code == Code::DatabaseUnreachable) lost_ = true;
  if (lost_ && watched_)
    if (std::optional<Error> cut = watched_->why_cut()) return *std::move(cut);
  return error;
}

Error MySqlSession::last(std::string_view doing) {
  MYSQL* connection = connection_.get();
  const unsigned number = mysql_errno(connection);
  return noted(number, error_of(number, mysql_sqlstate(connection), mysql_error(connection), doing));
}

Result<std::unique_ptr<MySqlSession>> MySqlSession::open(const ServerAddress& address,
                                                         std::chrono::milliseconds lock_wait,
                                                         std::shared_ptr<server::SocketWatch> watch,
                                                         std::chrono::milliseconds silence) {
  static const int initialized = mysql_library_init(0, nullptr, nullptr);
  if (initialized != 0) return fail(Code::InternalError, "the MySQL client library does not start");
  auto session = std::make_unique<MySqlSession>();
  session->connection_.reset(mysql_init(nullptr));
  MYSQL* connection = session->connection_.get();
  const auto login_time = server::login_time(silence);
  const unsigned infile = 1;
  const auto seconds = static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(login_time).count());
  mysql_optionsv(connection, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // Whatever file the server asks for, it gets from our handler, which has only the rows of the statement in
  // hand.
  mysql_optionsv(connection, MYSQL_OPT_LOCAL_INFILE, &infile);
  answer_from_memory(connection, nullptr);
  set_security(connection, address);
  {
    const HandshakeGuard guard(connection, address, watch, login_time);
    if (mysql_real_connect(connection, address.host.c_str(), address.user.c_str(), address.password.c_str(),
                           address.database.c_str(), address.port, nullptr, CLIENT_FOUND_ROWS) == nullptr)
      return std::unexpected(login_error(guard, session->last("the connection"), address));
  }
  // Whatever the library made of the options: this is what counts.
  if (address.tls != Tls::Disable && mysql_get_ssl_cipher(connection) == nullptr)
    return fail(Code::DatabaseInsecure,
                fmt::format("the connection to the database is not encrypted ({})", address.shown()),
                "turn TLS on at the server, or set tls=disable in database.url");
  watch_peer(connection);
  session->watched_.emplace(std::move(watch), mysql_get_socket(connection), silence);
  TRY(session->set_up(lock_wait));
  return session;
}

Result<void> MySqlSession::set_up(std::chrono::milliseconds lock_wait) {
  is_mariadb_ = std::string_view(mysql_get_server_info(connection_.get())).contains("MariaDB");
  const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(lock_wait).count());
  TRY(run(fmt::format("SET SESSION sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,ERROR_FOR_DIVISION_BY_ZERO,"
                      "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, "
                      "lock_wait_timeout = {0}, innodb_lock_wait_timeout = {0}, max_error_count = 64, "
                      "character_set_client = utf8mb4, character_set_results = utf8mb4, "
                      "collation_connection = '{1}', group_concat_max_len = 1048576, "
                      "default_storage_engine = InnoDB",
                      seconds, collation()),
          {}));
  TRY(run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", {}));
  return each("SELECT @@max_allowed_packet, @@hostname, @@port, @@server_id", {},
              [this](server::TextView row) -> Result<void> {
                max_packet_ = server::number_of(std::string(row[0].value_or("")));
                for (const auto& part : row.subspan(1)) server_ += std::string(part.value_or("")) + '\n';
                return {};
              });
}

Result<std::uint64_t> MySqlSession::run(const std::string& sql, std::span<const server::Param> params) {
  last_error_ = 0;
  const server::Expecting expecting(*watched_);
  if (params.empty()) {
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0)
      return std::unexpected(last(fmt::format("'{}'", shown(sql, 60))));
    if (mysql_field_count(connection_.get()) > 0)  // a result nobody asked for
      mysql_free_result(mysql_store_result(connection_.get()));
    return mysql_affected_rows(connection_.get());
  }
  std::uint64_t affected = 0;
  unsigned number = 0;
  Result<Statement> statement = Statement::prepare(connection_.get(), sql, number);
  if (!statement) return std::unexpected(noted(number, statement.error()));
  std::vector<Value> values;
  for (const server::Param& param : params)
    values.push_back(param ? Value(std::string(*param)) : Value(std::monostate{}));
  if (const Result<void> done = statement->execute(values); !done)
    return std::unexpected(noted(mysql_stmt_errno(statement->get()), done.error()));
  affected = statement->affected();
  return affected;
}

Result<void> MySqlSession::each(const std::string& sql, std::span<const server::Param> params,
                                const std::function<Result<void>(server::TextView)>& visit) {
  last_error_ = 0;
  const server::Expecting expecting(*watched_);
  unsigned number = 0;
  Result<Statement> statement = Statement::prepare(connection_.get(), sql, number);
  if (!statement) return std::unexpected(noted(number, statement.error()));
  std::vector<Value> values;
  for (const server::Param& param : params)
    values.push_back(param ? Value(std::string(*param)) : Value(std::monostate{}));
  const auto failed = [&](const Error& error) {
    return std::unexpected(noted(mysql_stmt_errno(statement->get()), error));
  };
  if (const Result<void> done = statement->execute(values); !done) return failed(done.error());
  std::vector<std::optional<std::string_view>> row(statement->columns());
  for (;;) {
    const Result<bool> more = statement->next();
    if (!more) return failed(more.error());
    if (!*more) return {};
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = statement->text(i);
    watched_->rest();
    Result<void> seen = visit(row);
    watched_->expect();
    TRY(seen);
  }
}

Result<std::string> MySqlSession::first_warning() {
  const server::Expecting expecting(*watched_);
  if (mysql_query(connection_.get(), "SHOW WARNINGS LIMIT 1") != 0)
    return std::unexpected(last("the question for warnings"));
  MYSQL_RES* result = mysql_store_result(connection_.get());
  std::string text;
  if (result != nullptr)
    if (MYSQL_ROW row = mysql_fetch_row(result); row != nullptr && row[2] != nullptr) text = row[2];
  mysql_free_result(result);
  return text;
}

Result<server::BulkOutcome> MySqlSession::bulk(const server::BulkTarget& target, std::string_view text,
                                               std::uint64_t rows) {
  if (no_local_infile_) return insert_rows(target, text, rows);
  const server::Expecting expecting(*watched_);
  Infile infile(text);
  answer_from_memory(connection_.get(), &infile);
  const std::string sql = fmt::format(
      "LOAD DATA LOCAL INFILE '{}' INTO TABLE {} CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' ESCAPED BY "
      "'\\\\' "
      "LINES TERMINATED BY '\\n' {}",
      infile.name(), target.table, load_columns(target));
  const int status = mysql_real_query(connection_.get(), sql.data(), sql.size());
  answer_from_memory(connection_.get(), nullptr);
  if (status != 0) {
    const unsigned number = mysql_errno(connection_.get());
    // MySQL 8 and Aurora: local_infile is off unless somebody sets it.
    if (number == ER_NOT_ALLOWED_COMMAND || number == 3948 || number == 4166) {
      no_local_infile_ = true;
      return insert_rows(target, text, rows);
    }
    return std::unexpected(last("the rows"));
  }
  // LOCAL makes warnings of errors and stores what is nearest, also in strict mode; a key that is there
  // already is passed over (https://mariadb.com/kb/en/load-data-infile/).
  const char* info = mysql_info(connection_.get());
  const LoadInfo counts = read_info(info == nullptr ? "" : info);
  if (counts.records == rows && mysql_affected_rows(connection_.get()) == rows && counts.deleted == 0 &&
      counts.skipped == 0 && counts.warnings == 0)
    return server::BulkOutcome{};
  TRY_ASSIGN(std::string warning, first_warning());
  if (warning.empty()) warning = info == nullptr ? "rows are missing" : info;
  return server::BulkOutcome{false, shown(warning, 200)};
}

namespace {

/// A value of the bulk form as an SQL literal.
void append_literal(MYSQL* connection, std::string& sql, std::string_view value) {
  if (value == "\\N") {
    sql += "NULL";
    return;
  }
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      plain += value[i];
      continue;
    }
    const char c = value[++i];
    plain += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  const std::size_t at = sql.size();
  sql.resize(at + 2 * plain.size() + 3);
  sql[at] = '\'';
  const unsigned long size =
      mysql_real_escape_string(connection, sql.data() + at + 1, plain.data(), plain.size());
  sql.resize(at + 1 + size);
  sql += '\'';
}

/// A row of the bulk form as "(1,'a')".
void append_row(MYSQL* connection, std::string& sql, const server::BulkTarget& target, std::string_view row) {
  sql += '(';
  for (std::size_t i = 0;; ++i) {
    const std::size_t tab = row.find('\t');
    const bool is_bytes = target.columns[i].is_bytes;
    if (is_bytes) sql += "UNHEX(SUBSTRING(";
    append_literal(connection, sql, row.substr(0, tab));
    if (is_bytes) sql += ", 3))";
    if (tab == row.npos) break;
    sql += ',';
    row.remove_prefix(tab + 1);
  }
  sql += ')';
}

/// A statement in which nothing needs more; the server closes the connection on one that is too long.
constexpr std::size_t kInsertBytes = 512 * 1024, kPacketHead = 16;

std::unexpected<Error> too_large(std::size_t bytes, std::uint64_t max_packet) {
  return fail(Code::DatabaseRefused,
              fmt::format("a record needs a statement of {} bytes, and the server takes at most {}",
                          grouped(bytes), grouped(max_packet)),
              "raise max_allowed_packet of the server, or set its local_infile=ON, which has no such limit");
}

}  // namespace

/// Many rows in one INSERT: slower, but strict and always allowed.
Result<server::BulkOutcome> MySqlSession::insert_rows(const server::BulkTarget& target, std::string_view text,
                                                      std::uint64_t rows) {
  std::uint64_t inserted = 0;
  std::string columns;
  for (const server::BulkColumn& column : target.columns)
    columns += (columns.empty() ? "" : ", ") + column.name;
  const std::string head = fmt::format("INSERT INTO {} ({}) VALUES ", target.table, columns);
  const std::size_t most = std::max<std::size_t>(max_packet_, kPacketHead) - kPacketHead;
  std::string row;
  while (!text.empty()) {
    std::string sql = head;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      row.clear();
      append_row(connection_.get(), row, target, line);
      if (head.size() + row.size() > most) return too_large(head.size() + row.size(), max_packet_);
      const bool is_first = sql.size() == head.size();
      if (!is_first && sql.size() + 1 + row.size() > std::min(most, kInsertBytes)) break;
      if (!is_first) sql += ',';
      sql += row;
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    const Result<std::uint64_t> done = run(sql, {});
    if (!done && done.error().code == Code::DatabaseRefused)
      return server::BulkOutcome{false, done.error().message};
    if (!done) return std::unexpected(done.error());
    inserted += *done;
    if (mysql_warning_count(connection_.get()) > 0) {
      TRY_ASSIGN(std::string warning, first_warning());
      return server::BulkOutcome{false, shown(warning, 200)};
    }
  }
  if (inserted == rows) return server::BulkOutcome{};
  return server::BulkOutcome{false, "rows are missing"};
}

namespace {

Statement::Kind kind_of(const MYSQL_FIELD& field) {
  switch (field.type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
      return (field.flags & UNSIGNED_FLAG) != 0 ? Statement::Kind::Unsigned : Statement::Kind::Integer;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
      return Statement::Kind::Real;
    default:
      return Statement::Kind::Text;
  }
}

}  // namespace

Result<Statement> Statement::prepare(MYSQL* connection, std::string_view sql, unsigned& number) {
  Statement statement(mysql_stmt_init(connection));
  if (mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) == 0) return statement;
  number = mysql_stmt_errno(statement.get());
  return std::unexpected(statement.error(fmt::format("'{}'", shown(sql, 60))));
}

Result<void> Statement::execute(const std::vector<Value>& values) {
  std::vector<MYSQL_BIND> binds(values.size());
  std::vector<unsigned long> sizes(values.size());
  std::vector<signed char> truths(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    MYSQL_BIND& bind = binds[i];
    if (const auto* integer = std::get_if<std::int64_t>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = const_cast<std::int64_t*>(integer);
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      bind.buffer = const_cast<double*>(real);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = const_cast<char*>(text->data());
      bind.buffer_length = sizes[i] = text->size();
      bind.length = &sizes[i];
    } else if (const auto* truth = std::get_if<bool>(&values[i])) {
      truths[i] = *truth ? 1 : 0;
      bind.buffer_type = MYSQL_TYPE_TINY;
      bind.buffer = &truths[i];
    } else {
      bind.buffer_type = MYSQL_TYPE_NULL;
    }
  }
  if (mysql_stmt_param_count(handle_.get()) != values.size())
    return fail(Code::InternalError, "a statement has not as many places as values");
  if ((!binds.empty() && mysql_stmt_bind_param(handle_.get(), binds.data()) != 0) ||
      mysql_stmt_execute(handle_.get()) != 0)
    return std::unexpected(error("a statement"));
  return bind_columns();
}

Result<void> Statement::bind_columns() {
  MYSQL_RES* meta = mysql_stmt_result_metadata(handle_.get());
  if (meta == nullptr) return {};
  const MYSQL_FIELD* fields = mysql_fetch_fields(meta);
  fields_.assign(fields, fields + mysql_num_fields(meta));
  rows_.resize(fields_.size());
  binds_.resize(fields_.size());
  std::memset(binds_.data(), 0, binds_.size() * sizeof(MYSQL_BIND));
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    Column& column = rows_[i];
    column.kind = kind_of(fields_[i]);
    if (column.kind == Kind::Text) {
      column.buffer.resize(256);  // longer ones are fetched by themselves
      binds_[i].buffer_type = MYSQL_TYPE_STRING;
      binds_[i].buffer = column.buffer.data();
      binds_[i].buffer_length = column.buffer.size();
    } else if (column.kind == Kind::Real) {
      binds_[i].buffer_type = MYSQL_TYPE_DOUBLE;
      binds_[i].buffer = &column.real;
    } else {
      binds_[i].buffer_type = MYSQL_TYPE_LONGLONG;
      binds_[i].buffer = &column.integer;
      binds_[i].is_unsigned = column.kind == Kind::Unsigned ? 1 : 0;
    }
    binds_[i].length = &rows_[i].size;
    binds_[i].is_null = &rows_[i].is_null;
    binds_[i].error = &rows_[i].is_cut;
  }
  mysql_free_result(meta);
  if (mysql_stmt_bind_result(handle_.get(), binds_.data()) != 0) return std::unexpected(error("a result"));
  return {};
}

Result<bool> Statement::next() {
  const int status = mysql_stmt_fetch(handle_.get());
  if (status == MYSQL_NO_DATA) return false;
  if (status == 1) return std::unexpected(error("a row"));
  bool grew = false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Column& column = rows_[i];
    if (column.kind != Kind::Text || column.is_null != 0 || column.size <= column.buffer.size()) continue;
    column.buffer.resize(column.size);
    binds_[i].buffer = column.buffer.data();
    binds_[i].buffer_length = column.buffer.size();
    if (mysql_stmt_fetch_column(handle_.get(), &binds_[i], static_cast<unsigned>(i), 0) != 0)
      return std::unexpected(error("a row"));
    grew = true;
  }
  if (grew && mysql_stmt_bind_result(handle_.get(), binds_.data()) != 0)
    return std::unexpected(error("a result"));
  return true;
}

std::optional<std::string_view> Statement::text(std::size_t index) {
  Column& column = rows_[index];
  if (column.is_null != 0) return std::nullopt;
  switch (column.kind) {
    case Kind::Text:
      return std::string_view(column.buffer.data(), column.size);
    case Kind::Integer:
      column.buffer = fmt::format("{}", column.integer);
      break;
    case Kind::Unsigned:
      column.buffer = fmt::format("{}", static_cast<std::uint64_t>(column.integer));
      break;
    case Kind::Real:
      column.buffer = fmt::format("{}", column.real);
      break;
  }
  return column.buffer;
}

}  // namespace rowgate::db::mysql

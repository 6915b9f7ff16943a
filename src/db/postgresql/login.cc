#include "db/postgresql/login.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

namespace rowgate::db::postgresql {
namespace {

using Connection = std::unique_ptr<PGconn, CloseConnection>;

constexpr std::chrono::seconds kLoginTime{10};
/// A byte of kind, four of length, and of an Authentication message four of code.
constexpr std::size_t kMessageHead = 5, kAuthenticationHead = 9;
constexpr std::uint32_t kCleartextPassword = 3;
/// libpq reads at least this much at once, so what is peeked is what it reads next. No login says as much.
constexpr std::size_t kMostAtOnce = 8000;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// What the server has sent and libpq has not read, without taking it: nullopt where nothing has come; empty
/// at the end and after an error, which libpq finds by itself.
std::optional<std::string_view> peek(PGconn* connection, std::span<char> into) {
  if (auto* const tls = static_cast<SSL*>(PQgetssl(connection)); tls != nullptr) {
    ::ERR_clear_error();
    const int size = ::SSL_peek(tls, into.data(), static_cast<int>(into.size()));
    if (size > 0) return std::string_view(into.data(), static_cast<std::size_t>(size));
    const int why = ::SSL_get_error(tls, size);
    ::ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::nullopt;
    return std::string_view();
  }
  const ssize_t size = ::recv(PQsocket(connection), into.data(), into.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size > 0) return std::string_view(into.data(), static_cast<std::size_t>(size));
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  return std::string_view();
}

std::unexpected<Error> insecure(const ServerAddress& address) {
  return fail(Code::DatabaseInsecure,
              fmt::format("the database server asks for the password itself, and its certificate was not "
                          "verified ({})",
                          address.shown()),
              "use tls=verify-full, or set database.cleartext_password: always; no password was sent");
}

/// Waits for the socket; false when the time is over.
bool wait_for(PGconn* connection, bool to_read, std::chrono::steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{
        .fd = PQsocket(connection), .events = static_cast<short>(to_read ? POLLIN : POLLOUT), .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

/// PQconnectdbParams() in steps, each message of the server looked at before libpq may answer it.
Result<Connection> log_in_guarded(const char* const* keys, const char* const* values,
                                  const ServerAddress& address) {
  const auto until = std::chrono::steady_clock::now() + kLoginTime;
  Connection connection(PQconnectStartParams(keys, values, 0));
  LoginTalk talk;
  std::array<char, kMostAtOnce + 1> bytes{};
  PostgresPollingStatusType state =
      PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    const bool is_login = PQstatus(connection.get()) == CONNECTION_AWAITING_RESPONSE;
    if (!is_login) talk = {};  // libpq may go on to another address of the host
    std::optional<std::string_view> said;
    if (is_login && state == PGRES_POLLING_READING) said = peek(connection.get(), bytes);

    if (said && (said->size() > kMostAtOnce || talk.asks_for_password(*said))) return insecure(address);
    if (!said) {
      if (!wait_for(connection.get(), state == PGRES_POLLING_READING, until))
        return fail(Code::DatabaseUnreachable,
                    fmt::format("the database server does not answer ({})", address.shown()),
                    "check that the server runs and that database.url is right");
      if (is_login && state == PGRES_POLLING_READING) continue;
    }
    state = PQconnectPoll(connection.get());
  }
  return connection;
}

}  // namespace

bool LoginTalk::asks_for_password(std::string_view bytes) {
  while (!bytes.empty()) {
    if (to_skip_ > 0) {
      const std::size_t skipped = std::min<std::uint64_t>(to_skip_, bytes.size());
      to_skip_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    head_ += bytes.front();
    bytes.remove_prefix(1);
    if (head_.size() < kMessageHead) continue;

    const std::uint64_t size = std::uint64_t{1} + std::max<std::uint32_t>(4, number_at(head_, 1));
    const bool is_authentication = head_.front() == 'R' && size >= kAuthenticationHead;
    if (is_authentication && head_.size() < kAuthenticationHead) continue;
    if (is_authentication && number_at(head_, kMessageHead) == kCleartextPassword) return true;
    to_skip_ = size - head_.size();
    head_.clear();
  }
  return false;
}

Result<Connection> log_in(const std::vector<std::pair<const char*, const char*>>& options,
                          const ServerAddress& address) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key);
    values.push_back(value);
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  if (address.keeps_password()) return log_in_guarded(keys.data(), values.data(), address);
  return Connection(PQconnectdbParams(keys.data(), values.data(), 0));
}

}  // namespace rowgate::db::postgresql

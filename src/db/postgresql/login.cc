#include "db/postgresql/login.h"

#include "io/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace rowgate::db::postgresql {
namespace {

using Connection = std::unique_ptr<PGconn, CloseConnection>;

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

/// What has come over TLS and libpq has not read, without taking it: nullopt where nothing has come; empty at
/// the end and after an error, which libpq finds by itself. libpq reads next what is peeked here, since a
/// record is given out whole.
std::optional<std::string_view> peek(SSL* tls, std::span<char> into) {
  ::ERR_clear_error();
  const int size = ::SSL_peek(tls, into.data(), static_cast<int>(into.size()));
  if (size > 0) return std::string_view(into.data(), static_cast<std::size_t>(size));
  const int why = ::SSL_get_error(tls, size);
  ::ERR_clear_error();
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::nullopt;
  return std::string_view();
}

Error insecure(const ServerAddress& address) {
  return {Code::DatabaseInsecure,
          fmt::format("the database server asks for the password itself, and its certificate was not "
                      "verified ({})",
                      address.shown()),
          "use tls=verify-full, or set database.cleartext_password: always; no password was sent"};
}

using Moment = std::chrono::steady_clock::time_point;

/// Waits for the socket; false when the time is over.
bool wait_for(int socket, bool to_read, Moment until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{.fd = socket, .events = static_cast<short>(to_read ? POLLIN : POLLOUT), .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

/// Stands between libpq and a server without TLS while it logs in. To look at what has come and leave it
/// there would not do: more can come before libpq reads. So the socket of libpq is for that time one end of a
/// pair, and what the server says is put into the other end when it has been looked at.
class Relay {
 public:
  /// nullptr where the system has no descriptors left.
  static std::unique_ptr<Relay> start(int socket) {
    io::Descriptor server(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    std::array<int, 2> ends{};
    if (!server || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
      return nullptr;
    const io::Descriptor given(ends[0]);
    io::Descriptor kept(ends[1]);
    if (::dup3(given.get(), socket, O_CLOEXEC) < 0) return nullptr;
    return std::unique_ptr<Relay>(new Relay(socket, std::move(server), std::move(kept)));
  }

  /// Passes on what libpq has written; false where the server does not take it in time.
  bool send_on(Moment until) {
    std::array<char, 4096> bytes{};
    for (;;) {
      const ssize_t got = ::recv(kept_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got <= 0) return true;
      if (!write_all(server_.get(), {bytes.data(), static_cast<std::size_t>(got)}, until)) return false;
    }
  }
  /// What the server says next; empty at its end, nullopt where nothing comes in time.
  std::optional<std::string_view> receive(std::span<char> into, Moment until) {
    for (;;) {
      const ssize_t got = ::recv(server_.get(), into.data(), into.size(), MSG_DONTWAIT);
      if (got >= 0) return std::string_view(into.data(), static_cast<std::size_t>(got));
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return std::string_view();  // libpq is told the end
      if (!wait_for(server_.get(), true, until)) return std::nullopt;
    }
  }
  /// Lets libpq read it; an empty text is the end.
  bool hand_over(std::string_view said, Moment until) {
    if (!said.empty()) return write_all(kept_.get(), said, until);
    ::shutdown(kept_.get(), SHUT_WR);
    return true;
  }
  /// Gives libpq its own socket back, when it has read all that was handed over.
  bool give_back() { return ::dup3(server_.get(), socket_, O_CLOEXEC) >= 0; }
  bool has_unread() const {
    int unread = 0;
    return ::ioctl(socket_, FIONREAD, &unread) == 0 && unread > 0;
  }

 private:
  Relay(int socket, io::Descriptor server, io::Descriptor kept)
      : socket_(socket), server_(std::move(server)), kept_(std::move(kept)) {}

  static bool write_all(int to, std::string_view bytes, Moment until) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0)
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno == EAGAIN && !wait_for(to, false, until))
        return false;
      else if (errno != EAGAIN && errno != EINTR)
        return true;  // broken: libpq finds that by itself
    }
    return true;
  }

  int socket_;  ///< libpq's
  io::Descriptor server_, kept_;
};

/// PQconnectdbParams() in steps, each message of the server looked at before libpq may answer it.
class GuardedLogin {
 public:
  GuardedLogin(const char* const* keys, const char* const* values, const ServerAddress& address,
               std::chrono::milliseconds time)
      : address_(address),
        until_(std::chrono::steady_clock::now() + time),
        connection_(PQconnectStartParams(keys, values, 0)) {}

  Result<Connection> run() {
    PostgresPollingStatusType state =
        PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
      TRY(look(state == PGRES_POLLING_READING));
      state = PQconnectPoll(connection_.get());
    }

    if (relay_ && state == PGRES_POLLING_OK) {
      while (relay_->has_unread() && PQconsumeInput(connection_.get()) == 1) {}
      if (!relay_->send_on(until_) || !relay_->give_back()) return std::unexpected(no_answer());
    }
    return std::move(connection_);
  }

 private:
  /// Waits until libpq can go on, and looks at what it will read.
  Result<void> look(bool to_read) {
    const ConnStatusType status = PQstatus(connection_.get());
    const bool is_login = status == CONNECTION_AWAITING_RESPONSE;
    const bool is_over = status == CONNECTION_AUTH_OK;  // the rest of the start-up follows
    if (!is_login && !is_over) {                        // libpq may go on to another address of the host
      talk_ = {};
      relay_.reset();
    }
    auto* const tls = static_cast<SSL*>(PQgetssl(connection_.get()));
    if (is_login && tls == nullptr && !relay_) {
      relay_ = Relay::start(PQsocket(connection_.get()));
      if (!relay_) return fail(Code::StorageFull, "no descriptors are left to connect to the database");
    }
    if (relay_) return pass(to_read);

    while (is_login && to_read) {
      const std::optional<std::string_view> said = peek(tls, bytes_);
      if (said && (said->size() > kMostAtOnce || talk_.asks_for_password(*said)))
        return std::unexpected(insecure(address_));
      if (said) return {};
      if (!wait_for(PQsocket(connection_.get()), true, until_)) return std::unexpected(no_answer());
    }
    if (!wait_for(PQsocket(connection_.get()), to_read, until_)) return std::unexpected(no_answer());
    return {};
  }

  Result<void> pass(bool to_read) {
    if (!relay_->send_on(until_)) return std::unexpected(no_answer());
    if (!to_read || relay_->has_unread()) return {};
    const std::optional<std::string_view> said = relay_->receive(bytes_, until_);
    if (!said) return std::unexpected(no_answer());
    if (talk_.asks_for_password(*said)) return std::unexpected(insecure(address_));
    if (!relay_->hand_over(*said, until_)) return std::unexpected(no_answer());
    return {};
  }

  Error no_answer() const {
    return {Code::DatabaseUnreachable,
            fmt::format("the database server does not answer ({})", address_.shown()),
            "check that the server runs and that database.url is right"};
  }

  const ServerAddress& address_;
  const Moment until_;
  Connection connection_;
  LoginTalk talk_;
  std::unique_ptr<Relay> relay_;
  std::array<char, kMostAtOnce + 1> bytes_{};
};

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
                          const ServerAddress& address, std::chrono::milliseconds time) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key);
    values.push_back(value);
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  if (address.keeps_password()) return GuardedLogin(keys.data(), values.data(), address, time).run();
  return Connection(PQconnectdbParams(keys.data(), values.data(), 0));
}

}  // namespace rowgate::db::postgresql

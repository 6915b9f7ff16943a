#include "db/mysql/handshake_guard.h"

#include "base/text.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <utility>

// Exported by the library, and declared in none of its installed headers.
extern "C" int ma_pvio_register_callback(my_bool on,
                                         void (*callback)(int, MYSQL*, const unsigned char*, std::size_t));

namespace rowgate::db::mysql {
namespace {

/// A packet begins with three bytes of length and a number
/// (https://mariadb.com/kb/en/0-packet/#standard-packet).
constexpr std::size_t kGreetingHead = 4;
constexpr char kProtocol = 10, kError = '\xff';
constexpr unsigned kTlsBit = 0x0800;
/// What the server says to a method stands behind this byte; caching_sha2_password takes the second for "send
/// the password itself".
constexpr char kMoreData = 1, kSendPassword = 4;

/// The guard of this thread's login; sessions that are logged in have none.
thread_local HandshakeGuard* watching = nullptr;

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// Protocol 10: the server's version and a NUL, four bytes of thread, eight of challenge, a filler, the lower
/// half of the capabilities.
bool offers_tls(std::string_view greeting) {
  const std::size_t end = greeting.find('\0', 1);
  if (end == std::string_view::npos || end + 16 > greeting.size()) return false;
  return ((byte_at(greeting, end + 14) | byte_at(greeting, end + 15) << 8) & kTlsBit) != 0;
}

}  // namespace

HandshakeGuard::HandshakeGuard(MYSQL* connection, const ServerAddress& address,
                               std::shared_ptr<server::SocketWatch> watch,
                               std::chrono::milliseconds login_time)
    : connection_(connection), socket_watch_(std::move(watch)), login_time_(login_time), address_(address) {
  static const int registered = ma_pvio_register_callback(1, &HandshakeGuard::watch);
  (void)registered;
  watching = this;
}

HandshakeGuard::~HandshakeGuard() {
  watching = nullptr;
}

void HandshakeGuard::watch(int is_write, MYSQL* connection, const unsigned char* bytes, std::size_t size) {
  HandshakeGuard* const guard = watching;
  if (guard == nullptr || connection != guard->connection_ || is_write != 0) return;
  if (static_cast<std::ptrdiff_t>(size) <= 0) return;  // an error, or the end
  if (!guard->login_) {  // before that the library's own time for the connection counts
    guard->login_.emplace(guard->socket_watch_, mysql_get_socket(connection), guard->login_time_);
    guard->login_->expect();
  }
  guard->take({reinterpret_cast<const char*>(bytes), size});
}

/// The library reads ahead, so several packets may come at once, and a packet in pieces.
void HandshakeGuard::take(std::string_view bytes) {
  packet_ += bytes;
  while (packet_.size() >= kGreetingHead) {
    const std::size_t size =
        kGreetingHead + (byte_at(packet_, 0) | byte_at(packet_, 1) << 8 | byte_at(packet_, 2) << 16);
    if (packet_.size() < size) return;
    judge(std::string_view(packet_).substr(kGreetingHead, size - kGreetingHead));
    packet_.erase(0, size);
  }
}

void HandshakeGuard::judge(std::string_view payload) {
  if (payload.empty() || payload.front() == kError) return;
  if (!std::exchange(is_greeted_, true)) {
    const bool has_tls = payload.front() == kProtocol && offers_tls(payload);
    if (address_.tls != Tls::Disable && !has_tls)
      cut("the database server offers no TLS, which `tls` in database.url demands",
          "turn TLS on at the server; no password was sent");
    return;
  }

  if (payload.front() == kMoreData) payload.remove_prefix(1);
  if (!address_.keeps_password() || payload.empty() || payload.front() != kSendPassword) return;
  // Without TLS the password would go under a key that the server names; whoever listens on loopback can as
  // well read the files of this machine.
  if (address_.tls == Tls::Disable && is_loopback(address_.host)) return;
  cut("the database server asks for the password itself, and its certificate was not verified",
      "use tls=verify-full, or set database.cleartext_password: always; no password was sent");
}

void HandshakeGuard::cut(std::string message, std::string hint) {
  if (!refusal_)
    refusal_ =
        Error{Code::DatabaseInsecure, fmt::format("{} ({})", message, address_.shown()), std::move(hint)};
  ::shutdown(mysql_get_socket(connection_), SHUT_RDWR);
}

}  // namespace rowgate::db::mysql

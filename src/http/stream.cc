#include "http/stream.h"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <tuple>
#include <utility>

namespace rowgate::http {

namespace {

using boost::system::error_code;

std::size_t bytes_waiting(Socket& socket) {
  error_code error;
  const std::size_t bytes = socket.available(error);
  return error ? 0 : bytes;
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  Task<error_code> handshake() override { co_return error_code{}; }

  Task<Moved> read_some(std::span<char> into) override {
    const auto [error, bytes] =
        co_await socket_.async_read_some(net::buffer(into.data(), into.size()), kAsValue);
    co_return Moved{error, bytes};
  }

  Task<Moved> write_some(Pieces pieces) override {
    const auto [error, bytes] = co_await socket_.async_write_some(pieces, kAsValue);
    co_return Moved{error, bytes};
  }

  Moved read_now(std::span<char> into) override {
    for (;;) {
      const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
      if (got > 0) return {{}, static_cast<std::size_t>(got)};
      if (got == 0) return {net::error::eof, 0};
      if (errno != EINTR) return {error_code(errno, net::error::get_system_category()), 0};
    }
  }

  Task<void> end_writing() override {
    error_code ignored;
    (void)socket_.shutdown(Socket::shutdown_send, ignored);
    co_return;
  }

  bool is_ready() override { return bytes_waiting(socket_) != 0; }
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, net::ssl::context& context) : stream_(std::move(socket), context) {}

  Task<error_code> handshake() override {
    const auto [error] = co_await stream_.async_handshake(net::ssl::stream_base::server, kAsValue);
    co_return error;
  }

  Task<Moved> read_some(std::span<char> into) override {
    const auto [error, bytes] =
        co_await stream_.async_read_some(net::buffer(into.data(), into.size()), kAsValue);
    co_return Moved{error, bytes};
  }

  /// One record at a time is the best that TLS can do, so the first piece that has bytes is enough.
  Task<Moved> write_some(Pieces pieces) override {
    const auto [error, bytes] = co_await stream_.async_write_some(pieces, kAsValue);
    co_return Moved{error, bytes};
  }

  bool is_encrypted() const override { return true; }
  Moved read_now(std::span<char>) override { return {net::error::would_block, 0}; }

  Task<void> end_writing() override {
    (void)co_await stream_.async_shutdown(kAsValue);  // sends close_notify, then waits for the peer's
    error_code ignored;
    (void)socket().shutdown(Socket::shutdown_send, ignored);
  }

  bool is_ready() override {
    return SSL_pending(stream_.native_handle()) > 0 || bytes_waiting(stream_.next_layer()) != 0;
  }
  Socket& socket() override { return stream_.next_layer(); }

 private:
  net::ssl::stream<Socket> stream_;
};

tcp_info info_of(Socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    info.tcpi_state = TCP_CLOSE;
  return info;
}

}  // namespace

bool Moved::would_wait() const {
  return error == net::error::would_block || error == net::error::try_again;
}

bool Moved::is_end() const {
  return error == net::error::eof || error == net::ssl::error::stream_truncated;
}

void Stream::cancel() {
  error_code ignored;
  (void)socket().cancel(ignored);
}

void Stream::shut_down() {
  cancel();
  error_code ignored;
  (void)socket().shutdown(Socket::shutdown_both, ignored);
}

void Stream::close() {
  error_code ignored;
  (void)socket().close(ignored);
}

void Stream::reset() {
  error_code ignored;
  (void)socket().set_option(net::socket_base::linger(true, 0), ignored);
  (void)socket().close(ignored);
}

bool Stream::has_peer_ended() {
  const auto state = info_of(socket()).tcpi_state;
  return state == TCP_CLOSE_WAIT || state == TCP_CLOSE;
}

bool Stream::is_peer_gone() {
  return info_of(socket()).tcpi_state == TCP_CLOSE;
}

bool Stream::say_now(std::string_view bytes) {
  const ssize_t sent =
      ::send(socket().native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(bytes.size());
}

bool Stream::is_all_received() {
  int bytes = 0;
  return ::ioctl(socket().native_handle(), SIOCOUTQ, &bytes) != 0 || bytes == 0;
}

std::unique_ptr<Stream> plain_stream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> tls_stream(Socket socket, net::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace rowgate::http

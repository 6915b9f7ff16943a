#pragma once

// A TCP proxy that breaks connections at chosen places, for tests of lost connections.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rowgate::db::testing {

/// Passes bytes between clients and a server on loopback. `on_client` and `on_server` look at the bytes of
/// their side before they are passed on, and may change them; false breaks the connection instead.
class FaultProxy {
 public:
  using Watch = std::function<bool(std::string& bytes)>;

  explicit FaultProxy(std::uint16_t server_port) : server_port_(server_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(listener_, 16) == 0)
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy() {
    stopping_ = true;
    acceptor_.join();
    for (std::thread& pump : pumps_) pump.join();
    ::close(listener_);
  }

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  void watch(Watch on_client, Watch on_server = {}) {
    const std::scoped_lock lock(mutex_);
    on_client_ = std::move(on_client);
    on_server_ = std::move(on_server);
  }
  /// From now on nobody gets through any more.
  void close_door() { closed_ = true; }
  void open_door() { closed_ = false; }
  bool is_closed() const { return closed_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return at;
  }

  void accept_all() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      if (closed_) {
        ::close(client);
        continue;
      }
      ++connections_;
      const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in at = loopback(server_port_);
      if (::connect(server, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      // As the clients themselves do: a small statement does not wait for the answer to the one before.
      for (const int fd : {client, server}) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      }
      pumps_.emplace_back([this, client, server] { pump(client, server); });
    }
  }

  bool pass(int from, int to, bool is_client) {
    std::string bytes(64 * 1024, '\0');
    const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    bytes.resize(static_cast<std::size_t>(got));
    {
      const std::scoped_lock lock(mutex_);
      const Watch& watch = is_client ? on_client_ : on_server_;
      if (watch && !watch(bytes)) return false;
    }
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t part = ::send(to, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (part <= 0) return false;
      sent += static_cast<std::size_t>(part);
    }
    return true;
  }

  void pump(int client, int server) {
    while (!stopping_) {
      pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(ends, 2, 20) <= 0) continue;
      if (ends[0].revents != 0 && !pass(client, server, true)) break;
      if (ends[1].revents != 0 && !pass(server, client, false)) break;
    }
    ::close(client);
    ::close(server);
  }

  std::uint16_t server_port_, port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false, closed_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  Watch on_client_, on_server_;
  std::thread acceptor_;
  std::vector<std::thread> pumps_;  // of the acceptor's thread until it has ended
};

}  // namespace rowgate::db::testing

#pragma once

#include "base/error.h"
#include "http/message.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::http {

/// A place to listen on.
struct Listener {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0 = any free one
  bool is_admin = false;
};

/// Sizes, times and TLS of the connection layer.
struct ServerSettings {
  std::vector<Listener> listeners;
  std::size_t max_header_bytes = 16 * 1024, max_headers = 100, max_target_bytes = 8 * 1024;
  std::chrono::milliseconds header_timeout{10'000};  ///< from a head's first byte to its last; TLS handshake
  /// Between reads of a body, between writes of an answer, and before the next request of a kept connection.
  std::chrono::milliseconds idle_timeout{30'000};
  std::uint64_t min_bytes_per_second = 1024;       ///< of a body, after rate_window; 0 = none
  std::uint64_t min_read_bytes_per_second = 1024;  ///< of an answer as the client reads it; 0 = none
  std::chrono::milliseconds rate_window{
      10'000};                         ///< how long a body, or the reading of one, may start slowly
  std::size_t max_connections = 4096;  ///< those of an admin listener are not counted
  unsigned workers = 16;
  /// PEM files, both or none. TLS 1.2 and 1.3 on every listener that is not the admin's.
  std::optional<std::string> tls_certificate = {}, tls_key = {};
  std::vector<std::string> trusted_proxies = {};  ///< addresses whose X-Forwarded-For counts
};

/// HTTP/1.1 (RFC 9112) over TCP and optionally TLS, serving one Application. One thread runs the loop, worker
/// threads run the application.
class Server {
 public:
  Server(Application& application, ServerSettings settings);
  ~Server();
  /// Binds and listens. Fails with config.cannot_listen, config.invalid
  /// (certificate, key). Raises the process's limit of open files towards max_connections.
  Result<void> listen();
  /// The ports that are listened on, in the order of the listeners; after listen().
  std::vector<std::uint16_t> ports() const;
  /// Runs until shut_down() has been called and everything is answered or `grace` has passed.
  void run();
  /// From any thread, also from a signal-handling one: no new connections; idle ones are closed; requests
  /// that are being answered have `grace` to end.
  void shut_down(std::chrono::milliseconds grace);
  /// The loop has turned within the last second; what a watchdog asks.
  bool is_turning() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::http

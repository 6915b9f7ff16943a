#pragma once

// What a server says before it is known, watched on the connection itself.
//
// Connector/C takes MYSQL_OPT_SSL_ENFORCE for a wish unless it verifies the certificate too, and a method of
// authentication may go on to ask for the password itself. So the outcome is watched instead of the options:
// the library calls back with every byte that it has read, and a connection on which the next thing to send
// would break the rules is cut before that.

#include "base/error.h"
#include "db/server/watch.h"
#include "db/server_address.h"

#include <mysql.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::db::mysql {

/// Watches this thread's mysql_real_connect() of `connection` until it is destroyed.
class HandshakeGuard {
 public:
  HandshakeGuard(MYSQL* connection, const ServerAddress& address, std::shared_ptr<server::SocketWatch> watch,
                 std::chrono::milliseconds login_time);
  ~HandshakeGuard();
  HandshakeGuard(const HandshakeGuard&) = delete;
  HandshakeGuard& operator=(const HandshakeGuard&) = delete;

  /// Why the connection was cut: database.insecure.
  const std::optional<Error>& refusal() const { return refusal_; }

 private:
  static void watch(int is_write, MYSQL* connection, const unsigned char* bytes, std::size_t size);
  void take(std::string_view bytes);
  void judge(std::string_view payload);
  void cut(std::string message, std::string hint);

  MYSQL* connection_;
  std::shared_ptr<server::SocketWatch> socket_watch_;
  std::chrono::milliseconds login_time_;
  std::optional<server::WatchedSocket> login_ = {};  ///< once the server has spoken
  const ServerAddress& address_;
  std::string packet_ = {};  ///< the one at hand, its head included
  bool is_greeted_ = false;
  std::optional<Error> refusal_ = {};
};

}  // namespace rowgate::db::mysql

#pragma once

// Logging in to a server that may be an impostor: libpq before version 16 sends the password to whoever asks
// for it in clear text, so what the server asks for is read before libpq reads it.

#include "base/error.h"
#include "db/postgresql/session.h"
#include "db/server_address.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::db::postgresql {

/// What a server says until it has taken the login, in whatever pieces it comes
/// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
class LoginTalk {
 public:
  /// Whether the server asks for the password in clear text (AuthenticationCleartextPassword) by now.
  bool asks_for_password(std::string_view bytes);

 private:
  std::string head_ = {};      ///< of the message at hand, up to the code of an Authentication message
  std::uint64_t to_skip_ = 0;  ///< the rest of a message that has been judged
};

/// Opens a connection by libpq's options, within `time`. One whose login failed is returned as libpq left it.
/// Fails with database.insecure where the server asks for the password itself and must not get it.
Result<std::unique_ptr<PGconn, CloseConnection>> log_in(
    const std::vector<std::pair<const char*, const char*>>& options, const ServerAddress& address,
    std::chrono::milliseconds time);

}  // namespace rowgate::db::postgresql

#pragma once

#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::db {

enum class ServerKind : std::uint8_t { MySql, PostgreSql };

/// How a connection is protected. VerifyFull: encrypted, and the server's certificate is one of `ca` for this
/// host. Require: encrypted, whoever answers.
enum class Tls : std::uint8_t { Disable, Require, VerifyFull };

/// Whether a password may go to a server in clear text. Verified: only where its certificate was verified, so
/// that nobody else can have asked for it.
enum class CleartextPassword : std::uint8_t { Verified, Always };

/// Where a password comes from that may change while the program runs. Thread safe.
class PasswordSource {
 public:
  virtual ~PasswordSource() = default;
  virtual Result<std::string> current() = 0;
  /// What it is now, given that the server did not take `refused`.
  virtual Result<std::string> after(std::string_view refused) = 0;
};

/// Where a database server is and who asks.
struct ServerAddress {
  ServerKind kind = ServerKind::MySql;
  std::string host = "127.0.0.1";
  std::uint16_t port = 3306;
  std::string user, password = {}, database;
  std::string schema = "public";                   ///< PostgreSQL
  std::shared_ptr<PasswordSource> passwords = {};  ///< where given, it tells `password` at each login
  Tls tls = Tls::VerifyFull;
  std::string ca = {};  ///< PEM file; empty: the system's
  CleartextPassword cleartext_password = CleartextPassword::Verified;
  /// Whether a server that asks for the password itself, not for a proof of it, is refused.
  bool keeps_password() const {
    return cleartext_password == CleartextPassword::Verified && tls != Tls::VerifyFull;
  }
  /// Without the password: "mysql loader@db.internal:3306/hr".
  std::string shown() const;
};

/// Reads mysql://user@host:port/database and postgresql://user@host:port/database, with ?tls=disable |
/// require | verify-full (default: verify-full, and disable on loopback), ca=FILE and, on PostgreSQL,
/// schema=NAME. Parts may be percent-encoded. Fails with config.invalid; a password in it is refused.
Result<ServerAddress> read_server_address(std::string_view url);

/// How a server is used.
struct ServerOptions {
  ServerAddress address;
  std::optional<ServerAddress> reader = {};  ///< queries of reports run there
  std::chrono::milliseconds lock_wait = std::chrono::seconds(10);
  /// How long the server may say nothing: within a load, whose statements may take long, and to anything
  /// else.
  std::chrono::milliseconds load_silence = std::chrono::hours(1), silence = std::chrono::minutes(1);
  std::chrono::milliseconds first_retry = std::chrono::milliseconds(100);  ///< then twice as long, and so on
  unsigned pool = 8;  ///< loads at once; and connections that are kept for short work
};
}  // namespace rowgate::db

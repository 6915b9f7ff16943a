#pragma once

#include "db/server_address.h"

namespace rowgate::db::server {

/// Opens a session by `open(address)` with the password of the moment. When the server refuses it the
/// password may have been changed since it was read: it is asked for once more, and tried if it is another
/// one.
template <class Open>
auto log_in(const ServerAddress& address, const Open& open) -> decltype(open(address)) {
  if (!address.passwords) return open(address);
  ServerAddress present = address;
  TRY_ASSIGN(present.password, address.passwords->current());
  auto session = open(present);
  if (session || session.error().code != Code::DatabasePrivilege) return session;
  TRY_ASSIGN(std::string fresh, address.passwords->after(present.password));
  if (fresh == present.password) return session;
  present.password = std::move(fresh);
  return open(present);
}

}  // namespace rowgate::db::server

#pragma once

#include "db/server_address.h"

#include <optional>
#include <string>
#include <vector>

namespace rowgate::db {

/// Who is to be given rights on what.
struct GrantsRequest {
  ServerAddress loader;
  std::optional<ServerAddress> reader = {};  ///< where reports are run by another user
  std::vector<std::string> spaces;           ///< all that hold tables, the loader's own among them
  bool enforce_keys = false;                 ///< some table has foreign keys as constraints
  std::string host = "%";                    ///< of the accounts on the MySQL family
};

/// The least GRANTs with which rowgate loads, keeps its ledger, makes and replaces tables and runs reports,
/// as SQL for an administrator of the server. The users and spaces are there already.
std::string grants_sql(const GrantsRequest& request);

}  // namespace rowgate::db

#pragma once

#include "db/database.h"

#include <string>
#include <vector>

namespace rowgate::app {

/// What contradicts the ledger, as a program that was killed, a lost connection or somebody else's hands may
/// have left it.
struct Damage {
  std::string what;  ///< "`people` has 12 rows, and the loads that succeeded account for 10"
  std::string fix;
};

/// Looks for tables that loads left behind, versions of tables without a run, and failed loads whose rows
/// seem to be there. Reads the whole ledger, and counts the rows of a table only where a load of it failed
/// after the database had taken rows. Changes nothing. Fails with database.*.
Result<std::vector<Damage>> find_damage(db::Database& database);

}  // namespace rowgate::app

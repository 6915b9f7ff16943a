#pragma once

#include "db/sqlite/connection.h"

namespace rowgate::db::sqlite {

/// Puts SUM and AVG of ours in place of SQLite's on this connection: decimals are added up exactly, whatever
/// their order. A sum is a double where that holds it whole, else the text of its digits; a mean is the
/// double nearest to it. For statements that read decimals and no doubles, whose sums are the engine's own.
Result<void> use_exact_sums(const Connection& connection);

/// The decimal that a double stands for, with at least `scale` places.
std::string decimal_text(double value, int scale);

}  // namespace rowgate::db::sqlite

#pragma once

#include "db/server/engine.h"

namespace rowgate::db::server {

/// The statements that make the table `stored` as the target's schema says, in the order in which they can be
/// done; each ends with ";\n". Comments tell where rows that are there stand against it.
std::vector<std::string> alterations(const ServerDialect& dialect, const TableName& stored,
                                     const LoadTarget& target, const Shape& shape,
                                     const std::vector<Difference>& differences);

}  // namespace rowgate::db::server

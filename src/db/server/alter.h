#pragma once

#include "db/server/engine.h"

namespace rowgate::db::server {

/// What rows may stand against.
struct Hazard {
  std::string condition;  ///< true for rows that do
  std::string words;      ///< "would change in `pay`"
  bool is_loss = false;   ///< the script does it none the less, and the old rows are kept beside
};
std::vector<Hazard> hazards_of(const ServerDialect& dialect, const LoadTarget& target, const Shape& shape,
                               const std::vector<Difference>& differences);

/// The statements that make the table `stored` as the target's schema says, in the order in which they can be
/// done; each ends with ";\n". They fail before they change anything where a row stands against them, and
/// keep a copy of the rows as they were.
std::vector<std::string> alterations(const ServerDialect& dialect, const TableName& stored,
                                     const LoadTarget& target, const Shape& shape,
                                     const std::vector<Difference>& differences);

}  // namespace rowgate::db::server

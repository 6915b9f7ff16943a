#pragma once

#include "db/sqlite/staging.h"

#include <optional>

namespace rowgate::db::sqlite {

/// What staged rows are judged against.
struct SetQuestion {
  const table::TableSchema& schema;
  std::string self;  ///< the table's own name, as foreign keys call it
  std::optional<std::string>
      rows;             ///< quoted table that holds the rows as before the load; absent: against nothing
  bool update = false;  ///< upsert: rows of the same primary key do not count against a record
};

/// Judges stages 4 and 5 for all staged rows as a set: for tables that reference themselves, where one row of
/// the file may be the parent of another, and for an upsert with unique keys, which one row may set free for
/// another. Refused rows are marked in `staging`. Returns how many.
Result<std::uint64_t> judge_as_set(const Connection& connection, const SetQuestion& question,
                                   Staging& staging, KeyFindings& findings);

}  // namespace rowgate::db::sqlite

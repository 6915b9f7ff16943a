#pragma once

#include "db/sqlite/row.h"

#include <string>
#include <unordered_set>

namespace rowgate::db::sqlite {

/// Whether a row's parent exists, for one foreign key to another table. Remembers parents that it has found,
/// since most children share few; at most 64 Ki of them, then it forgets all and starts again.
class ParentLookup {
 public:
  /// A parent table that does not exist counts as empty. Fails with config.invalid when one of its columns
  /// does not exist.
  static Result<ParentLookup> make(const Connection& connection, const table::ForeignKey& key);
  /// True as well for a key with a null.
  Result<bool> has_parent(const table::Cell* cells);

 private:
  ParentLookup(const Connection& connection, const table::ForeignKey& key, Statement select)
      : connection_(&connection), key_(&key), select_(std::move(select)) {}
  Result<bool> select(const table::Cell* cells);

  const Connection* connection_;
  const table::ForeignKey* key_;
  Statement select_;                           ///< none where there is no parent table
  std::unordered_set<std::int64_t> integers_;  ///< of a key of one integer
  std::unordered_set<std::string> others_;     ///< of any other key, its cells joined
  std::string joined_;
};

}  // namespace rowgate::db::sqlite

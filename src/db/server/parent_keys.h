#pragma once

#include "db/server/row_encoder.h"
#include "db/server/row_log.h"
#include "db/server/tables.h"

#include <unordered_set>

namespace rowgate::db::server {

/// The distinct keys by which a load's rows refer to one other table, so that a clean load asks for each
/// parent once. Of a key that is seen again only after many thousand others there may be a second entry.
class ParentKeys {
 public:
  ParentKeys(const table::TableSchema& schema, std::size_t foreign_key, const std::filesystem::path& scratch)
      : schema_(&schema), index_(foreign_key), log_(scratch, std::size_t{1} << 20) {}
  Result<void> add(const RowEncoder& encoder, const table::Cell* cells);
  /// Whether every key has a parent. Makes a temporary table `name` for the question.
  Result<bool> all_exist(Session& session, const ServerDialect& dialect, const Tables& tables,
                         const std::string& space, const std::string& name) const;

 private:
  const table::ForeignKey& key() const { return schema_->foreign_keys[index_]; }
  const table::TableSchema* schema_;
  std::size_t index_;
  RowLog log_;
  RowLog::Block closed_;  ///< its memory
  std::unordered_set<std::string> seen_;
  std::unordered_set<std::int64_t> seen_numbers_;  ///< of a key of one integer
  std::string text_;
};

}  // namespace rowgate::db::server

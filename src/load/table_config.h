#pragma once

#include "base/units.h"
#include "csv/dialect.h"
#include "db/database.h"
#include "table/schema.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::load {

/// A table as configured.
struct TableConfig {
  db::TableName name;
  std::string title = {};
  csv::DialectOptions dialect = {};  ///< limits filled in
  table::TableSchema schema;
  bool enforce_keys = false;     ///< keys: check | enforce
  bool database_checks = false;  ///< checks: rowgate | database
  std::optional<RejectLimit> max_rejects = {};
};

/// What holds for every load, whichever door it comes through.
struct LoadLimits {
  RejectLimit max_rejects = {};
  std::uint64_t max_reject_bytes = kGiB;  ///< of the stored rejects of a run
  std::uint64_t max_columns = 1024, max_field_bytes = kMiB, max_record_bytes = 4 * kMiB;
  std::uint64_t max_unpacked_bytes = 4 * kGiB;  ///< of a compressed upload; binds HTTP only
  std::uint64_t max_ratio = 100;                ///< unpacked to packed; binds HTTP only
};

/// All configured tables, in file order.
struct Catalog {
  std::vector<TableConfig> tables = {};
  LoadLimits limits = {};
  const TableConfig* find(std::string_view name) const;
};

}  // namespace rowgate::load

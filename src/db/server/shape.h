#pragma once

#include "db/database.h"

#include <functional>
#include <string>
#include <vector>

namespace rowgate::db::server {

struct ColumnShape {
  std::string name;
  std::string
      type;  ///< in the database's words, with its lengths: "varchar(100)", "timestamp(0) with time zone"
  std::string collation = {};
  bool not_null = false;
};

/// A foreign key constraint.
struct Reference {
  std::string name;
  TableName child;
  std::vector<std::string> columns;  ///< of the child
  TableName parent;
  std::vector<std::string> parent_columns;  ///< as many
  bool deferrable = false;
};

/// A table as it is in the database.
struct Shape {
  std::vector<ColumnShape> columns;
  std::vector<std::string> primary_key = {};
  std::vector<std::vector<std::string>> unique_keys = {};
  std::vector<Reference> references = {};
};

/// Whether a column can hold what the field says, and compares keys by their bytes.
using Fits = std::function<bool(const ColumnShape& column, const table::Field& field, bool in_key)>;

/// Where the table differs from the target's schema, in words. `wanted` says the type that rowgate would
/// make.
std::vector<std::string> differences(const Shape& shape, const LoadTarget& target,
                                     const std::vector<std::string>& wanted, const Fits& fits);

}  // namespace rowgate::db::server

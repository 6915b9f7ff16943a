#pragma once

#include "db/database.h"

#include <cstdint>
#include <functional>
#include <set>
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

/// A unique key.
struct KeyShape {
  std::string name;
  std::vector<std::string> columns = {};
  bool is_constraint = true;  ///< of PostgreSQL: and not an index alone
};

/// A table as it is in the database.
struct Shape {
  std::vector<ColumnShape> columns;
  std::vector<std::string> primary_key = {};
  std::string primary_name = {};  ///< of the primary key, where it has one
  std::vector<KeyShape> unique_keys = {};
  std::vector<Reference> references = {};
  std::set<std::string> other_keys = {};  ///< unique indexes of parts of rows or values, or of expressions
  std::string not_transactional = {};     ///< the storage engine, where it cannot roll back
};

/// Whether a column can hold what the field says, and compares keys by their bytes.
using Fits = std::function<bool(const ColumnShape& column, const table::Field& field, bool in_key)>;

/// One difference between a table and a schema.
struct Difference {
  enum class What : std::uint8_t {
    MissingColumn,     ///< `index` is of the schema's fields
    OtherType,         ///< likewise
    OtherNullability,  ///< likewise
    PrimaryKey,        ///< likewise: it is part of the one and not of the other
    ExtraColumn,       ///< of the shape's columns
    MissingUnique,     ///< of the schema's unique keys
    ExtraUnique,       ///< of the shape's
    MissingReference,  ///< of the schema's foreign keys
    ExtraReference,    ///< of the shape's references
    OtherUnique        ///< an index that no schema can describe
  };
  What what;
  std::size_t index = 0;
  std::string words;
};

/// Where the table differs from the target's schema. `wanted` says the type that rowgate would make.
std::vector<Difference> compare(const Shape& shape, const LoadTarget& target,
                                const std::vector<std::string>& wanted, const Fits& fits);
std::vector<std::string> words_of(const std::vector<Difference>& differences);

}  // namespace rowgate::db::server

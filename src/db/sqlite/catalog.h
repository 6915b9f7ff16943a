#pragma once

// What is in the database: tables as they are, against tables as a schema wants them, and rowgate's own two
// tables.

#include "db/database.h"
#include "db/sqlite/connection.h"

namespace rowgate::db::sqlite {

/// The table that SQLite takes `name` for, as it was written when it was made.
Result<std::optional<std::string>> stored_name(const Connection& connection, std::string_view name);
/// Whether `main` (or temp) has a table of this name; names compare without case, as SQLite does.
Result<bool> has_table(const Connection& connection, std::string_view name);
/// The user's tables, by name; rowgate's own and SQLite's are left out.
Result<std::vector<std::string>> table_names(const Connection& connection);
/// Tables that loads made for themselves. None should be there: a load makes and drops them in its
/// transaction.
Result<std::vector<std::string>> left_over_names(const Connection& connection);

/// A foreign key constraint of `child` that references some table.
struct Reference {
  std::string child;
  std::vector<std::string> columns;         ///< of the child
  std::vector<std::string> parent_columns;  ///< as many
};
/// The names of the table's triggers.
Result<std::vector<std::string>> triggers_of(const Connection& connection, std::string_view table);
/// The constraints of other tables that reference `table`.
Result<std::vector<Reference>> references_to(const Connection& connection, const std::string& table);

/// Indexes and triggers of other hands, which would go with the table if a new one took its place.
Result<bool> has_parts_of_others(const Connection& connection, std::string_view table);
/// The names of unique indexes of a part of the rows or of expressions, which no schema can say.
Result<std::vector<std::string>> other_unique_indexes(const Connection& connection, std::string_view table);

/// A parent must have the columns that a foreign key refers to (config.invalid), of the same form as the
/// fields and comparing bytes (table.differs). One that does not exist is none.
Result<void> check_parent(const Connection& connection, const table::TableSchema& schema,
                          const table::ForeignKey& key);

/// Where the table in the database differs from the target's schema; empty when equal or missing.
Result<std::vector<std::string>> differences(const Connection& connection, const LoadTarget& target);

/// See Database::plan(). SQLite changes columns in few ways only, so a table that differs is made anew.
Result<std::vector<std::string>> plan(const Connection& connection, const LoadTarget& target);

/// Makes rowgate_runs and rowgate_schema where they are missing. A connection looks again only when the
/// schema has changed meanwhile. In a transaction that has changed nothing yet.
Result<void> make_own_tables(const Connection& connection);
/// 0 when never loaded.
Result<std::uint64_t> version_of(const Connection& connection, std::string_view table);
Result<std::optional<std::string>> kept_schema_of(const Connection& connection, std::string_view table);
/// Keeps the schema that a table was made with or loaded by.
Result<void> keep_schema(const Connection& connection, std::string_view table,
                         const std::string& schema_json);
/// The random id of the database, which make_own_tables() gives it; empty before that.
Result<std::string> identity_of(const Connection& connection);
Result<void> set_version(const Connection& connection, std::string_view table, std::uint64_t version,
                         Timestamp changed_at);

}  // namespace rowgate::db::sqlite

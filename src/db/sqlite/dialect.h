#pragma once

#include "db/database.h"

namespace rowgate::db::sqlite {

/// A decimal of at most 15 digits comes back whole from a double and is kept as one; a longer one is a text.
bool is_text_decimal(const table::Field& field);

/// SQL of SQLite: STRICT tables, BINARY collation, dates and long decimals as texts.
class Dialect : public SqlDialect {
 public:
  using SqlDialect::quote;
  std::string quote(std::string_view identifier) const override;
  std::string type_name(const table::Field& field) const override;
  std::string create_table(const TableName& table, const table::TableSchema& schema, bool enforce_keys,
                           bool database_checks) const override;
};

/// The CHECK expressions that repeat the rules of a field (product promise: `checks: database`), joined by
/// AND; empty when it has none. Literals are made by our own formatter, never spliced from the schema's text.
std::string check_expression(const table::Field& field);

/// `"a", "b"` for some of the schema's fields.
std::string column_list(const table::TableSchema& schema, const std::vector<std::size_t>& fields);
/// All of them.
std::string column_list(const table::TableSchema& schema);

}  // namespace rowgate::db::sqlite

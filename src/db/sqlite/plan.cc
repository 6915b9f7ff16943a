#include "db/sqlite/catalog.h"
#include "db/sqlite/dialect.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

/// The columns that stay.
Result<std::string> common_columns(const Connection& connection, const std::string& table,
                                   const table::TableSchema& schema) {
  TRY_ASSIGN(Statement statement, connection.prepare("SELECT name FROM pragma_table_info(?)"));
  statement.bind(1, std::string_view(table));
  std::string names;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return names;
    const std::string name = statement.text(0);
    if (schema.index_of(name)) names += (names.empty() ? "" : ", ") + quote_name(name);
  }
}

}  // namespace

Result<std::vector<std::string>> plan(const Connection& connection, const LoadTarget& target) {
  const Dialect dialect;
  const auto create = [&](const std::string& name) {
    return dialect.create_table({.name = name}, *target.schema, target.enforce_keys, target.database_checks);
  };
  std::vector<std::string> statements;
  TRY_ASSIGN(const std::optional<std::string> stored, stored_name(connection, target.table.name));
  if (!stored) return std::vector{create(target.table.name)};
  TRY_ASSIGN(const std::vector<std::string> found, differences(connection, target));
  if (found.empty()) return statements;
  TRY_ASSIGN(const std::string columns, common_columns(connection, *stored, *target.schema));
  // In this order (https://sqlite.org/lang_altertable.html, section 7): constraints of other tables stay with
  // the name.
  const std::string old_name = quote_name(*stored), new_name = quote_name("__rg_plan_" + *stored);
  statements.emplace_back("PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n");
  statements.push_back(create("__rg_plan_" + *stored));
  if (!columns.empty()) {
    statements.emplace_back("-- values of columns that are not named here are lost\n");
    statements.push_back(
        fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2};\n", new_name, columns, old_name));
  }
  statements.push_back(fmt::format("DROP TABLE {};\nALTER TABLE {} RENAME TO {};\nCOMMIT;\n", old_name,
                                   new_name, quote_name(target.table.name)));
  return statements;
}

}  // namespace rowgate::db::sqlite

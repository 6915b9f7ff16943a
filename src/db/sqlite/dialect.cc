#include "db/sqlite/dialect.h"

#include "db/sqlite/connection.h"
#include "table/numbers.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {

std::string column_list(const table::TableSchema& schema, const std::vector<std::size_t>& fields) {
  std::string list;
  for (const std::size_t field : fields) {
    if (!list.empty()) list += ", ";
    list += quote_name(schema.fields[field].name);
  }
  return list;
}

std::string column_list(const table::TableSchema& schema) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) all.push_back(i);
  return column_list(schema, all);
}

bool is_text_decimal(const table::Field& field) {
  return field.type == table::Type::Number && field.decimal &&
         field.decimal->precision > table::kDoubleDigits;
}

std::string Dialect::quote(std::string_view identifier) const {
  return quote_name(identifier);
}

std::string Dialect::type_name(const table::Field& field) const {
  switch (field.type) {
    case table::Type::Integer:
    case table::Type::Boolean:
    case table::Type::Year:
      return "INTEGER";
    case table::Type::Number:
      return is_text_decimal(field) ? "TEXT" : "REAL";
    default:
      return field.is_binary() ? "BLOB" : "TEXT";
  }
}

std::string Dialect::create_table(const TableName& table, const table::TableSchema& schema, bool enforce_keys,
                                  bool database_checks) const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const table::Field& field = schema.fields[i];
    std::string part = fmt::format("{} {}", quote_name(field.name), type_name(field));
    if (schema.is_required(i)) part += " NOT NULL";
    if (const std::string check = database_checks ? check_expression(field) : ""; !check.empty())
      part += fmt::format(" CHECK ({})", check);
    parts.push_back(std::move(part));
  }
  if (!schema.primary_key.empty())
    parts.push_back(fmt::format("PRIMARY KEY ({})", column_list(schema, schema.primary_key)));
  for (const std::vector<std::size_t>& key : schema.unique_keys)
    parts.push_back(fmt::format("UNIQUE ({})", column_list(schema, key)));
  for (const table::ForeignKey& key : schema.foreign_keys) {
    if (!enforce_keys) break;
    std::string parent_columns;
    for (const std::string& name : key.parent_fields)
      parent_columns += (parent_columns.empty() ? "" : ", ") + quote_name(name);
    parts.push_back(fmt::format("FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
                                column_list(schema, key.fields), quote_name(key.table), parent_columns));
  }
  return fmt::format("CREATE TABLE {} (\n  {}\n) STRICT;\n", quote_name(table.name),
                     fmt::join(parts, ",\n  "));
}

}  // namespace rowgate::db::sqlite

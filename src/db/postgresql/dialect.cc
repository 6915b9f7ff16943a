#include "db/postgresql/dialect.h"

#include "db/server/checks.h"
#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::db::postgresql {
namespace {

using table::Field;
using table::Type;

std::string column_list(const Dialect& dialect, const table::TableSchema& schema,
                        const std::vector<std::size_t>& fields) {
  return fmt::format("{}", fmt::join(server::quoted_names(dialect, schema, fields), ", "));
}

}  // namespace

std::string Dialect::quote(std::string_view identifier) const {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string Dialect::type_name(const Field& field) const {
  switch (field.type) {
    case Type::Integer:
      return "bigint";
    case Type::Boolean:
      return "boolean";
    case Type::Number:
      return field.decimal ? fmt::format("numeric({},{})", field.decimal->precision, field.decimal->scale)
                           : "double precision";
    case Type::Date:
      return "date";
    case Type::Time:
      return fmt::format("time({}) without time zone", field.precision);
    case Type::Datetime:
      return fmt::format("timestamp({}) with time zone", field.precision);
    case Type::Year:
      return "smallint";
    case Type::YearMonth:
      return "character(7)";
    case Type::Duration:
    case Type::GeoPoint:
    case Type::Object:
    case Type::Array:
    case Type::List:
    case Type::GeoJson:
    case Type::Any:
      return "text";
    case Type::String:
      break;
  }
  if (field.is_binary()) return "bytea";
  return field.format == "uuid" ? "uuid" : "text";
}

/// A row must fit on a page of 8 KiB (https://www.postgresql.org/docs/current/limits.html). Long texts move
/// out of it, but each value leaves at least some bytes there.
std::string Dialect::why_too_wide(const table::TableSchema& schema) const {
  constexpr std::size_t kRowBytes = 8160, kHeaderBytes = 24;
  std::size_t bytes = kHeaderBytes + (schema.fields.size() + 7) / 8;
  for (const Field& field : schema.fields) {
    const std::string type = type_name(field);
    if (type == "bigint" || type == "double precision" || type.starts_with("time"))
      bytes += 8;
    else if (type == "uuid")
      bytes += 16;
    else if (type == "date" || type.starts_with("numeric"))
      bytes += 4;
    else
      bytes += 2;
  }
  if (bytes <= kRowBytes) return "";
  return fmt::format("a row of {} fields takes at least {} bytes, and PostgreSQL has room for {}",
                     schema.fields.size(), bytes, kRowBytes);
}

std::vector<std::string> Dialect::column_types(const table::TableSchema& schema) const {
  std::vector<std::string> types;
  for (const Field& field : schema.fields) {
    types.push_back(type_name(field));
    if (types.back() == "text" || types.back() == "character(7)") types.back() += " COLLATE \"C\"";
  }
  return types;
}

std::string Dialect::create_table(const TableName& table, const table::TableSchema& schema, bool enforce_keys,
                                  bool database_checks) const {
  std::vector<std::string> parts;
  const std::vector<std::string> types = column_types(schema);
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    parts.push_back(column_definition(schema, i, types[i], database_checks));
  if (!schema.primary_key.empty())
    parts.push_back(fmt::format("PRIMARY KEY ({})", column_list(*this, schema, schema.primary_key)));
  for (const std::vector<std::size_t>& key : schema.unique_keys)
    parts.push_back(fmt::format("UNIQUE ({})", column_list(*this, schema, key)));
  for (const table::ForeignKey& key : schema.foreign_keys) {
    if (!enforce_keys) break;
    parts.push_back(reference(schema, key, table.space));
  }
  return fmt::format("CREATE TABLE {} (\n  {}\n);\n", quote(table), fmt::join(parts, ",\n  "));
}

std::string Dialect::column_definition(const table::TableSchema& schema, std::size_t field,
                                       const std::string& type, bool database_checks) const {
  std::string text = fmt::format("{} {}", quote(schema.fields[field].name), type);
  if (schema.is_required(field)) text += " NOT NULL";
  if (const std::string check =
          database_checks ? server::check_expression(*this, schema.fields[field], "char_length", false) : "";
      !check.empty())
    text += fmt::format(" CHECK ({})", check);
  return text;
}

std::string Dialect::reference(const table::TableSchema& schema, const table::ForeignKey& key,
                               const std::string& space) const {
  return fmt::format("FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
                     column_list(*this, schema, key.fields), quote(TableName{space, key.table}),
                     fmt::join(server::quoted_names(*this, key.parent_fields), ", "));
}

std::vector<std::string> Dialect::change_column(const table::TableSchema& schema, std::size_t field,
                                                const std::string& type, bool) const {
  const std::string name = quote(schema.fields[field].name);
  return {
      fmt::format("ALTER COLUMN {0} TYPE {1} USING {0}::{2}", name, type, type_name(schema.fields[field])),
      fmt::format("ALTER COLUMN {} {} NOT NULL", name, schema.is_required(field) ? "SET" : "DROP")};
}

/// There and back again. Texts are compared with what is written in them.
std::string Dialect::changes_value(const server::ColumnShape& column, const Field& field) const {
  const std::string name = quote(column.name), wanted = type_name(field);
  const std::string there = fmt::format("{}::{}", name, wanted);
  const bool is_text = column.type == "text" || column.type.starts_with("character");
  if (!is_text) return fmt::format("({})::{} <> {}", there, column.type, name);
  switch (field.type) {
    case Type::Number:
      return fmt::format("({})::numeric <> {}::numeric", there, name);
    case Type::Integer:
    case Type::Year:
    case Type::Date:
      return fmt::format("({})::text <> {}", there, name);
    case Type::Time:
      return fmt::format("{} <> {}::time", there, name);
    case Type::Datetime:
      return fmt::format("{} <> {}::timestamptz", there, name);
    case Type::YearMonth:
      return fmt::format("length({}) <> 7", name);
    default:
      return wanted == "text" ? "" : fmt::format("({})::text <> {}", there, name);
  }
}

std::string Dialect::fail_where(const std::string& table, const std::string& condition,
                                std::string_view words) const {
  return fmt::format(
      "DO $rg$ BEGIN IF EXISTS (SELECT 1 FROM {} WHERE {}) THEN RAISE EXCEPTION '%', $words${}$words$; END "
      "IF; "
      "END $rg$;\n",
      table, condition, words);
}

std::string Dialect::drop_primary_key(const std::string& name) const {
  return "DROP CONSTRAINT " + quote(name);
}
std::string Dialect::drop_unique_key(const std::string& name) const {
  return "DROP CONSTRAINT " + quote(name);
}
std::string Dialect::drop_reference(const std::string& name) const {
  return "DROP CONSTRAINT " + quote(name);
}

std::string Dialect::script_head(const std::string& own_space) const {
  return fmt::format("SET search_path TO {};\nSET TimeZone TO 'UTC';\n", quote(own_space));
}

std::string Dialect::create_own(const server::OwnTable& table) const {
  std::string sql = fmt::format("CREATE {}TABLE IF NOT EXISTS {} ({}){}", table.temporary ? "TEMPORARY " : "",
                                quote(table.name), fmt::join(table.columns, ", "),
                                table.temporary ? " ON COMMIT DROP" : "");
  for (const server::OwnTable::Index& index : table.indexes)
    sql += fmt::format("; CREATE {}INDEX IF NOT EXISTS {} ON {} ({})", index.unique ? "UNIQUE " : "",
                       quote(index.name), quote(table.name), index.columns);
  return sql;
}

std::string Dialect::update_from(const std::string& table, const std::string& from,
                                 const std::vector<std::string>& sets, const std::string& where) const {
  return fmt::format("UPDATE {} AS t SET {} FROM {} AS s WHERE {}", table, fmt::join(sets, ", "), from,
                     where);
}

}  // namespace rowgate::db::postgresql

#include "db/mysql/dialect.h"

#include "db/server/checks.h"
#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::mysql {
namespace {

using table::Field;
using table::Type;

/// What the texts of a row may take together as VARCHAR; a row has at most 65,535 bytes
/// (https://mariadb.com/kb/en/innodb-limitations/).
constexpr std::uint64_t kRowBytes = 60'000;

bool is_plain_text(const Field& field) {
  return field.type == Type::String && field.format != "uuid" && !field.is_binary();
}

std::string fraction(const Field& field) {
  return field.precision > 0 ? fmt::format("({})", field.precision) : "";
}

std::string column_list(const Dialect& dialect, const table::TableSchema& schema,
                        const std::vector<std::size_t>& fields) {
  return fmt::format("{}", fmt::join(server::quoted_names(dialect, schema, fields), ", "));
}

}  // namespace

void Dialect::use_collation(std::string collation) {
  collation_ = std::move(collation);
  key_text_ = fmt::format("VARCHAR(191) CHARACTER SET utf8mb4 COLLATE {}", collation_);
  long_text_ = fmt::format("LONGTEXT CHARACTER SET utf8mb4 COLLATE {}", collation_);
}

std::string_view Dialect::key_text() const {
  return key_text_;
}
std::string_view Dialect::long_text() const {
  return long_text_;
}

std::string Dialect::options() const {
  return fmt::format("ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {}", collation_);
}

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
      return "BIGINT";
    case Type::Boolean:
      return "BOOLEAN";
    case Type::Number:
      return field.decimal ? fmt::format("DECIMAL({},{})", field.decimal->precision, field.decimal->scale)
                           : "DOUBLE";
    case Type::Date:
      return "DATE";
    case Type::Time:
      return "TIME" + fraction(field);
    case Type::Datetime:
      return "DATETIME" + fraction(field);
    case Type::Year:
      return "SMALLINT";  // YEAR ends with 2155
    case Type::YearMonth:
      return "CHAR(7) CHARACTER SET ascii COLLATE ascii_bin";
    case Type::Duration:
    case Type::GeoPoint:
      return "VARCHAR(64)";  // longer ones are refused everywhere
    case Type::Object:
    case Type::Array:
    case Type::List:
    case Type::GeoJson:
    case Type::Any:
      return "LONGTEXT";
    case Type::String:
      break;
  }
  if (field.is_binary()) return "LONGBLOB";
  if (field.format == "uuid") return "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin";
  const std::uint64_t longest = field.constraints.max_length.value_or(kRowBytes);
  if (longest > 0 && longest * 4 <= kRowBytes) return fmt::format("VARCHAR({})", longest);
  return "LONGTEXT";
}

std::vector<std::string> Dialect::column_types(const table::TableSchema& schema) const {
  std::vector<std::string> types(schema.fields.size());
  std::vector<bool> in_key(schema.fields.size());
  for (const std::vector<std::size_t>& key : schema.keys())
    for (const std::size_t field : key) in_key[field] = true;
  std::uint64_t used = 0;
  for (const bool keys : {true, false}) {  // texts of keys first, since a LONGTEXT cannot be one
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
      if (in_key[i] != keys) continue;
      const Field& field = schema.fields[i];
      types[i] = type_name(field);
      if (!is_plain_text(field)) {
        if (types[i] == "VARCHAR(64)" || types[i] == "LONGTEXT")
          types[i] += fmt::format(" CHARACTER SET utf8mb4 COLLATE {}", collation_);
        continue;
      }
      if (types[i] != "LONGTEXT" && used + *field.constraints.max_length * 4 > kRowBytes)
        types[i] = "LONGTEXT";
      if (types[i] != "LONGTEXT") used += *field.constraints.max_length * 4;
      types[i] += fmt::format(" CHARACTER SET utf8mb4 COLLATE {}", collation_);
    }
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
  return fmt::format("CREATE TABLE {} (\n  {}\n) {};\n", quote(table), fmt::join(parts, ",\n  "), options());
}

std::string Dialect::column_definition(const table::TableSchema& schema, std::size_t field,
                                       const std::string& type, bool database_checks) const {
  std::string text = fmt::format("{} {}", quote(schema.fields[field].name), type);
  text += schema.is_required(field) ? " NOT NULL" : " NULL";
  if (const std::string check =
          database_checks ? server::check_expression(*this, schema.fields[field], "CHAR_LENGTH", true) : "";
      !check.empty())
    text += fmt::format(" CHECK ({})", check);
  return text;
}

std::string Dialect::reference(const table::TableSchema& schema, const table::ForeignKey& key,
                               const std::string& space) const {
  return fmt::format("FOREIGN KEY ({}) REFERENCES {} ({})", column_list(*this, schema, key.fields),
                     quote(TableName{space, key.table}),
                     fmt::join(server::quoted_names(*this, key.parent_fields), ", "));
}

std::vector<std::string> Dialect::change_column(const table::TableSchema& schema, std::size_t field,
                                                const std::string& type, bool database_checks) const {
  return {"MODIFY COLUMN " + column_definition(schema, field, type, database_checks)};
}

/// What cannot become a value of the type is NULL after the CAST.
std::string Dialect::changes_value(const server::ColumnShape& column, const Field& field) const {
  const std::string name = quote(column.name);
  const auto cast = [&](const std::string& type) {
    return fmt::format("({0} IS NOT NULL AND NOT (CAST({0} AS {1}) <=> {0}))", name, type);
  };
  const bool is_text = column.type.contains("char") || column.type.contains("text");
  switch (field.type) {
    case Type::Integer:
    case Type::Year:
    case Type::Boolean:
      if (is_text) return fmt::format("({0} IS NOT NULL AND {0} NOT REGEXP '^-?[0-9]+$')", name);
      return cast("SIGNED");
    case Type::Number:
      if (is_text)
        return fmt::format("({0} IS NOT NULL AND {0} NOT REGEXP '^-?[0-9]+([.][0-9]+)?$') OR {1}", name,
                           field.decimal ? cast(type_name(field)) : std::string("FALSE"));
      if (field.decimal) return cast(type_name(field));
      return fmt::format("CAST(CAST({0} AS DOUBLE) AS DECIMAL(65,20)) <> {0}", name);
    case Type::Date:
    case Type::Time:
    case Type::Datetime:
      if (is_text)  // as texts: MariaDB calls two of these CASTs equal where both are NULL
        return fmt::format(
            "({0} IS NOT NULL AND NOT (CONCAT(CAST(CAST({0} AS {1}) AS {2}(6))) <=> COALESCE(CONCAT(CAST({0} "
            "AS "
            "{2}(6))), 'none')))",
            name, type_name(field), field.type == Type::Time ? "TIME" : "DATETIME");
      return cast(type_name(field));
    default:
      break;
  }
  const std::string wanted = type_name(field);
  const bool has_length = wanted.starts_with("VARCHAR(") || wanted.starts_with("CHAR(");
  return has_length ? fmt::format("CHAR_LENGTH({}) > {}", name,
                                  server::number_of(wanted.substr(wanted.find('(') + 1)))
                    : "";
}

/// Outside of procedures there is nothing that fails on a condition but a constraint.
std::string Dialect::fail_where(const std::string& table, const std::string& condition,
                                std::string_view words) const {
  return fmt::format(
      "CREATE TEMPORARY TABLE IF NOT EXISTS __rg_check (changed BIGINT NOT NULL, CONSTRAINT "
      "values_would_change "
      "CHECK (changed = 0));\nINSERT INTO __rg_check SELECT COUNT(*) FROM {} WHERE {};  -- {}\n",
      table, condition, words);
}

std::string Dialect::drop_primary_key(const std::string&) const {
  return "DROP PRIMARY KEY";
}
std::string Dialect::drop_unique_key(const std::string& name) const {
  return "DROP INDEX " + quote(name);
}
std::string Dialect::drop_reference(const std::string& name) const {
  return "DROP FOREIGN KEY " + quote(name);
}

std::string Dialect::script_head(const std::string& own_space) const {
  return fmt::format(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,NO_ENGINE_SUBSTITUTION', time_zone = "
      "'+00:00';\nUSE {};\n",
      quote(own_space));
}

std::string Dialect::create_own(const server::OwnTable& table) const {
  std::vector<std::string> parts = table.columns;
  for (const server::OwnTable::Index& index : table.indexes)
    parts.push_back(
        fmt::format("{} {} ({})", index.unique ? "UNIQUE KEY" : "KEY", quote(index.name), index.columns));
  return fmt::format("CREATE {}TABLE IF NOT EXISTS {} ({}) {}", table.temporary ? "TEMPORARY " : "",
                     quote(table.name), fmt::join(parts, ", "), options());
}

std::string Dialect::update_from(const std::string& table, const std::string& from,
                                 const std::vector<std::string>& sets, const std::string& where) const {
  std::vector<std::string> prefixed;
  for (const std::string& set : sets) prefixed.push_back("t." + set);
  return fmt::format("UPDATE {} AS t JOIN {} AS s ON {} SET {}", table, from, where,
                     fmt::join(prefixed, ", "));
}

}  // namespace rowgate::db::mysql

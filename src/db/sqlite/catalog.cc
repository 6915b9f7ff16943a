#include "db/sqlite/catalog.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"
#include "db/sqlite/dialect.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace rowgate::db::sqlite {
namespace {

struct ColumnState {
  std::string name, type;
  bool not_null = false;
  int key_position = 0;  ///< from 1 within the primary key; 0 = none
};

Result<std::vector<ColumnState>> columns_of(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)"));
  statement.bind(1, table);
  std::vector<ColumnState> columns;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return columns;
    columns.push_back({statement.text(0), statement.text(1), statement.integer(2) != 0,
                       static_cast<int>(statement.integer(3))});
  }
}

/// The collation of a column; BINARY where there is no such column.
std::string collation_of(const Connection& connection, const std::string& table, const std::string& column) {
  const char* collation = nullptr;
  if (sqlite3_table_column_metadata(connection.get(), "main", table.c_str(), column.c_str(), nullptr,
                                    &collation, nullptr, nullptr, nullptr) != SQLITE_OK ||
      collation == nullptr)
    return "BINARY";
  return collation;
}

/// How the values of a field are written. SQLite keeps most types as texts, so its column types do not tell.
std::string written_form(const table::Field& field) {
  switch (field.type) {
    case table::Type::Number:
      return field.decimal ? fmt::format("decimal({},{})", field.decimal->precision, field.decimal->scale)
                           : "number";
    case table::Type::Date:
    case table::Type::YearMonth:
      return std::string(table::name(field.type));
    case table::Type::Time:
    case table::Type::Datetime:
      return fmt::format("{}({})", table::name(field.type), field.precision);
    case table::Type::Integer:
    case table::Type::Boolean:
    case table::Type::Year:
      return "integer";
    default:
      break;
  }
  if (field.is_binary()) return "bytes";
  return field.format == "uuid" ? "uuid" : "text";
}

/// https://sqlite.org/datatype3.html#determination_of_column_affinity
std::string_view affinity(std::string_view declared) {
  const std::string type = lower_ascii(declared);
  const auto has = [&](std::string_view part) { return type.find(part) != std::string::npos; };
  if (has("int")) return "INTEGER";
  if (has("char") || has("clob") || has("text")) return "TEXT";
  if (type.empty() || has("blob")) return "BLOB";
  if (has("real") || has("floa") || has("doub")) return "REAL";
  return "NUMERIC";
}

/// As tables were made before, and by other hands.
bool is_decimal_as_text(const ColumnState& column, const table::Field& field) {
  return field.type == table::Type::Number && field.decimal && affinity(column.type) == "TEXT";
}

bool fits(const ColumnState& column, const table::Field& field) {
  return affinity(column.type) == Dialect().type_name(field) || is_decimal_as_text(column, field);
}

/// The columns of each unique index that stands for a UNIQUE constraint or was made by hand over all rows.
Result<std::vector<std::vector<std::string>>> unique_keys_of(const Connection& connection,
                                                             std::string_view table) {
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 "SELECT l.name, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
                 "WHERE l.\"unique\" AND l.origin <> 'pk' AND NOT l.partial AND NOT EXISTS (SELECT 1 FROM "
                 "pragma_index_info(l.name) AS e WHERE e.cid < -1) ORDER BY l.seq, i.seqno"));
  statement.bind(1, table);
  std::vector<std::vector<std::string>> keys;
  std::string last;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) break;
    const std::string index = statement.text(0);
    if (keys.empty() || index != last) keys.emplace_back();
    last = index;
    keys.back().push_back(statement.text(1));
  }
  for (std::vector<std::string>& key : keys) std::ranges::sort(key);
  std::ranges::sort(keys);
  return keys;
}

std::vector<std::vector<std::string>> unique_keys_of(const table::TableSchema& schema) {
  std::vector<std::vector<std::string>> keys;
  for (const std::vector<std::size_t>& key : schema.unique_keys) {
    std::vector<std::string>& names = keys.emplace_back();
    for (const std::size_t field : key) names.push_back(schema.fields[field].name);
    std::ranges::sort(names);
  }
  std::ranges::sort(keys);
  return keys;
}

/// "(a, b) -> departments (id)", comparable as text.
std::string reference_text(const std::vector<std::string>& columns, std::string_view parent,
                           const std::vector<std::string>& parent_columns) {
  return fmt::format("({}) references {} ({})", fmt::join(columns, ", "), parent,
                     fmt::join(parent_columns, ", "));
}

/// Foreign keys of one table: parent and columns, in the order of their ids.
struct KeyOfTable {
  std::string parent;
  Reference reference;
};
Result<std::vector<KeyOfTable>> foreign_keys_of(const Connection& connection, const std::string& table) {
  TRY_ASSIGN(Statement statement, connection.prepare("SELECT id, \"table\", \"from\", \"to\" FROM "
                                                     "pragma_foreign_key_list(?) ORDER BY id, seq"));
  statement.bind(1, std::string_view(table));
  std::vector<KeyOfTable> keys;
  std::int64_t last = -1;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return keys;
    if (statement.integer(0) != last) keys.push_back({statement.text(1), {table, {}, {}}});
    last = statement.integer(0);
    keys.back().reference.columns.push_back(statement.text(2));
    keys.back().reference.parent_columns.push_back(statement.text(3));
  }
}

/// Without named parent columns a reference means the parent's primary key.
Result<void> complete(const Connection& connection, KeyOfTable& key) {
  if (!key.reference.parent_columns[0].empty()) return {};
  TRY_ASSIGN(std::vector<ColumnState> columns, columns_of(connection, key.parent));
  std::erase_if(columns, [](const ColumnState& column) { return column.key_position == 0; });
  std::ranges::sort(columns, {}, &ColumnState::key_position);
  for (std::size_t i = 0; i < columns.size() && i < key.reference.parent_columns.size(); ++i)
    key.reference.parent_columns[i] = columns[i].name;
  return {};
}

void compare_columns(const std::vector<ColumnState>& columns, const table::TableSchema& schema,
                     std::vector<std::string>& out) {
  const Dialect dialect;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const table::Field& field = schema.fields[i];
    const auto column = std::ranges::find(columns, field.name, &ColumnState::name);
    if (column == columns.end()) {
      out.push_back(fmt::format("column `{}` is missing in the database", field.name));
      continue;
    }
    const std::string wanted = dialect.type_name(field);
    if (!fits(*column, field))
      out.push_back(fmt::format("column `{}` is {} in the database, {} in the schema", field.name,
                                column->type, wanted));
    const bool in_key = std::ranges::find(schema.primary_key, i) != schema.primary_key.end();
    if (in_key != (column->key_position > 0))
      out.push_back(fmt::format("column `{}` {} the primary key in the database", field.name,
                                in_key ? "is not part of" : "is part of"));
    if (!in_key && column->not_null != schema.is_required(i))
      out.push_back(fmt::format("column `{}` is {} in the database, {} in the schema", field.name,
                                column->not_null ? "NOT NULL" : "nullable",
                                schema.is_required(i) ? "required" : "not required"));
  }
  for (const ColumnState& column : columns)
    if (!schema.index_of(column.name))
      out.push_back(fmt::format("column `{}` of the database is not in the schema", shown(column.name)));
}

/// What the table was made with, which says more than its columns do.
Result<void> compare_kept_schema(const Connection& connection, const LoadTarget& target,
                                 const std::vector<ColumnState>& columns, std::vector<std::string>& out) {
  TRY_ASSIGN(const std::optional<std::string> json, kept_schema_of(connection, target.table.name));
  if (!json || json->empty()) return {};
  const Result<table::TableSchema> kept = table::schema_from_json(*json, target.table.name);
  if (!kept) return {};  // of another version of rowgate
  for (const table::Field& field : target.schema->fields) {
    const std::optional<std::size_t> index = kept->index_of(field.name);
    if (!index) continue;
    const std::string is = written_form(kept->fields[*index]), wanted = written_form(field);
    const auto column = std::ranges::find(columns, field.name, &ColumnState::name);
    if (is != wanted && column != columns.end() && fits(*column, field))
      out.push_back(
          fmt::format("column `{}` is {} in the database, {} in the schema", field.name, is, wanted));
  }
  return {};
}

void compare_unique_keys(const std::vector<std::vector<std::string>>& in_database,
                         const std::vector<std::vector<std::string>>& in_schema,
                         std::vector<std::string>& out) {
  for (const auto& key : in_schema)
    if (std::ranges::find(in_database, key) == in_database.end())
      out.push_back(fmt::format("unique key ({}) is missing in the database", fmt::join(key, ", ")));
  for (const auto& key : in_database)
    if (std::ranges::find(in_schema, key) == in_schema.end())
      out.push_back(
          fmt::format("unique key ({}) of the database is not in the schema", fmt::join(key, ", ")));
}

/// What such an index refuses is a reject of its own, but where rows refer to each other one that is refused
/// so late would take its children with it.
Result<void> find_other_keys(const Connection& connection, const LoadTarget& target,
                             std::vector<std::string>& out) {
  const bool refers_to_itself =
      std::ranges::any_of(target.schema->foreign_keys,
                          [&](const table::ForeignKey& key) { return key.table == target.table.name; });
  if (!refers_to_itself) return {};
  TRY_ASSIGN(const std::vector<std::string> names, other_unique_indexes(connection, target.table.name));
  for (const std::string& name : names)
    out.push_back(
        fmt::format("unique index `{}` of the database covers a part of the rows, or an expression, which no "
                    "schema can say",
                    name));
  return {};
}

/// Keys compare bytes; a column or an index of another collation would make one key of two.
Result<void> compare_collations(const Connection& connection, const LoadTarget& target,
                                std::vector<std::string>& out) {
  const table::TableSchema& schema = *target.schema;
  std::set<std::size_t> in_keys;
  for (const std::vector<std::size_t>& key : schema.keys()) in_keys.insert(key.begin(), key.end());
  for (const table::ForeignKey& key : schema.foreign_keys)
    in_keys.insert(key.fields.begin(), key.fields.end());
  for (const std::size_t field : in_keys) {
    const std::string& column = schema.fields[field].name;
    const std::string collation = collation_of(connection, target.table.name, column);
    if (collation != "BINARY")
      out.push_back(
          fmt::format("column `{}` has the collation {} in the database, and keys compare bytes (BINARY)",
                      column, collation));
  }
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT DISTINCT l.name, i.coll FROM pragma_index_list(?) AS l, "
                                "pragma_index_xinfo(l.name) AS i WHERE l.\"unique\" AND i.key AND "
                                "i.coll <> 'BINARY' AND l.origin = 'c' ORDER BY l.name"));
  statement.bind(1, std::string_view(target.table.name));
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return {};
    out.push_back(
        fmt::format("unique index `{}` has the collation {} in the database, and keys compare bytes "
                    "(BINARY)",
                    statement.text(0), statement.text(1)));
  }
}

Result<void> compare_references(const Connection& connection, const LoadTarget& target,
                                std::vector<std::string>& out) {
  std::vector<std::string> in_database, in_schema;
  TRY_ASSIGN(std::vector<KeyOfTable> keys, foreign_keys_of(connection, target.table.name));
  for (KeyOfTable& key : keys) {
    TRY(complete(connection, key));
    in_database.push_back(reference_text(key.reference.columns, key.parent, key.reference.parent_columns));
  }
  for (const table::ForeignKey& key : target.schema->foreign_keys) {
    std::vector<std::string> columns;
    for (const std::size_t field : key.fields) columns.push_back(target.schema->fields[field].name);
    in_schema.push_back(reference_text(columns, key.table, key.parent_fields));
  }
  // A constraint that the database has and the schema has too never hurts, even under `keys: check`.
  for (const std::string& key : in_schema)
    if (target.enforce_keys && std::ranges::find(in_database, key) == in_database.end())
      out.push_back(fmt::format("foreign key {} is missing in the database", key));
  for (const std::string& key : in_database)
    if (std::ranges::find(in_schema, key) == in_schema.end())
      out.push_back(fmt::format("foreign key {} of the database is not in the schema", key));
  return {};
}

/// The first column of all its rows.
Result<std::vector<std::string>> names_of(const Connection& connection, Statement& statement) {
  std::vector<std::string> names;
  for (;;) {
    TRY_ASSIGN(const bool more, connection.step(statement));
    if (!more) return names;
    names.push_back(statement.text(0));
  }
}

}  // namespace

Result<std::optional<std::string>> stored_name(const Connection& connection, std::string_view name) {
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)"));
  statement.bind(1, name);
  TRY_ASSIGN(const bool found, connection.step(statement));
  return found ? std::optional(std::string(statement.text(0))) : std::nullopt;
}

Result<bool> has_table(const Connection& connection, std::string_view name) {
  TRY_ASSIGN(const std::optional<std::string> stored, stored_name(connection, name));
  return stored.has_value();
}

Result<std::vector<std::string>> table_names(const Connection& connection) {
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' "
                 "AND name NOT GLOB 'rowgate_*' AND name NOT GLOB '__rg_*' ORDER BY name"));
  return names_of(connection, statement);
}

Result<std::vector<std::string>> left_over_names(const Connection& connection) {
  TRY_ASSIGN(
      Statement statement,
      connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name GLOB '__rg_*' "
                         "AND name NOT GLOB '__rg_kept_*' ORDER BY name"));
  return names_of(connection, statement);
}

Result<std::vector<std::string>> triggers_of(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'trigger' AND "
                                "lower(tbl_name) = lower(?) ORDER BY name"));
  statement.bind(1, table);
  return names_of(connection, statement);
}

Result<bool> has_parts_of_others(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(
      Statement statement,
      connection.prepare("SELECT 1 FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS "
                         "NOT NULL AND lower(tbl_name) = lower(?)"));
  statement.bind(1, table);
  return connection.step(statement);
}

Result<std::vector<std::string>> other_unique_indexes(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 "SELECT DISTINCT l.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
                 "WHERE l.\"unique\" AND (l.partial OR i.cid < -1) ORDER BY l.name"));
  statement.bind(1, table);
  return names_of(connection, statement);
}

Result<std::vector<Reference>> references_to(const Connection& connection, const std::string& table) {
  std::vector<Reference> found;
  TRY_ASSIGN(const std::vector<std::string> names, table_names(connection));
  for (const std::string& name : names) {
    if (lower_ascii(name) == lower_ascii(table)) continue;
    TRY_ASSIGN(std::vector<KeyOfTable> keys, foreign_keys_of(connection, name));
    for (KeyOfTable& key : keys) {
      if (lower_ascii(key.parent) != lower_ascii(table)) continue;
      TRY(complete(connection, key));
      found.push_back(std::move(key.reference));
    }
  }
  return found;
}

Result<void> check_parent(const Connection& connection, const table::TableSchema& schema,
                          const table::ForeignKey& key) {
  TRY_ASSIGN(const std::optional<std::string> stored, stored_name(connection, key.table));
  if (!stored) return {};
  TRY_ASSIGN(const std::vector<ColumnState> columns, columns_of(connection, *stored));
  TRY_ASSIGN(const std::optional<std::string> json, kept_schema_of(connection, *stored));
  std::optional<table::TableSchema> kept;
  if (json && !json->empty())
    if (Result<table::TableSchema> read = table::schema_from_json(*json, *stored)) kept = *std::move(read);

  for (std::size_t i = 0; i < key.parent_fields.size(); ++i) {
    const auto column = std::ranges::find(columns, key.parent_fields[i], &ColumnState::name);
    if (column == columns.end())
      return fail(Code::ConfigInvalid,
                  fmt::format("the parent table `{}` has no column ({}) to refer to", key.table,
                              fmt::join(key.parent_fields, ", ")),
                  "correct the foreign key's reference, or the parent table");
    const table::Field& field = schema.fields[key.fields[i]];
    const std::string collation = collation_of(connection, *stored, column->name);
    std::string is = column->type + (collation == "BINARY" ? "" : " COLLATE " + collation);
    bool agrees = fits(*column, field) && collation == "BINARY";
    if (const auto index = kept ? kept->index_of(column->name) : std::nullopt; agrees && index) {
      is = written_form(kept->fields[*index]);
      agrees = is == written_form(field);
    }
    if (!agrees)
      return fail(
          Code::TableDiffers,
          fmt::format("`{}` refers to `{}.{}`, which is {} in the database: a value of type {} cannot be "
                      "looked up there byte by byte",
                      field.name, key.table, column->name, is, written_form(field)),
          "change the parent's column or the schema");
  }
  return {};
}

Result<std::vector<std::string>> differences(const Connection& connection, const LoadTarget& target) {
  std::vector<std::string> found;
  TRY_ASSIGN(const std::vector<ColumnState> columns, columns_of(connection, target.table.name));
  if (columns.empty()) return found;
  compare_columns(columns, *target.schema, found);
  TRY_ASSIGN(const auto unique_keys, unique_keys_of(connection, target.table.name));
  compare_unique_keys(unique_keys, unique_keys_of(*target.schema), found);
  TRY(find_other_keys(connection, target, found));
  TRY(compare_collations(connection, target, found));
  TRY(compare_kept_schema(connection, target, columns, found));
  TRY(compare_references(connection, target, found));
  return found;
}

namespace {

/// Columns that ledgers of the first builds do not have.
Result<void> add_missing_columns(const Connection& connection) {
  TRY_ASSIGN(const std::vector<ColumnState> columns, columns_of(connection, "rowgate_runs"));
  for (const std::string_view name :
       {"key_principal", "key_method", "key_path", "idempotency_key", "fingerprint"})
    if (std::ranges::find(columns, name, &ColumnState::name) == columns.end())
      TRY(connection.run(
          fmt::format("ALTER TABLE main.rowgate_runs ADD COLUMN {} TEXT NOT NULL DEFAULT ''", name)));
  if (std::ranges::find(columns, "dry_run", &ColumnState::name) == columns.end())
    TRY(connection.run("ALTER TABLE main.rowgate_runs ADD COLUMN dry_run INTEGER NOT NULL DEFAULT 0"));
  return {};
}

/// No table has an empty name, so the row of that name can hold the database's id, and no further table (nor
/// a further right) is needed for it.
constexpr std::string_view kIdentityRow;

/// Whether it is a new one.
Result<bool> make_identity(const Connection& connection) {
  TRY_ASSIGN(
      Statement statement,
      connection.prepare(
          "INSERT INTO main.rowgate_schema (table_name, version, schema, digest, changed_at) SELECT ?1, 0, "
          "?2, '', '' WHERE NOT EXISTS (SELECT 1 FROM main.rowgate_schema WHERE table_name = ?1)"));
  statement.bind(1, kIdentityRow);
  statement.bind(2, new_id("dat_", SystemClock().now()));
  TRY(connection.finish(statement));
  return sqlite3_changes64(connection.get()) > 0;
}

}  // namespace

Result<void> make_own_tables(const Connection& connection) {
  TRY_ASSIGN(const std::string before, connection.schema_version());
  if (!before.empty() && connection.looked_over() == before) return {};

  TRY(connection.run(R"(
CREATE TABLE IF NOT EXISTS rowgate_runs (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  table_name TEXT NOT NULL,
  mode TEXT NOT NULL,
  file_name TEXT NOT NULL,
  file_bytes INTEGER NOT NULL,
  file_sha256 TEXT NOT NULL,
  duplicate_of TEXT NOT NULL,
  parent TEXT NOT NULL,
  rows_read INTEGER NOT NULL,
  rows_accepted INTEGER NOT NULL,
  rows_rejected INTEGER NOT NULL,
  rows_skipped INTEGER NOT NULL,
  rows_inserted INTEGER,
  rows_updated INTEGER,
  rejects TEXT NOT NULL,
  warnings TEXT NOT NULL,
  error TEXT NOT NULL,
  version_before INTEGER NOT NULL,
  version_after INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT NOT NULL,
  principal TEXT NOT NULL,
  dry_run INTEGER NOT NULL,
  key_principal TEXT NOT NULL,
  key_method TEXT NOT NULL,
  key_path TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL
) STRICT;
)"));
  TRY(add_missing_columns(connection));
  TRY(connection.run(R"(
DROP INDEX IF EXISTS rowgate_runs_by_file;
CREATE INDEX IF NOT EXISTS rowgate_runs_by_loaded_file ON rowgate_runs (table_name, file_sha256)
  WHERE status IN ('succeeded', 'succeeded_with_rejects') AND dry_run = 0;
CREATE UNIQUE INDEX IF NOT EXISTS rowgate_runs_by_key
  ON rowgate_runs (key_principal, key_method, key_path, idempotency_key) WHERE idempotency_key <> '';
CREATE TABLE IF NOT EXISTS rowgate_schema (
  table_name TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema TEXT NOT NULL,
  digest TEXT NOT NULL,
  changed_at TEXT NOT NULL
) STRICT;
)"));
  TRY_ASSIGN(const bool is_new, make_identity(connection));

  // What was changed just now may yet be rolled back.
  TRY_ASSIGN(std::string after, connection.schema_version());
  if (!is_new && after == before) connection.set_looked_over(std::move(after));
  return {};
}

Result<std::string> identity_of(const Connection& connection) {
  TRY_ASSIGN(std::optional<std::string> id, kept_schema_of(connection, kIdentityRow));
  return std::move(id).value_or("");
}

Result<std::uint64_t> version_of(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(const bool kept, has_table(connection, "rowgate_schema"));
  if (!kept) return std::uint64_t{0};
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT version FROM main.rowgate_schema WHERE table_name = ?"));
  statement.bind(1, table);
  TRY_ASSIGN(const bool found, connection.step(statement));
  return found ? statement.count(0) : 0;
}

Result<std::optional<std::string>> kept_schema_of(const Connection& connection, std::string_view table) {
  TRY_ASSIGN(const bool kept, has_table(connection, "rowgate_schema"));
  if (!kept) return std::optional<std::string>{};
  TRY_ASSIGN(Statement statement,
             connection.prepare("SELECT schema FROM main.rowgate_schema WHERE table_name = ?"));
  statement.bind(1, table);
  TRY_ASSIGN(const bool found, connection.step(statement));
  if (!found || statement.text(0).empty()) return std::optional<std::string>{};
  return std::optional<std::string>(statement.text(0));
}

Result<void> keep_schema(const Connection& connection, std::string_view table,
                         const std::string& schema_json) {
  TRY_ASSIGN(
      Statement statement,
      connection.prepare("INSERT INTO main.rowgate_schema (table_name, version, schema, digest, changed_at) "
                         "VALUES (?, 0, ?, ?, '') ON CONFLICT (table_name) DO UPDATE SET "
                         "schema = excluded.schema, digest = excluded.digest"));
  statement.bind(1, table);
  statement.bind(2, schema_json);
  statement.bind(3, io::sha256_hex(schema_json));
  return connection.finish(statement);
}

Result<void> set_version(const Connection& connection, std::string_view table, std::uint64_t version,
                         Timestamp changed_at) {
  TRY_ASSIGN(Statement statement,
             connection.prepare(
                 "UPDATE main.rowgate_schema SET version = ?1, changed_at = ?2 WHERE table_name = ?3 AND "
                 "version < ?1"));
  statement.bind(1, version);
  statement.bind(2, to_rfc3339(changed_at));
  statement.bind(3, table);
  TRY(connection.finish(statement));
  if (sqlite3_changes64(connection.get()) == 1) return {};
  return fail(Code::InternalInvariant,
              fmt::format("the version of `{}` would not grow to {}", shown(table), version));
}

}  // namespace rowgate::db::sqlite

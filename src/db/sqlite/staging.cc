#include "db/sqlite/staging.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

constexpr int kPlaceColumns = 5;  // with rg_refused

std::string column(std::size_t field) {
  return fmt::format("c{}", field);
}

table::Cell cell_of(sqlite3_stmt* statement, int column) {
  table::Cell cell;
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      cell.kind = table::CellKind::Null;
      break;
    case SQLITE_INTEGER:
      cell.kind = table::CellKind::Integer;
      cell.integer = sqlite3_column_int64(statement, column);
      break;
    case SQLITE_FLOAT:
      cell.kind = table::CellKind::Real;
      cell.real = sqlite3_column_double(statement, column);
      break;
    case SQLITE_BLOB:
      cell.kind = table::CellKind::Bytes;
      cell.text = static_cast<const char*>(sqlite3_column_blob(statement, column));
      cell.size = static_cast<std::uint32_t>(sqlite3_column_bytes(statement, column));
      break;
    default:
      cell.kind = table::CellKind::Text;
      cell.text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      cell.size = static_cast<std::uint32_t>(sqlite3_column_bytes(statement, column));
  }
  return cell;
}

Row place_of(const Statement& statement) {
  return {nullptr, statement.count(0), statement.count(1), statement.count(2), statement.count(3)};
}

}  // namespace

Staging::Staging(const Connection& connection, std::size_t fields, std::string name)
    : connection_(&connection),
      fields_(fields),
      name_(std::move(name)),
      table_("temp." + quote_name(name_)) {}

Result<Staging> Staging::make(const Connection& connection, const table::TableSchema& schema,
                              const std::string& run_id) {
  Staging staging(connection, schema.fields.size(), "__rg_" + run_id);
  std::string columns, places = "?,?,?,?,NULL";
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {  // no declared type: a value is kept as it is
    columns += ", " + column(i);
    places += ",?";
  }
  const std::string found = "temp." + quote_name(staging.name_ + "_found");
  TRY(connection.run(fmt::format(
      "CREATE TABLE {} (rg_line INTEGER PRIMARY KEY, rg_record, rg_offset, rg_length, rg_refused{});"
      "CREATE INDEX temp.{} ON {} (rg_refused) WHERE rg_refused IS NOT NULL;"
      "CREATE TABLE {} (rg_line INTEGER PRIMARY KEY)",
      staging.table_, columns, quote_name(staging.name_ + "_refused"), quote_name(staging.name_), found)));
  TRY_ASSIGN(staging.found_, connection.prepare(fmt::format("INSERT OR IGNORE INTO {} VALUES (?)", found)));
  TRY_ASSIGN(staging.insert_,
             connection.prepare(fmt::format("INSERT INTO {} VALUES ({})", staging.table_, places)));
  return staging;
}

Result<void> Staging::add(const Row& row) {
  insert_.bind(1, row.line);
  insert_.bind(2, row.record);
  insert_.bind(3, row.offset);
  insert_.bind(4, row.length);
  for (std::size_t i = 0; i < fields_; ++i)
    bind_cell(insert_.get(), kPlaceColumns + static_cast<int>(i), row.cells[i]);
  return connection_->finish(insert_);
}

Result<void> Staging::each(const std::string& order,
                           const std::function<Result<void>(const Row&)>& visit) const {
  TRY_ASSIGN(Statement statement,
             connection_->prepare(
                 fmt::format("SELECT * FROM {} AS s WHERE rg_refused IS NULL ORDER BY {}", table_, order)));
  std::vector<table::Cell> cells(fields_);
  for (;;) {
    TRY_ASSIGN(const bool more, connection_->step(statement));
    if (!more) return {};
    for (std::size_t i = 0; i < fields_; ++i)
      cells[i] = cell_of(statement.get(), kPlaceColumns + static_cast<int>(i));
    Row row = place_of(statement);
    row.cells = cells.data();
    TRY(visit(row));
  }
}

Result<void> Staging::find(const std::string& from_where, Code code, std::size_t key, KeyFindings& findings) {
  TRY_ASSIGN(Statement statement,
             connection_->prepare(fmt::format(
                 "SELECT DISTINCT s.rg_line, s.rg_record, s.rg_offset, s.rg_length {}", from_where)));
  for (;;) {
    TRY_ASSIGN(const bool more, connection_->step(statement));
    if (!more) return {};
    const Row row = place_of(statement);
    TRY(findings.add(row.finding(code, key)));
    found_.bind(1, row.line);
    TRY(connection_->finish(found_));
  }
}

Result<std::uint64_t> Staging::refuse(int round) {
  const std::string found = "temp." + quote_name(name_ + "_found");
  TRY(connection_->run(fmt::format("UPDATE {} SET rg_refused = {} WHERE rg_line IN (SELECT rg_line FROM {})",
                                   table_, round, found)));
  const auto count = static_cast<std::uint64_t>(sqlite3_changes64(connection_->get()));
  TRY(connection_->run(fmt::format("DELETE FROM {}", found)));
  return count;
}

std::string Staging::order_by(std::span<const std::size_t> fields) const {
  return fmt::format("{}", fmt::join(columns(fields), ", "));
}

std::vector<std::string> Staging::columns(std::span<const std::size_t> fields) const {
  std::vector<std::string> names;
  for (const std::size_t field : fields) names.push_back("s." + column(field));
  return names;
}

Result<void> Staging::make_index(std::span<const std::size_t> fields) const {
  std::vector<std::string> names;
  for (const std::size_t field : fields) names.push_back(column(field));
  return connection_->run(fmt::format("CREATE INDEX IF NOT EXISTS temp.{} ON {} ({})",
                                      quote_name(fmt::format("{}_{}", name_, fmt::join(names, "_"))),
                                      quote_name(name_), fmt::join(names, ", ")));
}

}  // namespace rowgate::db::sqlite

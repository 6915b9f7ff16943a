#include "report/table_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::report {
namespace {

constexpr std::chrono::milliseconds kNoTimeout = std::chrono::hours(24 * 365);

std::vector<std::string> quoted_key(const db::SqlDialect& dialect, const table::TableSchema* schema) {
  std::vector<std::string> key;
  if (schema != nullptr)
    for (const std::size_t field : schema->primary_key)
      key.push_back(dialect.quote(schema->fields[field].name));
  return key;
}

std::string columns_text(const db::SqlDialect& dialect, const table::TableSchema* schema) {
  if (schema == nullptr) return "*";
  std::vector<std::string> columns;
  for (const table::Field& field : schema->fields) columns.push_back(dialect.quote(field.name));
  return fmt::format("{}", fmt::join(columns, ", "));
}

Column column_of(const table::Field& field, bool as_loaded) {
  Column column{.name = field.name, .type = field.type};
  if (field.decimal) column.decimals = field.decimal->scale;
  if (as_loaded && !field.form.empty()) column.form = std::make_shared<const table::FormWriter>(field);
  return column;
}

/// A boolean comes from its place in a list as a number.
db::Value bound(const table::Field& field, const db::Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (integer == nullptr || field.type != table::Type::Boolean) return value;
  return db::Value(*integer != 0);
}

db::Query query_of(const db::SqlDialect& dialect, const db::TableName& table,
                   const table::TableSchema* schema, const TableReader::Range& range) {
  const std::vector<std::string> key = quoted_key(dialect, schema);
  db::Query query{
      .sql = fmt::format("SELECT {} FROM {}", columns_text(dialect, schema), dialect.quote(table)),
      .timeout = kNoTimeout,
      .stop = range.stop};
  if (!range.after.empty()) {
    std::vector<std::string> places;
    for (std::size_t i = 0; i < range.after.size(); ++i) {
      places.push_back(fmt::format(":after{}", i));
      query.params.emplace_back(fmt::format("after{}", i),
                                bound(schema->fields[schema->primary_key[i]], range.after[i]));
    }
    query.sql += fmt::format(" WHERE ({}) > ({})", fmt::join(key, ", "), fmt::join(places, ", "));
  }
  if (!key.empty()) query.sql += fmt::format(" ORDER BY {}", fmt::join(key, ", "));
  if (range.limit) query.sql += fmt::format(" LIMIT {} OFFSET {}", *range.limit, range.skip);
  return query;
}

}  // namespace

TableReader::TableReader(std::unique_ptr<db::Cursor> cursor, std::vector<Column> columns,
                         std::vector<std::size_t> key_columns)
    : cursor_(std::move(cursor)),
      columns_(std::move(columns)),
      key_columns_(std::move(key_columns)),
      cells_(columns_.size()) {
  for (const Column& column : columns_) formats_.emplace_back(column);
}

Result<TableReader> TableReader::open(db::Database& database, const db::TableName& table,
                                      const table::TableSchema* schema, const Range& range) {
  TRY_ASSIGN(std::unique_ptr<db::Cursor> cursor,
             database.query(query_of(database.dialect(), table, schema, range)));
  std::vector<Column> columns;
  if (schema != nullptr)
    for (const table::Field& field : schema->fields) columns.push_back(column_of(field, range.as_loaded));
  else
    for (const std::string& name : cursor->columns()) columns.push_back({.name = name});
  return TableReader(std::move(cursor), std::move(columns),
                     schema != nullptr ? schema->primary_key : std::vector<std::size_t>{});
}

Result<bool> TableReader::next() {
  TRY_ASSIGN(const bool more, cursor_->next(raw_));
  if (!more) return false;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    TRY_ASSIGN(cells_[i], formats_[i].format(raw_[i]));
  }
  return true;
}

std::vector<db::Value> TableReader::key() const {
  std::vector<db::Value> key;
  for (const std::size_t column : key_columns_) {
    const db::ResultCell& cell = raw_[column];
    switch (cell.kind) {
      case db::ResultCell::Kind::Null:
        key.emplace_back(std::monostate{});
        break;
      case db::ResultCell::Kind::Integer:
        key.emplace_back(cell.integer);
        break;
      case db::ResultCell::Kind::Real:
        key.emplace_back(cell.real);
        break;
      case db::ResultCell::Kind::Text:
      case db::ResultCell::Kind::Decimal:
      case db::ResultCell::Kind::Bytes:  // in no key
        key.emplace_back(std::string(cell.text));
        break;
    }
  }
  return key;
}

}  // namespace rowgate::report

#include "db/sqlite/parents.h"

#include "db/sqlite/catalog.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

constexpr std::size_t kRemembered = 64 * 1024;

/// Appends a cell so that different keys give different texts.
void join(std::string& out, const table::Cell& cell) {
  if (cell.is_text()) {
    out += fmt::format("t{}:", cell.size);
    out += cell.view();
  } else if (cell.kind == table::CellKind::Integer) {
    out += fmt::format("i{};", cell.integer);
  } else {
    out += fmt::format("r{};", cell.real);
  }
}

}  // namespace

Result<ParentLookup> ParentLookup::make(const Connection& connection, const table::ForeignKey& key) {
  TRY_ASSIGN(const bool exists, has_table(connection, key.table));
  if (!exists) return ParentLookup(connection, key, Statement());
  std::vector<std::string> columns;
  for (const std::string& name : key.parent_fields) columns.push_back(quote_name(name));
  Result<Statement> select = connection.prepare(
      fmt::format("SELECT 1 FROM main.{} WHERE {}", quote_name(key.table), equal_parameters(columns)));
  if (!select)
    return fail(Code::ConfigInvalid,
                fmt::format("the parent table `{}` has no column ({}) to refer to", key.table,
                            fmt::join(key.parent_fields, ", ")),
                "correct the foreign key's reference, or the parent table");
  return ParentLookup(connection, key, *std::move(select));
}

Result<bool> ParentLookup::select(const table::Cell* cells) {
  if (!select_) return false;
  bind_fields(select_.get(), 1, cells, key_->fields);
  const Result<bool> found = connection_->step(select_);
  sqlite3_reset(select_.get());
  return found;
}

Result<bool> ParentLookup::has_parent(const table::Cell* cells) {
  if (has_null(cells, key_->fields)) return true;
  const table::Cell& first = cells[key_->fields[0]];
  if (key_->fields.size() == 1 && first.kind == table::CellKind::Integer) {
    if (integers_.contains(first.integer)) return true;
    TRY_ASSIGN(const bool found, select(cells));
    if (integers_.size() == kRemembered) integers_.clear();
    if (found) integers_.insert(first.integer);
    return found;
  }
  joined_.clear();
  for (const std::size_t field : key_->fields) join(joined_, cells[field]);
  if (others_.contains(joined_)) return true;
  TRY_ASSIGN(const bool found, select(cells));
  if (others_.size() == kRemembered) others_.clear();
  if (found && joined_.size() <= 256) others_.insert(joined_);
  return found;
}

}  // namespace rowgate::db::sqlite

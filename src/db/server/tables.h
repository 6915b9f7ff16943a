#pragma once

#include "db/server/engine.h"

#include <map>
#include <set>

namespace rowgate::db::server {

/// A table that a transaction makes. It lies under a name of rowgate's own until the commit gives it its own.
struct FreshTable {
  std::string name;       ///< "__rg_run_..."
  bool replaces = false;  ///< a table of the final name exists
  std::vector<std::string> columns = {};
  std::string schema_json = {};
};

/// The tables as a transaction sees them: those of the database, and its own fresh ones in their place.
class Tables {
 public:
  Tables(const Engine& engine, Session& session) : engine_(&engine), session_(&session) {}
  void use(Session& session) { session_ = &session; }

  const FreshTable* fresh(const TableName& table) const {
    const auto found = fresh_.find(table);
    return found == fresh_.end() ? nullptr : &found->second;
  }
  const std::map<TableName, FreshTable>& all_fresh() const { return fresh_; }
  void add(const TableName& table, FreshTable fresh) { fresh_[table] = std::move(fresh); }
  void restore(std::map<TableName, FreshTable> fresh) { fresh_ = std::move(fresh); }

  /// The table to read, quoted; nullopt where there is none.
  Result<std::optional<std::string>> find(const TableName& table) const {
    if (const FreshTable* own = fresh(table))
      return std::optional(engine_->dialect().quote(TableName{table.space, own->name}));
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(*session_, table));
    if (!stored) return std::optional<std::string>{};
    return std::optional(engine_->dialect().quote(*stored));
  }
  const Engine& engine() const { return *engine_; }
  /// As it is in the database; nullopt for one that this transaction makes.
  Result<std::optional<Shape>> shape_of(const TableName& table) const {
    if (fresh(table) != nullptr) return std::optional<Shape>{};
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(*session_, table));
    TRY_ASSIGN(Shape shape, engine_->shape_of(*session_, stored.value_or(table)));
    return std::optional(std::move(shape));
  }
  Result<std::vector<std::string>> columns_of(const TableName& table) const {
    if (const FreshTable* own = fresh(table)) return own->columns;
    TRY_ASSIGN(const std::optional<TableName> stored, engine_->stored_name(*session_, table));
    TRY_ASSIGN(const Shape shape, engine_->shape_of(*session_, stored.value_or(table)));
    std::vector<std::string> names;
    for (const ColumnShape& column : shape.columns) names.push_back(column.name);
    return names;
  }

 private:
  const Engine* engine_;
  Session* session_;
  std::map<TableName, FreshTable> fresh_;
};

}  // namespace rowgate::db::server

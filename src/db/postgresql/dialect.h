#pragma once

#include "db/server/engine.h"

namespace rowgate::db::postgresql {

/// SQL of PostgreSQL. Texts compare by their bytes: COLLATE "C".
class Dialect : public server::ServerDialect {
 public:
  using ServerDialect::quote;
  std::string quote(std::string_view identifier) const override;
  std::string type_name(const table::Field& field) const override;
  std::string create_table(const TableName& table, const table::TableSchema& schema, bool enforce_keys,
                           bool database_checks) const override;
  std::vector<std::string> column_types(const table::TableSchema& schema) const override;
  std::string create_own(const server::OwnTable& table) const override;
  std::string update_from(const std::string& table, const std::string& from,
                          const std::vector<std::string>& sets, const std::string& where) const override;
  std::string column_definition(const table::TableSchema& schema, std::size_t field, const std::string& type,
                                bool database_checks) const override;
  std::vector<std::string> change_column(const table::TableSchema& schema, std::size_t field,
                                         const std::string& type, bool database_checks) const override;
  std::string changes_value(const server::ColumnShape& column, const table::Field& field) const override;
  std::string fail_where(const std::string& table, const std::string& condition,
                         std::string_view words) const override;
  std::string drop_primary_key(const std::string& name) const override;
  std::string drop_unique_key(const std::string& name) const override;
  std::string drop_reference(const std::string& name) const override;
  std::string reference(const table::TableSchema& schema, const table::ForeignKey& key,
                        const std::string& space) const override;
  std::string script_head(const std::string& own_space) const override;
  std::string_view unless_id_exists() const override { return " ON CONFLICT (id) DO NOTHING"; }
  std::string why_too_wide(const table::TableSchema& schema) const override;
  std::string_view key_text() const override { return "text COLLATE \"C\""; }
  std::string_view long_text() const override { return "text COLLATE \"C\""; }
};

}  // namespace rowgate::db::postgresql

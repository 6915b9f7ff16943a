#pragma once

#include "db/server/engine.h"

namespace rowgate::db::mysql {

/// SQL of MySQL and MariaDB under ANSI_QUOTES.
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
  std::string_view unless_id_exists() const override { return {}; }
  std::string_view key_text() const override;
  std::string_view long_text() const override;

  /// The collation that compares bytes and keeps trailing spaces; it differs between the two servers.
  void use_collation(std::string collation);
  const std::string& collation() const { return collation_; }

 private:
  std::string options() const;
  std::string collation_ = "utf8mb4_nopad_bin";
  std::string key_text_ = "VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";
  std::string long_text_ = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";
};

/// The longest text that can be a key: 191 characters of four bytes fit InnoDB's oldest limit of 767 bytes.
inline constexpr std::uint64_t kLongestKeyText = 191;

}  // namespace rowgate::db::mysql

#include "db/mysql/engine.h"

#include "base/text.h"
#include "db/mysql/cursor.h"
#include "db/mysql/dialect.h"
#include "db/mysql/session.h"
#include "db/server/login.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

namespace rowgate::db::mysql {
namespace {

using server::ColumnShape;
using server::Param;
using server::Reference;
using server::Session;
using server::TextRow;
using table::Field;
using table::Type;

/// "varchar(100)" has 100.
std::uint64_t length_in(std::string_view type) {
  const std::size_t open = type.find('(');
  if (open == type.npos) return 0;
  return server::number_of(std::string(type.substr(open + 1)));
}

bool is_binary(std::string_view collation) {
  return collation.ends_with("nopad_bin") || collation == "utf8mb4_0900_bin" || collation == "ascii_bin";
}

class MySqlEngine : public server::Engine {
 public:
  MySqlEngine(ServerAddress address, std::chrono::milliseconds lock_wait, std::chrono::milliseconds silence)
      : address_(std::move(address)), lock_wait_(lock_wait), silence_(silence) {}

  ~MySqlEngine() override { watch_->ask_no_more(); }

  const server::ServerDialect& dialect() const override { return dialect_; }
  const std::string& own_space() const override { return address_.database; }
  std::string describe() const override { return address_.shown(); }

  Result<std::unique_ptr<Session>> connect(server::Access) const override {
    const auto open = [this](const ServerAddress& address) {
      return MySqlSession::open(address, lock_wait_, watch_, silence_);
    };
    TRY_ASSIGN(std::unique_ptr<MySqlSession> session, server::log_in(address_, open));
    std::call_once(collation_known_, [&] { dialect_.use_collation(std::string(session->collation())); });
    return std::unique_ptr<Session>(std::move(session));
  }
  Result<std::unique_ptr<Cursor>> open_cursor(std::unique_ptr<Session> session,
                                              const Query& query) const override {
    return mysql::open_cursor(*this, std::move(session), query);
  }
  void stop_waiting() const override { watch_->stop(); }
  Result<std::string> version(Session& session) const override {
    TRY_ASSIGN(const std::optional<std::string> text, session.first("SELECT VERSION()"));
    const std::string version = text.value_or("");
    const bool is_mariadb = version.contains("MariaDB");
    return (is_mariadb ? "MariaDB " : "MySQL ") + version.substr(0, version.find('-'));
  }

  Result<void> begin(Session& session) const override {
    TRY(session.run("START TRANSACTION READ WRITE"));
    return {};
  }
  Result<void> lock(Session& session, std::span<const std::string> names,
                    std::chrono::milliseconds wait) const override;
  void unlock(Session& session) const override { (void)session.rows("SELECT RELEASE_ALL_LOCKS()"); }
  Result<bool> is_free(Session& session, const std::string& name) const override {
    const Param params[] = {name};
    TRY_ASSIGN(const std::uint64_t free, session.count("SELECT IS_FREE_LOCK(?)", params));
    return free == 1;
  }
  bool ddl_is_transactional() const override { return false; }

  Result<std::optional<TableName>> stored_name(Session& session, const TableName& table) const override;
  Result<std::vector<std::string>> table_names(Session& session, const std::string& space) const override;
  Result<bool> is_view(Session& session, const TableName& table) const override;
  Result<server::Shape> shape_of(Session& session, const TableName& table) const override;
  Result<std::vector<std::string>> triggers_of(Session& session, const TableName& table) const override;
  Result<std::vector<Reference>> references_to(Session& session, const TableName& table) const override;
  Result<bool> has_dependents(Session& session, const TableName& table) const override;
  bool fits(const ColumnShape& column, const Field& field, bool in_key) const override;
  bool fits_parent(const ColumnShape& column, const Field& field) const override;
  std::string_view by_bytes(const ColumnShape&) const override { return ""; }
  std::string declarations_sql() const override;

  Result<void> begin_merge(Session& session, std::span<const Reference>) const override {
    TRY(session.run("SET SESSION foreign_key_checks = 0"));
    return {};
  }
  Result<void> end_merge(Session& session, std::span<const Reference>) const override {
    TRY(session.run("SET SESSION foreign_key_checks = 1"));
    return {};
  }

 private:
  const std::string& space_of(const TableName& table) const {
    return table.space.empty() ? address_.database : table.space;
  }
  Result<std::vector<Reference>> references(Session& session, const std::string& condition,
                                            std::span<const Param> params) const;

  ServerAddress address_;
  std::chrono::milliseconds lock_wait_, silence_;
  std::shared_ptr<server::SocketWatch> watch_ = std::make_shared<server::SocketWatch>(
      silence_, [this] { return server::still_answers(*this, silence_); });
  mutable Dialect dialect_;
  mutable std::once_flag collation_known_;
};

Result<void> MySqlEngine::lock(Session& session, std::span<const std::string> names,
                               std::chrono::milliseconds wait) const {
  for (const std::string& name : names) {
    const std::string seconds = fmt::format("{:.3f}", static_cast<double>(wait.count()) / 1000.0);
    const Param params[] = {name, seconds};
    TRY_ASSIGN(const std::optional<std::string> got, session.first("SELECT GET_LOCK(?, ?)", params));
    if (got != "1") return fail(Code::TableBusy, "another load holds the table", "try again when it is done");
  }
  return {};
}

Result<std::optional<TableName>> MySqlEngine::stored_name(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name, table.name};
  TRY_ASSIGN(
      std::optional<std::string> name,
      session.first(
          "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND "
          "LOWER(table_name) = LOWER(?) AND table_type = 'BASE TABLE' ORDER BY table_name <> ? LIMIT 1",
          params));
  if (!name) return std::optional<TableName>{};
  return std::optional(TableName{table.space, *std::move(name)});
}

Result<std::vector<std::string>> MySqlEngine::table_names(Session& session, const std::string& space) const {
  const Param params[] = {space.empty() ? address_.database : space};
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = "
                   "'BASE TABLE'",
                   params));
  std::vector<std::string> names;
  for (const TextRow& row : rows) names.push_back(row[0].value_or(""));
  std::ranges::sort(names);
  return names;
}

Result<bool> MySqlEngine::is_view(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  TRY_ASSIGN(const std::uint64_t count,
             session.count("SELECT COUNT(*) FROM information_schema.views WHERE table_schema = ? AND "
                           "LOWER(table_name) = LOWER(?)",
                           params));
  return count > 0;
}

Result<std::vector<std::string>> MySqlEngine::triggers_of(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = ? "
                   "AND event_object_table = ? ORDER BY trigger_name",
                   params));
  std::vector<std::string> names;
  for (const TextRow& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Result<std::vector<Reference>> MySqlEngine::references(Session& session, const std::string& condition,
                                                       std::span<const Param> params) const {
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT constraint_name, table_schema, table_name, column_name, referenced_table_schema, "
                   "referenced_table_name, referenced_column_name FROM information_schema.key_column_usage "
                   "WHERE referenced_table_name IS NOT NULL AND " +
                       condition + " ORDER BY table_schema, table_name, constraint_name, ordinal_position",
                   params));
  const auto space = [this](const std::optional<std::string>& name) {
    return name == address_.database ? std::string() : name.value_or("");
  };
  std::vector<Reference> found;
  for (const TextRow& row : rows) {
    const TableName child{space(row[1]), row[2].value_or("")};
    if (found.empty() || found.back().name != row[0] || found.back().child != child)
      found.push_back({.name = row[0].value_or(""),
                       .child = child,
                       .columns = {},
                       .parent = {space(row[4]), row[5].value_or("")},
                       .parent_columns = {}});
    found.back().columns.push_back(row[3].value_or(""));
    found.back().parent_columns.push_back(row[6].value_or(""));
  }
  return found;
}

/// Asked in two steps: key_column_usage alone would open every table of the server with all its columns.
Result<std::vector<Reference>> MySqlEngine::references_to(Session& session, const TableName& table) const {
  const std::string& space = space_of(table);
  const Param params[] = {space, table.name};
  TRY_ASSIGN(const std::vector<TextRow> children,
             session.rows("SELECT DISTINCT constraint_schema, table_name FROM "
                          "information_schema.referential_constraints WHERE unique_constraint_schema = ? AND "
                          "referenced_table_name = ?",
                          params));
  std::vector<Reference> found;
  for (const TextRow& child : children) {
    if (child[0] == space && child[1] == table.name) continue;
    const std::string child_space = child[0].value_or(""), child_name = child[1].value_or("");
    const Param of_child[] = {child_space, child_name, space, table.name};
    TRY_ASSIGN(const std::vector<Reference> more,
               references(session,
                          "table_schema = ? AND table_name = ? AND referenced_table_schema = ? AND "
                          "referenced_table_name = ?",
                          of_child));
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

Result<server::Shape> MySqlEngine::shape_of(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  server::Shape shape;
  TRY_ASSIGN(const std::vector<TextRow> columns,
             session.rows("SELECT column_name, column_type, collation_name, is_nullable FROM "
                          "information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY "
                          "ordinal_position",
                          params));
  for (const TextRow& row : columns)
    shape.columns.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), row[3] == "NO"});

  TRY_ASSIGN(const std::optional<std::string> engine,
             session.first("SELECT engine FROM information_schema.tables WHERE table_schema = ? AND "
                           "table_name = ?",
                           params));
  if (engine && lower_ascii(*engine) != "innodb") shape.not_transactional = *engine;

  TRY_ASSIGN(const std::vector<TextRow> indexes,
             session.rows("SELECT index_name, column_name, sub_part FROM information_schema.statistics WHERE "
                          "table_schema = ? "
                          "AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index",
                          params));
  std::string last;
  for (const TextRow& row : indexes) {
    const std::string column = row[1].value_or("");
    // A key part without a column is an expression (MySQL 8).
    if (row[2] || !row[1]) shape.other_keys.insert(row[0].value_or(""));
    if (row[0] == "PRIMARY") {
      shape.primary_key.push_back(column);
      continue;
    }
    if (shape.unique_keys.empty() || row[0] != last) shape.unique_keys.push_back({row[0].value_or("")});
    last = row[0].value_or("");
    shape.unique_keys.back().columns.push_back(column);
  }
  std::erase_if(shape.unique_keys,
                [&](const server::KeyShape& key) { return shape.other_keys.contains(key.name); });

  TRY_ASSIGN(shape.references, references(session, "table_schema = ? AND table_name = ?", params));
  return shape;
}

bool MySqlEngine::fits(const ColumnShape& column, const Field& field, bool in_key) const {
  const std::string type = lower_ascii(column.type);
  const auto is = [&](std::string_view name) {  // "bigint(20)" is bigint, "bigint(20) unsigned" is not
    return type == name || (type.starts_with(std::string(name) + "(") && type.ends_with(')'));
  };
  const std::string places = field.precision > 0 ? fmt::format("({})", field.precision) : "";
  switch (field.type) {
    case Type::Integer:
      return is("bigint");
    case Type::Boolean:
      return is("tinyint");
    case Type::Number:
      if (field.decimal)
        return type == fmt::format("decimal({},{})", field.decimal->precision, field.decimal->scale);
      return type == "double";
    case Type::Date:
      return type == "date";
    case Type::Time:
      return type == "time" + places;
    case Type::Datetime:
      return type == "datetime" + places;
    case Type::Year:
      return is("smallint");
    case Type::YearMonth:
      return type == "char(7)" || (type.starts_with("varchar(") && length_in(type) >= 7);
    case Type::Duration:
    case Type::GeoPoint:
      return (type.starts_with("varchar(") && length_in(type) >= 64) || type.ends_with("text");
    case Type::Object:
    case Type::Array:
    case Type::List:
    case Type::GeoJson:
    case Type::Any:
      return type == "longtext" && column.collation.starts_with("utf8mb4");
    case Type::String:
      break;
  }
  if (field.is_binary()) return type == "longblob";
  if (in_key && !is_binary(column.collation)) return false;
  if (field.format == "uuid") return type == "char(36)";  // a text may hold upper case, which is another key
  if (!column.collation.starts_with("utf8mb4")) return false;
  if (type == "longtext") return true;
  const std::uint64_t longest = field.constraints.max_length.value_or(0);
  if (longest == 0) return false;
  return (type.starts_with("varchar(") && length_in(type) >= longest) ||
         (type == "text" && longest * 4 <= 65'535) || (type == "mediumtext" && longest * 4 <= 16'777'215);
}

/// Views and rights go by the table's name. A foreign key makes an index of its own columns.
Result<bool> MySqlEngine::has_dependents(Session& session, const TableName& table) const {
  const std::string& space = space_of(table);
  const Param params[] = {space, table.name, space, table.name, space, table.name};
  TRY_ASSIGN(
      const std::uint64_t count,
      session.count(
          "SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = ? AND "
          "event_object_table = ?) + (SELECT COUNT(*) FROM (SELECT GROUP_CONCAT(column_name ORDER BY "
          "seq_in_index) AS names FROM information_schema.statistics WHERE table_schema = ? AND table_name = "
          "? AND non_unique = 1 GROUP BY index_name) AS i WHERE i.names NOT IN (SELECT "
          "GROUP_CONCAT(column_name ORDER BY ordinal_position) FROM information_schema.key_column_usage "
          "WHERE table_schema = ? AND table_name = ? AND referenced_table_name IS NOT NULL GROUP BY "
          "constraint_name))",
          params));
  return count > 0;
}

/// Of another collation a comparison by bytes would be a walk through all parents for each row.
bool MySqlEngine::fits_parent(const ColumnShape& column, const Field& field) const {
  const bool is_text = field.type == Type::String && !field.is_binary() && field.format != "uuid";
  return is_text ? column.collation.starts_with("utf8mb4") && is_binary(column.collation)
                 : fits(column, field, true);
}

std::string MySqlEngine::declarations_sql() const {
  return "SELECT 'table', table_name, CONCAT_WS(',', engine, table_collation) FROM information_schema.tables "
         "WHERE "
         "table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'rowgate\\_%' AND "
         "table_name "
         "NOT LIKE '\\_\\_rg\\_%' UNION ALL "
         "SELECT 'column', CONCAT_WS('.', table_name, LPAD(ordinal_position, 5, '0')), CONCAT_WS(',', "
         "column_name, "
         "column_type, is_nullable, collation_name, column_default, extra) FROM information_schema.columns "
         "WHERE "
         "table_schema = DATABASE() AND table_name NOT LIKE 'rowgate\\_%' AND table_name NOT LIKE "
         "'\\_\\_rg\\_%' UNION "
         "ALL "
         "SELECT 'index', CONCAT_WS('.', table_name, index_name, LPAD(seq_in_index, 5, '0')), CONCAT_WS(',', "
         "column_name, non_unique, sub_part) FROM information_schema.statistics WHERE table_schema = "
         "DATABASE() AND "
         "table_name NOT LIKE 'rowgate\\_%' AND table_name NOT LIKE '\\_\\_rg\\_%' UNION ALL "
         "SELECT 'view', table_name, view_definition FROM information_schema.views WHERE table_schema = "
         "DATABASE() "
         "UNION ALL "
         "SELECT 'trigger', CONCAT_WS('.', event_object_table, trigger_name), CONCAT_WS(',', action_timing, "
         "event_manipulation, action_statement) FROM information_schema.triggers WHERE trigger_schema = "
         "DATABASE() "
         "ORDER BY 1, 2, 3";
}

}  // namespace

std::unique_ptr<server::Engine> make_engine(const ServerAddress& address, std::chrono::milliseconds lock_wait,
                                            std::chrono::milliseconds silence) {
  return std::make_unique<MySqlEngine>(address, lock_wait, silence);
}

}  // namespace rowgate::db::mysql

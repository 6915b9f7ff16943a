#include "db/postgresql/engine.h"

#include "base/text.h"
#include "db/postgresql/cursor.h"
#include "db/postgresql/dialect.h"
#include "db/postgresql/session.h"
#include "db/server/login.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rowgate::db::postgresql {
namespace {

using server::ColumnShape;
using server::Param;
using server::Reference;
using server::Session;
using server::TextRow;
using table::Field;
using table::Type;

class PostgreSqlEngine : public server::Engine {
 public:
  PostgreSqlEngine(ServerAddress address, std::chrono::milliseconds lock_wait,
                   std::chrono::milliseconds silence)
      : address_(std::move(address)), lock_wait_(lock_wait), silence_(silence) {}

  ~PostgreSqlEngine() override { watch_->ask_no_more(); }

  const server::ServerDialect& dialect() const override { return dialect_; }
  const std::string& own_space() const override { return address_.schema; }
  std::string describe() const override { return address_.shown(); }

  Result<std::unique_ptr<Session>> connect(server::Access) const override {
    const auto open = [this](const ServerAddress& address) {
      return PostgreSqlSession::open(address, lock_wait_, watch_, silence_);
    };
    TRY_ASSIGN(std::unique_ptr<PostgreSqlSession> session, server::log_in(address_, open));
    return std::unique_ptr<Session>(std::move(session));
  }
  Result<std::unique_ptr<Cursor>> open_cursor(std::unique_ptr<Session> session,
                                              const Query& query) const override {
    return postgresql::open_cursor(*this, std::move(session), query);
  }
  void stop_waiting() const override { watch_->stop(); }
  Result<std::string> version(Session& session) const override {
    TRY_ASSIGN(const std::optional<std::string> text, session.first("SHOW server_version"));
    const std::string version = text.value_or("");
    return "PostgreSQL " + version.substr(0, version.find(' '));
  }

  Result<void> begin(Session& session) const override {
    // Not READ WRITE: whoever made the database read-only, perhaps since its disk is full, meant it.
    TRY(session.run("BEGIN ISOLATION LEVEL READ COMMITTED"));
    return {};
  }
  Result<void> lock(Session& session, std::span<const std::string> names,
                    std::chrono::milliseconds wait) const override;
  void unlock(Session&) const override {}  // they end with the transaction
  Result<bool> is_free(Session&, const std::string&) const override { return false; }
  bool ddl_is_transactional() const override { return true; }

  Result<std::optional<TableName>> stored_name(Session& session, const TableName& table) const override;
  Result<std::vector<std::string>> table_names(Session& session, const std::string& space) const override;
  Result<void> name_constraints(Session& session, const TableName& table,
                                std::string_view was) const override;
  Result<bool> is_view(Session& session, const TableName& table) const override;
  Result<server::Shape> shape_of(Session& session, const TableName& table) const override;
  Result<std::vector<std::string>> triggers_of(Session& session, const TableName& table) const override;
  Result<std::vector<Reference>> references_to(Session& session, const TableName& table) const override;
  Result<bool> has_dependents(Session& session, const TableName& table) const override;
  bool fits(const ColumnShape& column, const Field& field, bool in_key) const override;
  bool fits_parent(const ColumnShape& column, const Field& field) const override;
  std::string_view by_bytes(const ColumnShape& column) const override;
  std::string declarations_sql() const override;
  Result<void> begin_merge(Session& session, std::span<const Reference> children) const override;
  Result<void> end_merge(Session& session, std::span<const Reference> children) const override;

 private:
  const std::string& space_of(const TableName& table) const {
    return table.space.empty() ? address_.schema : table.space;
  }
  Result<std::vector<Reference>> references(Session& session, const std::string& condition,
                                            std::span<const Param> params) const;

  ServerAddress address_;
  std::chrono::milliseconds lock_wait_, silence_;
  std::shared_ptr<server::SocketWatch> watch_ = std::make_shared<server::SocketWatch>(
      silence_, [this] { return server::still_answers(*this, silence_); });
  Dialect dialect_;
};

Result<void> PostgreSqlEngine::lock(Session& session, std::span<const std::string> names,
                                    std::chrono::milliseconds wait) const {
  const auto set_wait = [&](std::chrono::milliseconds time) {
    const std::string text = fmt::format("{}ms", std::max<std::int64_t>(1, time.count()));
    const Param params[] = {text};
    return session.first("SELECT set_config('lock_timeout', ?, true)", params);
  };
  if (names.empty()) return {};
  TRY(set_wait(wait));
  for (const std::string& name : names) {
    std::uint64_t key = 0;
    const std::string digest = io::sha256_hex(name);
    std::from_chars(digest.data(), digest.data() + 16, key, 16);
    const std::string text = fmt::format("{}", static_cast<std::int64_t>(key));
    const Param params[] = {text};
    const auto locked = session.first("SELECT pg_advisory_xact_lock(CAST(? AS bigint))", params);
    if (locked) continue;
    if (locked.error().code == Code::DatabaseDeadlock)
      return fail(Code::TableBusy, "another load holds the table", "try again when it is done");
    return std::unexpected(locked.error());
  }
  TRY(set_wait(lock_wait_));
  return {};
}

Result<std::optional<TableName>> PostgreSqlEngine::stored_name(Session& session,
                                                               const TableName& table) const {
  const Param params[] = {space_of(table), table.name, table.name};
  TRY_ASSIGN(
      std::optional<std::string> name,
      session.first("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                    "n.nspname = ? AND LOWER(c.relname) = LOWER(?) AND c.relkind IN ('r', 'p') ORDER BY "
                    "c.relname <> ? LIMIT 1",
                    params));
  if (!name) return std::optional<TableName>{};
  return std::optional(TableName{table.space, *std::move(name)});
}

Result<std::vector<std::string>> PostgreSqlEngine::table_names(Session& session,
                                                               const std::string& space) const {
  const Param params[] = {space.empty() ? address_.schema : space};
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                   "n.nspname = ? AND c.relkind IN ('r', 'p')",
                   params));
  std::vector<std::string> names;
  for (const TextRow& row : rows) names.push_back(row[0].value_or(""));
  std::ranges::sort(names);
  return names;
}

/// PostgreSQL has named them after the table when it was made: "__rg_run_01..._pkey". An index has its
/// constraint's name, which no other relation may have.
Result<void> PostgreSqlEngine::name_constraints(Session& session, const TableName& table,
                                                std::string_view was) const {
  constexpr std::string_view kHead = "__rg_run_";
  constexpr std::size_t kLongestName = 63;
  if (!was.starts_with(kHead)) return {};
  const std::string& space = space_of(table);
  const Param params[] = {space, table.name};
  TRY_ASSIGN(
      const std::vector<TextRow> constraints,
      session.rows("SELECT o.conname FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN "
                   "pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relname = ? AND "
                   "o.conname LIKE '\\_\\_rg\\_run\\_%' ORDER BY o.oid",
                   params));
  for (const TextRow& row : constraints) {
    const std::string name = row[0].value_or("");
    const std::size_t tail = name.find('_', kHead.size());
    if (tail == std::string::npos) continue;
    for (unsigned number = 0;; ++number) {
      const std::string end = name.substr(tail) + (number == 0 ? std::string() : fmt::format("{}", number));
      std::string_view begin =
          std::string_view(table.name).substr(0, kLongestName - std::min(kLongestName, end.size()));
      begin = begin.substr(0, valid_utf8_prefix(begin));
      const std::string wanted = std::string(begin) + end;
      const Param names[] = {space, wanted, space, table.name, wanted};
      TRY_ASSIGN(const std::uint64_t taken,
                 session.count(
                     "SELECT (SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                     "c.relnamespace WHERE n.nspname = ? AND c.relname = ?) + (SELECT COUNT(*) FROM "
                     "pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = "
                     "c.relnamespace WHERE n.nspname = ? AND c.relname = ? AND o.conname = ?)",
                     names));
      if (taken > 0) continue;
      TRY(session.run(fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", dialect_.quote(table),
                                  dialect_.quote(name), dialect_.quote(wanted))));
      break;
    }
  }
  return {};
}

Result<bool> PostgreSqlEngine::is_view(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  TRY_ASSIGN(
      const std::uint64_t count,
      session.count("SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                    "n.nspname = ? AND LOWER(c.relname) = LOWER(?) AND c.relkind IN ('v', 'm', 'f')",
                    params));
  return count > 0;
}

Result<std::vector<std::string>> PostgreSqlEngine::triggers_of(Session& session,
                                                               const TableName& table) const {
  const std::string& space = space_of(table);
  const Param params[] = {space, table.name, space, table.name, space, table.name};
  const std::string of_table =
      "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relname = ?";
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid " + of_table +
                       " AND NOT t.tgisinternal UNION ALL SELECT r.rulename FROM pg_rewrite r JOIN "
                       "pg_class c ON c.oid = r.ev_class " +
                       of_table +
                       " UNION ALL SELECT p.polname FROM pg_policy p JOIN pg_class c ON c.oid = "
                       "p.polrelid " +
                       of_table + " ORDER BY 1",
                   params));
  std::vector<std::string> names;
  for (const TextRow& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Result<std::vector<Reference>> PostgreSqlEngine::references(Session& session, const std::string& condition,
                                                            std::span<const Param> params) const {
  TRY_ASSIGN(
      const std::vector<TextRow> rows,
      session.rows("SELECT o.conname, cn.nspname, c.relname, ca.attname, pn.nspname, p.relname, pa.attname, "
                   "o.condeferrable FROM pg_constraint o CROSS JOIN LATERAL "
                   "unnest(o.conkey, o.confkey) WITH ORDINALITY AS k(child, parent, position) "
                   "JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace "
                   "JOIN pg_attribute ca ON ca.attrelid = c.oid AND ca.attnum = k.child "
                   "JOIN pg_class p ON p.oid = o.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace "
                   "JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.parent "
                   "WHERE o.contype = 'f' AND " +
                       condition + " ORDER BY cn.nspname, c.relname, o.conname, k.position",
                   params));
  const auto space = [this](const std::optional<std::string>& name) {
    return name == address_.schema ? std::string() : name.value_or("");
  };
  std::vector<Reference> found;
  for (const TextRow& row : rows) {
    const TableName child{space(row[1]), row[2].value_or("")};
    if (found.empty() || found.back().name != row[0] || found.back().child != child)
      found.push_back({.name = row[0].value_or(""),
                       .child = child,
                       .columns = {},
                       .parent = {space(row[4]), row[5].value_or("")},
                       .parent_columns = {},
                       .deferrable = row[7] == "t"});
    found.back().columns.push_back(row[3].value_or(""));
    found.back().parent_columns.push_back(row[6].value_or(""));
  }
  return found;
}

Result<std::vector<Reference>> PostgreSqlEngine::references_to(Session& session,
                                                               const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  return references(session, "pn.nspname = ? AND p.relname = ? AND o.conrelid <> o.confrelid", params);
}

Result<server::Shape> PostgreSqlEngine::shape_of(Session& session, const TableName& table) const {
  const Param params[] = {space_of(table), table.name};
  server::Shape shape;
  TRY_ASSIGN(const std::vector<TextRow> columns,
             session.rows(
                 "SELECT a.attname, format_type(a.atttypid, a.atttypmod), l.collname, a.attnotnull FROM "
                 "pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
                 "c.relnamespace LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE n.nspname = ? AND "
                 "c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                 params));
  for (const TextRow& row : columns)
    shape.columns.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), row[3] == "t"});
  TRY_ASSIGN(
      const std::vector<TextRow> indexes,
      session.rows(
          "SELECT i.indexrelid, i.indisprimary, a.attname, x.relname, EXISTS (SELECT 1 FROM pg_constraint o "
          "WHERE o.conindid = i.indexrelid AND o.contype = 'u') FROM pg_index i JOIN pg_class x ON x.oid = "
          "i.indexrelid JOIN pg_class c ON c.oid = "
          "i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL "
          "unnest(i.indkey) WITH ORDINALITY AS k(number, position) JOIN pg_attribute a ON a.attrelid = "
          "c.oid AND a.attnum = k.number WHERE n.nspname = ? AND c.relname = ? AND i.indisunique AND "
          "i.indpred IS NULL AND k.position <= i.indnkeyatts ORDER BY i.indexrelid, k.position",
          params));
  std::string last;
  for (const TextRow& row : indexes) {
    const std::string column = row[2].value_or("");
    if (row[1] == "t") {
      shape.primary_name = row[3].value_or("");
      shape.primary_key.push_back(column);
      continue;
    }
    if (shape.unique_keys.empty() || row[0] != last)
      shape.unique_keys.push_back({row[3].value_or(""), {}, row[4] == "t"});
    last = row[0].value_or("");
    shape.unique_keys.back().columns.push_back(column);
  }

  // Of a part of the rows, or of expressions.
  TRY_ASSIGN(
      const std::vector<TextRow> others,
      session.rows("SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN "
                   "pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                   "WHERE n.nspname = ? AND c.relname = ? AND i.indisunique AND (i.indpred IS NOT NULL "
                   "OR i.indexprs IS NOT NULL)",
                   params));
  for (const TextRow& row : others) shape.other_keys.insert(row[0].value_or(""));
  std::erase_if(shape.unique_keys,
                [&](const server::KeyShape& key) { return shape.other_keys.contains(key.name); });

  TRY_ASSIGN(shape.references, references(session, "cn.nspname = ? AND c.relname = ?", params));
  return shape;
}

/// Whatever is bound to the table itself: a table of the same name in its place would not have it, or could
/// not come there. Rights that each new table gets by default are none.
Result<bool> PostgreSqlEngine::has_dependents(Session& session, const TableName& table) const {
  constexpr const char* kQuestion = R"(
SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ? AND c.relname = ? AND (
  c.relkind = 'p' OR c.relrowsecurity OR c.relforcerowsecurity OR c.relreplident <> 'd' OR c.reloptions IS NOT NULL
  OR EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)
  OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid)
  OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
  OR EXISTS (SELECT 1 FROM pg_publication_rel p WHERE p.prrelid = c.oid)
  OR EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid))
  OR EXISTS (SELECT 1 FROM pg_statistic_ext s WHERE s.stxrelid = c.oid)
  OR EXISTS (SELECT 1 FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)
  OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)
  OR EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisclustered OR NOT EXISTS
             (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.conrelid = c.oid)))
  OR EXISTS (SELECT a.item::text FROM unnest(c.relacl) AS a(item) EXCEPT (
             SELECT d.item::text FROM unnest(acldefault('r', c.relowner)) AS d(item) UNION
             SELECT e.item::text FROM pg_default_acl f CROSS JOIN LATERAL unnest(f.defaclacl) AS e(item)
             WHERE f.defaclobjtype = 'r' AND f.defaclrole = c.relowner AND f.defaclnamespace IN (0, n.oid)))
  OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND
             (d.deptype = 'n' OR d.deptype = 'a' AND d.classid = 'pg_class'::regclass AND EXISTS
               (SELECT 1 FROM pg_class q WHERE q.oid = d.objid AND q.relkind = 'S'))
             AND NOT (d.classid = 'pg_class'::regclass AND d.objid = c.oid)
             AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS
               (SELECT 1 FROM pg_constraint o WHERE o.oid = d.objid AND o.contype = 'f')))
  OR EXISTS (SELECT 1 FROM pg_depend d JOIN pg_type t ON t.oid = d.refobjid WHERE d.refclassid =
             'pg_type'::regclass AND t.oid IN (c.reltype, (SELECT y.typarray FROM pg_type y WHERE y.oid = c.reltype))
             AND d.deptype = 'n'))
)";
  const Param params[] = {space_of(table), table.name};
  TRY_ASSIGN(const std::uint64_t count, session.count(kQuestion, params));
  return count > 0;
}

bool PostgreSqlEngine::fits(const ColumnShape& column, const Field& field, bool in_key) const {
  const std::string wanted = dialect_.type_name(field);
  const bool has_collation = wanted == "text" || wanted == "character(7)";
  if (in_key && has_collation && column.collation != "C" && column.collation != "POSIX") return false;
  if (column.type == wanted) return true;
  // A text may hold a uuid in upper case, which would be another key.
  if (field.type != Type::String || field.is_binary() || field.format == "uuid") return false;
  constexpr std::string_view kVarying = "character varying";
  if (!column.type.starts_with(kVarying)) return false;
  if (column.type.size() == kVarying.size()) return true;
  const std::uint64_t longest = field.constraints.max_length.value_or(std::uint64_t{1} << 40);
  return server::number_of(column.type.substr(kVarying.size() + 1)) >= longest;
}

bool PostgreSqlEngine::fits_parent(const ColumnShape& column, const Field& field) const {
  const bool is_text = field.type == Type::String && !field.is_binary() && field.format != "uuid";
  return is_text ? column.type == "text" || column.type.starts_with("character varying")
                 : fits(column, field, false);
}

/// Two collations in one comparison are an error, and some call different texts equal.
std::string_view PostgreSqlEngine::by_bytes(const ColumnShape& column) const {
  const bool has_own = !column.collation.empty() && column.collation != "C" && column.collation != "POSIX";
  return has_own ? " COLLATE \"C\"" : "";
}

std::string PostgreSqlEngine::declarations_sql() const {
  const std::string ours =
      "n.nspname = CURRENT_SCHEMA() AND c.relname NOT LIKE 'rowgate\\_%' AND c.relname NOT LIKE "
      "'\\_\\_rg\\_%'";
  return "SELECT 'table', c.relname::text, ''::text FROM pg_class c JOIN pg_namespace n ON n.oid = "
         "c.relnamespace WHERE "
         "c.relkind IN ('r', 'p') AND " +
         ours +
         " UNION ALL SELECT 'column', c.relname || '.' || lpad(a.attnum::text, 5, '0'), a.attname || ' ' || "
         "format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || "
         "COALESCE(pg_get_expr(f.adbin, "
         "f.adrelid), '') FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON "
         "n.oid = "
         "c.relnamespace LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum WHERE a.attnum > "
         "0 AND NOT "
         "a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND " +
         ours +
         " UNION ALL SELECT 'constraint', c.relname || '.' || o.conname, pg_get_constraintdef(o.oid) FROM "
         "pg_constraint "
         "o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " +
         ours +
         " UNION ALL SELECT 'index', c.relname || '.' || i.indexrelid::regclass, "
         "pg_get_indexdef(i.indexrelid) FROM "
         "pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
         "WHERE " +
         ours +
         " UNION ALL SELECT 'view', c.relname::text, pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace "
         "n ON n.oid "
         "= c.relnamespace WHERE c.relkind IN ('v', 'm') AND " +
         ours +
         " UNION ALL SELECT 'trigger', c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid) FROM "
         "pg_trigger t JOIN "
         "pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT "
         "t.tgisinternal AND " +
         ours + " ORDER BY 1, 2, 3";
}

Result<void> PostgreSqlEngine::begin_merge(Session& session, std::span<const Reference> children) const {
  for (const Reference& child : children)
    if (!child.deferrable)
      TRY(session.run(fmt::format("ALTER TABLE {} ALTER CONSTRAINT {} DEFERRABLE",
                                  dialect_.quote(child.child), dialect_.quote(child.name))));
  TRY(session.run("SET CONSTRAINTS ALL DEFERRED"));
  // Rows that a policy hides would stay where all are to be replaced: rather an error.
  TRY(session.run("SET LOCAL row_security = off"));
  return {};
}

Result<void> PostgreSqlEngine::end_merge(Session& session, std::span<const Reference> children) const {
  TRY(session.run("SET CONSTRAINTS ALL IMMEDIATE"));  // checks them now
  for (const Reference& child : children)
    if (!child.deferrable)
      TRY(session.run(fmt::format("ALTER TABLE {} ALTER CONSTRAINT {} NOT DEFERRABLE",
                                  dialect_.quote(child.child), dialect_.quote(child.name))));
  return {};
}

}  // namespace

std::unique_ptr<server::Engine> make_engine(const ServerAddress& address, std::chrono::milliseconds lock_wait,
                                            std::chrono::milliseconds silence) {
  return std::make_unique<PostgreSqlEngine>(address, lock_wait, silence);
}

}  // namespace rowgate::db::postgresql

#pragma once

// What the servers differ in. All else of a database that is a server is written once, in this folder.

#include "db/database.h"
#include "db/server/session.h"
#include "db/server/shape.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db::server {

/// A table of rowgate's own.
struct OwnTable {
  struct Index {
    std::string name, columns;
    bool unique = false;
  };
  std::string name;
  std::vector<std::string> columns;  ///< and PRIMARY KEY (...)
  std::vector<Index> indexes = {};
  bool temporary = false;  ///< only this session sees it; it is gone with its transaction or session
};

/// How a server says things.
class ServerDialect : public SqlDialect {
 public:
  /// The type of each column of the schema, as create_table() writes it.
  virtual std::vector<std::string> column_types(const table::TableSchema& schema) const = 0;
  /// CREATE TABLE IF NOT EXISTS, with its indexes.
  virtual std::string create_own(const OwnTable& table) const = 0;
  /// Ends an INSERT that leaves a row of the same `id` as it is and then inserts none; empty where there is
  /// no such clause, and the statement fails as a duplicate but leaves the transaction open.
  virtual std::string_view unless_id_exists() const = 0;
  /// An UPDATE of `table` (as t) from `from` (as s).
  virtual std::string update_from(const std::string& table, const std::string& from,
                                  const std::vector<std::string>& sets, const std::string& where) const = 0;
  /// A column as create_table() writes it: `"name" VARCHAR(100) NOT NULL`. `type`: its of column_types().
  virtual std::string column_definition(const table::TableSchema& schema, std::size_t field,
                                        const std::string& type, bool database_checks) const = 0;
  /// What ALTER TABLE is told (see alterations()): the column gets the type and NULL or NOT NULL of the
  /// schema.
  virtual std::vector<std::string> change_column(const table::TableSchema& schema, std::size_t field,
                                                 const std::string& type, bool database_checks) const = 0;
  /// A condition, true where a value of the column would be another one as a value of the field; empty: none
  /// would. A value that cannot become one at all makes it true or an error.
  virtual std::string changes_value(const ColumnShape& column, const table::Field& field) const = 0;
  /// A statement that fails where a row of `table` meets the condition; `words` say what is wrong then.
  virtual std::string fail_where(const std::string& table, const std::string& condition,
                                 std::string_view words) const = 0;
  virtual std::string drop_primary_key(const std::string& name) const = 0;
  virtual std::string drop_unique_key(const std::string& name) const = 0;
  virtual std::string drop_reference(const std::string& name) const = 0;
  /// FOREIGN KEY ... of a table in `space`.
  virtual std::string reference(const table::TableSchema& schema, const table::ForeignKey& key,
                                const std::string& space) const = 0;
  /// What a script begins with, so that its statements mean in any client what they mean to rowgate.
  virtual std::string script_head(const std::string& own_space) const = 0;
  /// Why no row of such a table could ever be stored; empty = it can, or the server itself says so when the
  /// table is made.
  virtual std::string why_too_wide(const table::TableSchema&) const { return ""; }
  virtual std::string_view key_text() const = 0;   ///< type of a text of rowgate's own that can be a key
  virtual std::string_view long_text() const = 0;  ///< and of any other
};

/// How patient a database is.
struct Patience {
  std::chrono::milliseconds lock_wait = std::chrono::seconds(10);
  std::chrono::milliseconds first_retry = std::chrono::milliseconds(100);  ///< then twice as long, and so on
  /// How long the server may say nothing: to one statement of a load, and to any other.
  std::chrono::milliseconds load_silence = std::chrono::hours(1), silence = std::chrono::minutes(1);
};

enum class Access : std::uint8_t { Write, Read };

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const ServerDialect& dialect() const = 0;
  /// The space that the connection is in: a database of the MySQL family, a schema of PostgreSQL.
  virtual const std::string& own_space() const = 0;
  virtual std::string describe() const = 0;
  /// A session on which the server may say nothing for the engine's `silence`.
  virtual Result<std::unique_ptr<Session>> connect(Access access) const = 0;
  /// Nobody waits for the server any more, on whatever session.
  virtual void stop_waiting() const = 0;
  /// Runs a query in a transaction that only reads. The cursor keeps the session.
  virtual Result<std::unique_ptr<Cursor>> open_cursor(std::unique_ptr<Session> session,
                                                      const Query& query) const = 0;
  virtual Result<std::string> version(Session& session) const = 0;

  /// Takes the locks (names of at most 64 bytes) for the transaction that begin() began, waiting for each up
  /// to `wait`; table.busy then.
  virtual Result<void> begin(Session& session) const = 0;
  virtual Result<void> lock(Session& session, std::span<const std::string> names,
                            std::chrono::milliseconds wait) const = 0;
  /// Gives back what ends neither with the transaction nor, at once, with the session.
  virtual void unlock(Session& session) const = 0;
  /// Whether nobody holds the lock of this name.
  virtual Result<bool> is_free(Session& session, const std::string& name) const = 0;
  /// Tables can be made, renamed and dropped within a transaction.
  virtual bool ddl_is_transactional() const = 0;

  /// The table of that name in upper or lower case, as it is stored.
  virtual Result<std::optional<TableName>> stored_name(Session& session, const TableName& table) const = 0;
  /// All tables of a space that begin with `prefix`; views not.
  virtual Result<std::vector<std::string>> table_names(Session& session, const std::string& space) const = 0;
  /// A table that was made as `was` has its final name now: so get its constraints.
  virtual Result<void> name_constraints(Session&, const TableName&, std::string_view /*was*/) const {
    return {};
  }
  virtual Result<bool> is_view(Session& session, const TableName& table) const = 0;
  virtual Result<Shape> shape_of(Session& session, const TableName& table) const = 0;
  /// The names of what may keep rows out of the table: triggers, and on PostgreSQL rules and policies.
  virtual Result<std::vector<std::string>> triggers_of(Session& session, const TableName& table) const = 0;
  /// Foreign keys of other tables that refer to this one.
  virtual Result<std::vector<Reference>> references_to(Session& session, const TableName& table) const = 0;
  /// The table has what a new one in its place would lose, foreign keys of other tables aside: triggers,
  /// indexes, rights of other hands and whatever hangs on the table itself and not on its name.
  virtual Result<bool> has_dependents(Session& session, const TableName& table) const = 0;
  virtual bool fits(const ColumnShape& column, const table::Field& field, bool in_key) const = 0;
  /// Whether values of the field can be looked up in this column of a parent, byte by byte.
  virtual bool fits_parent(const ColumnShape& column, const table::Field& field) const = 0;
  /// What stands behind the column's name where its own collation is not asked.
  virtual std::string_view by_bytes(const ColumnShape& column) const = 0;
  /// Rows of three texts that tell what is declared in the own space: kind ("table" for tables), name, text.
  virtual std::string declarations_sql() const = 0;

  /// From here to end_merge() foreign keys, of the table itself and of `children`, do not hinder taking rows
  /// out and putting them in, in whatever order.
  virtual Result<void> begin_merge(Session& session, std::span<const Reference> children) const = 0;
  virtual Result<void> end_merge(Session& session, std::span<const Reference> children) const = 0;
};

/// Whether the server says anything to a new session, be it a refusal, for which it may take the time of a
/// login.
bool still_answers(const Engine& engine, std::chrono::milliseconds silence);

}  // namespace rowgate::db::server

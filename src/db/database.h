#pragma once

#include "base/error.h"
#include "db/link_ledger.h"
#include "db/run_record.h"
#include "io/external_sorter.h"
#include "table/checker.h"
#include "table/schema.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rowgate::db {

/// A table as named everywhere. `space` is the SQL schema or database it lies in; empty = the connection's
/// own (the only one on SQLite).
struct TableName {
  std::string space = {};
  std::string name;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

enum class Mode : std::uint8_t { Append, Replace, Upsert };
std::string_view name(Mode mode);  ///< "append", ...

/// A record that the keys in the database refuse (stages 4 and 5). Ordered by line. Its value is read again
/// from the file.
struct KeyFinding {
  std::uint64_t line = 0, record = 0, offset = 0, length = 0;
  Code code = Code::KeyDuplicateInTable;  ///< KeyDuplicateInTable (primary key), KeyNotUnique, KeyNoParent
  /// KeyNoParent: index into foreign_keys. KeyNotUnique: into unique_keys; behind their end, of an index that
  /// the schema does not know, how far is the field that it begins with.
  std::uint32_t key = 0;
  bool operator<(const KeyFinding& other) const {
    return line != other.line ? line < other.line : code != other.code ? code < other.code : key < other.key;
  }
};
using KeyFindings =
    io::ExternalSorter<KeyFinding>;  ///< finished; next() gives them by line; a line may have several

/// Where a load goes.
struct LoadTarget {
  TableName table;
  const table::TableSchema* schema = nullptr;  ///< outlives the transaction
  Mode mode = Mode::Append;
  bool enforce_keys = false;      ///< keys: enforce = foreign keys become constraints of the database
  bool database_checks = false;   ///< checks: database = CHECK constraints repeat the schema's rules
  std::filesystem::path scratch;  ///< folder for work that does not fit in memory
  std::string run_id;             ///< names the staging table
  /// Fields that the file lacks. An upsert leaves them alone in the rows that the table has; else they are
  /// null. Never a required one, of the primary key or a part of another key in an upsert.
  std::vector<std::size_t> absent = {};
  std::stop_token stop = {};  ///< ends a settle() that takes long, with run.interrupted
};

/// Whether an upsert sets the field in rows that the table has.
bool is_set_by_upsert(const LoadTarget& target, std::size_t field);
/// The database's own counts do not add up: a row that rowgate wrote is nowhere. database.rows_missing.
Error rows_missing(std::string_view table, std::string words, const std::vector<std::string>& triggers);

/// With `keys: enforce` a table refers to its parents by constraints: one that does not exist is
/// table.unknown.
Error missing_parent(const LoadTarget& target, const table::ForeignKey& key);

/// A load found its own row in the ledger: it was committed, or settled as failed, while nobody knew. What
/// Ledger::record() returns is the truth.
Error run_is_there(const RunRecord& run);
/// The answer to the commit of this run was lost, and the database did not come back.
Error undecided(const RunRecord& run, const Error& lost);

/// What a sink has done with the rows given to it; known after settle().
struct SinkCounts {
  std::uint64_t written = 0;                ///< inserted + updated
  std::uint64_t inserted = 0, updated = 0;  ///< as the database counted them, statement by statement
  std::uint64_t refused = 0;                ///< distinct records among the findings
};

/// Takes checked rows into one table of a Transaction. Not thread safe.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Rows in file order, without records that stages 1 to 3 refused.
  virtual Result<void> write(const table::CheckedBatch& batch) = 0;
  /// Says that the primary key does not ascend in the file, so that a sink may sort before it writes. Before
  /// or between writes.
  virtual void expect_unordered(std::uint64_t file_bytes) = 0;
  /// After the last write: judges stages 4 and 5 to the end and puts the table into its final form. The
  /// findings live as long as the sink. Fails with key.has_children (a merging replace would leave children
  /// without parent; message names up to 20 keys), database.refused (our bug), storage.full.
  virtual Result<KeyFindings*> settle() = 0;
  virtual SinkCounts counts() const = 0;
};

/// One atomic change: rows of several tables and the ledger's rows. Dropped without commit: rolled back,
/// nothing is left.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// The table's schema (create, when missing) and a sink for it. Fails with table.differs when the table in
  /// the database is not as `target.schema` says (append, upsert, merging replace), config.invalid for an
  /// upsert without primary key or a foreign key to columns that do not exist. A parent table that does not
  /// exist counts as empty; under `keys: enforce` it is table.unknown.
  virtual Result<std::unique_ptr<Sink>> open_sink(const LoadTarget& target) = 0;
  /// Version that the table will have / has: number of committed runs. 0 for a table never loaded.
  virtual Result<std::uint64_t> table_version(const TableName& table) = 0;
  /// Begins a part of the transaction that undo_part() takes back; parts do not nest, a new one keeps the
  /// last.
  virtual Result<void> begin_part() = 0;
  /// Takes back all that sinks did since begin_part(), tables that they made included. They must be gone.
  virtual Result<void> undo_part() = 0;
  /// The run that has this idempotency key by now. The tables' locks are held, so no other load of the same
  /// request can commit between this answer and the end of the transaction.
  virtual Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) = 0;
  /// Inserts the records into the ledger (`version_after` of each becomes its table's version) and commits.
  /// Fails with run.idempotency_in_progress where another run has the idempotency key of one, run.undecided
  /// where the answer to the commit was lost and the database did not come back: only Ledger::record() knows
  /// then whether it happened. After any other error nothing was committed, and nothing will be.
  virtual Result<void> commit(std::span<const RunRecord> records) = 0;
};

using Value = std::variant<std::monostate, std::int64_t, double, std::string, bool>;

struct Query {
  std::string sql;
  std::vector<std::pair<std::string, Value>> params = {};  ///< bound to :name
  std::chrono::milliseconds timeout{60'000};
  bool with_versions = false;  ///< the cursor tells table_versions()
  /// Once asked for, the statement ends at the server too, and the cursor fails with run.interrupted.
  std::stop_token stop = {};
};

/// A value of a result row; text (or bytes, of a binary value) is valid until the next step. Decimal: a
/// number that was computed, by its exact digits. The decimals of a table's column come as Text, with all
/// their places.
struct ResultCell {
  enum class Kind : std::uint8_t { Null, Integer, Real, Text, Bytes, Decimal } kind = Kind::Null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text = {};
};

/// Rows of a query, one at a time, in bounded memory. Not thread safe; must not outlive its Database.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual const std::vector<std::string>& columns() const = 0;
  /// The next row, or false at the end. Fails with report.timeout, report.bad_sql, run.interrupted,
  /// database.*.
  virtual Result<bool> next(std::vector<ResultCell>& row) = 0;
  /// LinkLedger::table_versions() of the very snapshot and server that the rows are read from; empty where
  /// the query did not ask for them, or that server has no ledger.
  virtual std::string table_versions() const { return {}; }
};

/// Text only, no connection.
class SqlDialect {
 public:
  virtual ~SqlDialect() = default;
  virtual std::string quote(std::string_view identifier) const = 0;
  /// `"space"."name"`, or the name alone for a table of the connection's own space.
  std::string quote(const TableName& table) const {
    return table.space.empty() ? quote(table.name) : quote(table.space) + "." + quote(table.name);
  }
  virtual std::string type_name(const table::Field& field) const = 0;
  /// CREATE TABLE of a schema (product's type mapping), one statement ending in ";\n".
  virtual std::string create_table(const TableName& table, const table::TableSchema& schema,
                                   bool enforce_keys, bool database_checks) const = 0;
};

/// To count the rows of a table takes all engines a walk through it.
enum class Rows : std::uint8_t { Counted, NotCounted };

/// A table that exists.
struct TableState {
  TableName table;
  std::uint64_t rows = 0;  ///< 0 where they were not counted
  std::uint64_t version = 0;
  std::optional<std::string> schema_json = {};  ///< as kept in rowgate_schema, when rowgate made the table
};

/// Reads and writes of the ledger outside of a load. A database without ledger has no runs.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Newest first; of runs older than `before` (an id) where given.
  virtual Result<std::vector<RunRecord>> runs(const std::optional<TableName>& of_table, std::size_t limit,
                                              const std::optional<std::string>& before = {}) = 0;
  /// Runs whose id begins with `prefix` (with or without "run_", any case), at most 20.
  virtual Result<std::vector<RunRecord>> find(std::string_view prefix) = 0;
  /// Inserts the row of a run that ended without loading (failed, interrupted, a dry run) and returns the row
  /// that the ledger has of its id then: `run`, or one that was there before. That one is the truth, and
  /// nothing ever replaces it: the commit whose answer was lost did happen.
  ///
  /// This settles an unknown outcome, which a mere look at the ledger cannot do, since a delayed COMMIT may
  /// still arrive. A load inserts its own row before it sends COMMIT, so while its transaction is open this
  /// INSERT waits for it; once `run` is in, that transaction is gone and its COMMIT can do nothing.
  ///
  /// Never waits for a load: table.busy while one holds the database's lock, or has its outcome not settled.
  /// Fails with run.idempotency_in_progress where another run has its idempotency key, database.*.
  virtual Result<RunRecord> record(const RunRecord& run) = 0;
  /// Replaces the warnings of a run that the ledger has: its file could not be kept. Nothing else of a row
  /// ever changes.
  virtual Result<void> set_warnings(const RunRecord& run) = 0;
  /// The run under this idempotency key (whatever its fingerprint), created at `since` or later. Older runs
  /// lose their key to a new one.
  virtual Result<std::optional<RunRecord>> find_by_key(const Idempotency& key, Timestamp since) = 0;
  /// A committed load of the same bytes into the same table, newest first.
  virtual Result<std::optional<std::string>> find_same_file(const TableName& table,
                                                            std::string_view sha256) = 0;
};

/// A database. Thread safe: every call may come from any thread; transactions are taken one at a time.
class Database {
 public:
  virtual ~Database() = default;
  /// Waits up to `lock_wait` for other writers, then table.busy. Creates the database when missing.
  /// Fails with database.unreachable, database.read_only.
  virtual Result<std::unique_ptr<Transaction>> begin(std::span<const TableName> tables) = 0;
  /// A transaction that can only be dropped: for validate and dry runs, exactly as a load would judge. A
  /// database that does not exist counts as empty and is not made. commit() fails with internal.error.
  virtual Result<std::unique_ptr<Transaction>> begin_dry_run(std::span<const TableName> tables) = 0;
  /// One read-only statement on a read-only connection. Fails with report.bad_sql (not one statement, would
  /// write, does not compile; unknown or missing parameter), report.timeout, database.unreachable (no such
  /// file).
  virtual Result<std::unique_ptr<Cursor>> query(const Query& query) = 0;
  /// All but rowgate's own; none when the database does not exist.
  virtual Result<std::vector<TableState>> tables(Rows rows) = 0;
  /// The table of that name in upper or lower case; the state has the name as it is stored.
  virtual Result<std::optional<TableState>> table(const TableName& table, Rows rows) = 0;
  /// Without its number of rows.
  Result<std::optional<TableState>> table(const TableName& name) { return table(name, Rows::NotCounted); }
  /// Tables that loads made for themselves (`__rg_*`) and that no load in progress needs any more.
  virtual Result<std::vector<TableName>> left_overs() = 0;
  /// Where the table in the database differs from `schema`, in words; empty = equal or no such table.
  virtual Result<std::vector<std::string>> differences(const LoadTarget& target) = 0;
  /// The SQL that would make the table as `target.schema` says, for somebody else to run: a CREATE TABLE
  /// where there is none, else what changes it; empty = nothing is to be done. Changes nothing itself.
  virtual Result<std::vector<std::string>> plan(const LoadTarget& target) = 0;
  virtual Ledger& ledger() = 0;
  virtual LinkLedger& links() = 0;
  virtual const SqlDialect& dialect() const = 0;
  /// What a script of such SQL begins with, so that it means in any client what it means here.
  virtual std::string script_head() const = 0;
  /// Where it is, the same text for every process that means the same place: an absolute path, or a server's
  /// address and database. Never a secret.
  virtual std::string place() const = 0;
  /// The random id that a database carries in its ledger since a load first wrote there; empty before that.
  /// Fails with database.*.
  virtual Result<std::string> identity() = 0;
  virtual std::string describe() const = 0;          ///< "sqlite ./data/rowgate.db", never with a secret
  virtual Result<std::string> server_version() = 0;  ///< "SQLite 3.40.1"
  virtual bool exists() const = 0;
  /// How many transactions can be open at once; more would only wait for each other.
  virtual unsigned writers() const = 0;
  /// From now on nobody waits for an answer of the database: what waits fails with database.unreachable, and
  /// so does what comes later. For a program that must end though the database is silent.
  virtual void stop_waiting() {}
};

}  // namespace rowgate::db

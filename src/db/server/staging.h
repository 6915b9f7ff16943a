#pragma once

#include "db/server/engine.h"
#include "db/server/row_log.h"
#include "db/server/tables.h"

#include <stop_token>

namespace rowgate::db::server {

/// `a = b AND c = d` over pairs of SQL expressions.
std::string equal_all(std::span<const std::string> left, std::span<const std::string> right);
/// The quoted names of some fields, each behind `prefix`.
std::vector<std::string> quoted_names(const SqlDialect& dialect, const table::TableSchema& schema,
                                      std::span<const std::size_t> fields, std::string_view prefix = "");
/// The same for names.
std::vector<std::string> quoted_names(const SqlDialect& dialect, std::span<const std::string> names,
                                      std::string_view prefix = "");
/// 0, 1, 2, ...
std::vector<std::size_t> all_fields(const table::TableSchema& schema);

/// A temporary table that holds the rows of a load with the places of their records: rg_line is its key, then
/// rg_record, rg_offset, rg_length, rg_refused (the round that refused the row; null = none), and the fields
/// as c0, c1, ... of their own types.
class Staging {
 public:
  Staging(Session& session, const ServerDialect& dialect, const table::TableSchema& schema,
          std::string prefix)
      : session_(&session), dialect_(&dialect), schema_(&schema), prefix_(std::move(prefix)) {}
  /// Makes it and fills it. Fails with run.interrupted when `stop` is asked for.
  Result<void> fill(const RowLog& log, const std::stop_token& stop);
  /// Notes the rows that `from_where` (SQL, with the table as `s`) picks, until refuse() is called.
  Result<void> find(const std::string& from_where, Code code, std::size_t key);
  /// The rows noted since the last call become findings and get `round` as their rg_refused. How many.
  Result<std::uint64_t> refuse(int round, KeyFindings& findings);
  /// A temporary table beside it of the keys that rows of the file can refer to: rg_line, rg_refused, k0, ...
  Result<std::string> make_keys(std::size_t number, std::span<const std::size_t> fields);

  std::string table() const { return dialect_->quote(prefix_ + "_s"); }
  /// s.c3 and so on.
  std::vector<std::string> columns(std::span<const std::size_t> fields) const;

 private:
  std::string found() const { return dialect_->quote(prefix_ + "_f"); }
  Session* session_;
  const ServerDialect* dialect_;
  const table::TableSchema* schema_;
  std::string prefix_;
  std::vector<std::string> key_tables_;
};

/// What staged rows are judged against.
struct SetQuestion {
  const table::TableSchema& schema;
  TableName self;
  std::optional<std::string>
      rows;             ///< quoted table with the rows as before the load; absent: against nothing
  bool update = false;  ///< upsert: rows of the same primary key do not count against a record
};

/// Judges stages 4 and 5 for all staged rows as a set. Refused rows are marked in `staging`. Returns how
/// many.
Result<std::uint64_t> judge_as_set(const ServerDialect& dialect, const Tables& tables,
                                   const SetQuestion& question, Staging& staging, KeyFindings& findings);

/// The columns that a foreign key of `schema` refers to, quoted behind "p.", as a comparison by bytes wants
/// them. config.invalid where the parent does not have them, table.differs where they cannot be compared.
Result<std::vector<std::string>> parent_columns(const Tables& tables, const TableName& parent,
                                                const table::TableSchema& schema,
                                                const table::ForeignKey& key);

}  // namespace rowgate::db::server

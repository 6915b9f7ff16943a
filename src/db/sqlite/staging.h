#pragma once

#include "db/sqlite/row.h"

#include <functional>

namespace rowgate::db::sqlite {

/// A temporary table that holds rows of a load with the places of their records: column rg_line is its key,
/// then rg_record, rg_offset, rg_length, rg_refused (the round that refused the row; null = none), and the
/// schema's fields as c0, c1, ...  It lies in a file of SQLite's own, which is gone with the connection.
class Staging {
 public:
  static Result<Staging> make(const Connection& connection, const table::TableSchema& schema,
                              const std::string& run_id);
  Result<void> add(const Row& row);
  /// Every row that is not refused, in `order` (SQL, "rg_line"); its cells live until the visitor returns.
  Result<void> each(const std::string& order, const std::function<Result<void>(const Row&)>& visit) const;
  /// Adds findings for the rows that `from_where` (SQL, with the table as `s`) picks, and remembers the rows
  /// until refuse() is called.
  Result<void> find(const std::string& from_where, Code code, std::size_t key, KeyFindings& findings);
  /// The rows found since the last call get `round` as their rg_refused. How many.
  Result<std::uint64_t> refuse(int round);

  /// "s.c2, s.c0"
  std::string order_by(std::span<const std::size_t> fields) const;
  const std::string& table() const { return table_; }  ///< quoted, with its database
  /// s.c3 and so on.
  std::vector<std::string> columns(std::span<const std::size_t> fields) const;
  Result<void> make_index(std::span<const std::size_t> fields) const;

 private:
  Staging(const Connection& connection, std::size_t fields, std::string name);

  const Connection* connection_;
  std::size_t fields_;
  std::string name_, table_;
  Statement insert_, found_;
};

}  // namespace rowgate::db::sqlite

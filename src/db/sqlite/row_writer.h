#pragma once

#include "db/sqlite/parents.h"
#include "db/sqlite/row.h"

namespace rowgate::db::sqlite {

/// What a load does to the table, as far as single rows are concerned.
struct Destination {
  std::string table;        ///< quoted, with its database: main."jobs"
  std::string name;         ///< for messages and the catalog: jobs
  bool judge_keys = false;  ///< the table may hold other rows of the same keys (append)
  bool update = false;      ///< a row of the same primary key is updated (upsert)
  bool judge_parents = true;
  bool judge_other_indexes = false;          ///< the table has unique indexes that the schema does not know
  std::vector<std::size_t> left_alone = {};  ///< fields that an update does not set
};

/// Puts rows into the table one by one and judges stages 4 and 5 on the way: as long as no row of a load can
/// be the parent of another or set free a unique key for it, that gives the same verdicts as judging them as
/// a set.
class RowWriter {
 public:
  static Result<RowWriter> make(const Connection& connection, const table::TableSchema& schema,
                                Destination destination);
  /// Writes the row, or adds its findings. True when written.
  Result<bool> write(const Row& row, KeyFindings& findings);
  std::uint64_t inserted() const { return inserted_; }
  std::uint64_t updated() const { return updated_; }

 private:
  RowWriter(const Connection& connection, const table::TableSchema& schema, Destination destination)
      : connection_(&connection), schema_(&schema), destination_(std::move(destination)) {}
  Result<void> prepare();
  Result<bool> has_parents(const Row& row);
  Result<void> add_parent_findings(const Row& row, KeyFindings& findings);
  /// Findings for the keys that the table has already; how many.
  Result<std::size_t> add_key_findings(const Row& row, KeyFindings& findings);
  Result<bool> insert(const Row& row);
  Error missing(const Row& row) const;
  /// A finding where a unique index that the schema does not know has refused the last statement, or refuses
  /// an INSERT of the row now.
  Result<bool> add_index_finding(const Row& row, KeyFindings& findings);
  bool was_not_unique() const;
  KeyFinding index_finding(const Row& row) const;
  /// Whether there is a row of the same primary key, which then has the new values.
  Result<bool> update(const Row& row);

  const Connection* connection_;
  const table::TableSchema* schema_;
  Destination destination_;
  Statement probe_;            ///< an INSERT that says why it fails
  Statement insert_, update_;  ///< the latter only looks for the row where there is nothing to set
  std::vector<std::size_t> all_fields_, set_fields_;  ///< set: by an update
  struct Key {
    std::vector<std::size_t> fields;
    Code code;
    std::size_t index;
    Statement select;
  };
  std::vector<Key> keys_;
  struct Parent {
    std::size_t index;
    ParentLookup lookup;
  };
  std::vector<Parent> parents_;
  std::uint64_t inserted_ = 0, updated_ = 0;
};

}  // namespace rowgate::db::sqlite

#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::server {
namespace {

class SetJudge {
 public:
  SetJudge(const ServerDialect& dialect, const Tables& tables, const SetQuestion& question, Staging& staging,
           KeyFindings& findings)
      : dialect_(dialect),
        tables_(tables),
        question_(question),
        schema_(question.schema),
        staging_(staging),
        findings_(findings) {}

  Result<std::uint64_t> judge() {
    std::uint64_t refused = 0;
    if (question_.rows) {
      TRY(find_known_keys());
      TRY_ASSIGN(refused, staging_.refuse(1, findings_));
    }
    TRY(prepare_parents());
    for (std::size_t i = 0; i < schema_.foreign_keys.size(); ++i) TRY(find_without_parent(i));
    // A record whose parent was refused is refused too, and so on; each round looks at the last one's
    // children only.
    for (int round = 2;; ++round) {
      TRY_ASSIGN(const std::uint64_t more, staging_.refuse(round, findings_));
      refused += more;
      if (more == 0) return refused;
      for (std::size_t i = 0; i < schema_.foreign_keys.size(); ++i)
        if (is_self(schema_.foreign_keys[i])) TRY(find_children_of(round, i));
    }
  }

 private:
  bool is_self(const table::ForeignKey& key) const { return key.table == question_.self.name; }

  std::vector<std::size_t> parent_fields(const table::ForeignKey& key) const {
    std::vector<std::size_t> fields;
    for (const std::string& name : key.parent_fields) fields.push_back(*schema_.index_of(name));
    return fields;
  }

  Result<void> find_known_key(const std::vector<std::size_t>& fields, Code code, std::size_t index) {
    std::string condition =
        equal_all(quoted_names(dialect_, schema_, fields, "t."), staging_.columns(fields));
    if (question_.update)
      condition +=
          fmt::format(" AND NOT ({})", equal_all(quoted_names(dialect_, schema_, schema_.primary_key, "t."),
                                                 staging_.columns(schema_.primary_key)));
    return staging_.find(fmt::format("FROM {} AS s WHERE EXISTS (SELECT 1 FROM {} AS t WHERE {})",
                                     staging_.table(), *question_.rows, condition),
                         code, index);
  }

  Result<void> find_known_keys() {
    if (!schema_.primary_key.empty() && !question_.update)
      TRY(find_known_key(schema_.primary_key, Code::KeyDuplicateInTable, 0));
    for (std::size_t i = 0; i < schema_.unique_keys.size(); ++i)
      TRY(find_known_key(schema_.unique_keys[i], Code::KeyNotUnique, i));
    return {};
  }

  Result<void> prepare_parents() {
    for (std::size_t i = 0; i < schema_.foreign_keys.size(); ++i) {
      const table::ForeignKey& key = schema_.foreign_keys[i];
      keys_.emplace_back();
      if (is_self(key)) {
        parents_.push_back(quoted_names(dialect_, key.parent_fields, "p."));
        TRY_ASSIGN(keys_.back(), staging_.make_keys(i, parent_fields(key)));
        continue;
      }
      const TableName parent{question_.self.space, key.table};
      TRY_ASSIGN(const std::optional<std::string> exists, tables_.find(parent));
      parents_.emplace_back();
      if (!exists) continue;
      TRY_ASSIGN(parents_.back(), parent_columns(tables_, parent, schema_, key));
    }
    if (!question_.update || !question_.rows || !refers_to_itself()) return {};

    // A row that the file updates is a parent by its new keys only.
    TRY_ASSIGN(const std::string updated,
               staging_.make_keys(schema_.foreign_keys.size(), schema_.primary_key));
    stays_ = fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS u WHERE {} AND u.rg_refused IS NULL)", updated,
                         equal_all(key_columns(schema_.primary_key.size(), "u."),
                                   quoted_names(dialect_, schema_, schema_.primary_key, "p.")));
    return {};
  }

  bool refers_to_itself() const {
    return std::ranges::any_of(schema_.foreign_keys,
                               [this](const table::ForeignKey& key) { return is_self(key); });
  }

  static std::vector<std::string> key_columns(std::size_t count, std::string_view prefix) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}k{}", prefix, i));
    return names;
  }

  /// Conditions on `s` that hold for a row whose foreign key refers to something, but not in the database.
  Result<std::string> no_parent_in_database(std::size_t index) {
    const table::ForeignKey& key = schema_.foreign_keys[index];
    const std::vector<std::string> columns = staging_.columns(key.fields);
    std::string where;
    for (const std::string& column : columns) where += fmt::format(" AND {} IS NOT NULL", column);
    std::optional<std::string> parent = question_.rows;
    if (!is_self(key)) {
      TRY_ASSIGN(parent, tables_.find({question_.self.space, key.table}));
    }
    if (parent)
      where += fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}{})", *parent,
                           equal_all(parents_[index], columns), is_self(key) ? stays_ : "");
    return where;
  }

  Result<void> find_without_parent(std::size_t index) {
    const table::ForeignKey& key = schema_.foreign_keys[index];
    TRY_ASSIGN(std::string where, no_parent_in_database(index));
    if (is_self(key))
      where += fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS k WHERE {} AND k.rg_refused IS NULL)",
                           keys_[index],
                           equal_all(key_columns(key.fields.size(), "k."), staging_.columns(key.fields)));
    return staging_.find(fmt::format("FROM {} AS s WHERE s.rg_refused IS NULL{}", staging_.table(), where),
                         Code::KeyNoParent, index);
  }

  /// Rows whose parent within the file was refused in `round`. What is referred to is a key, so no other row
  /// of the file can take its place.
  Result<void> find_children_of(int round, std::size_t index) {
    const table::ForeignKey& key = schema_.foreign_keys[index];
    TRY_ASSIGN(const std::string where, no_parent_in_database(index));
    return staging_.find(
        fmt::format("FROM {} AS k JOIN {} AS s ON {} WHERE k.rg_refused = {} AND s.rg_refused IS NULL{}",
                    keys_[index], staging_.table(),
                    equal_all(staging_.columns(key.fields), key_columns(key.fields.size(), "k.")), round,
                    where),
        Code::KeyNoParent, index);
  }

  const ServerDialect& dialect_;
  const Tables& tables_;
  const SetQuestion& question_;
  const table::TableSchema& schema_;
  Staging& staging_;
  KeyFindings& findings_;
  std::string stays_;              ///< condition on `p`: a row of the table that the file does not update
  std::vector<std::string> keys_;  ///< tables of make_keys(), by foreign key
  std::vector<std::vector<std::string>> parents_;  ///< columns to compare with, likewise
};

}  // namespace

Result<std::uint64_t> judge_as_set(const ServerDialect& dialect, const Tables& tables,
                                   const SetQuestion& question, Staging& staging, KeyFindings& findings) {
  return SetJudge(dialect, tables, question, staging, findings).judge();
}

Result<std::vector<std::string>> parent_columns(const Tables& tables, const TableName& parent,
                                                const table::TableSchema& schema,
                                                const table::ForeignKey& key) {
  const Engine& engine = tables.engine();
  std::vector<std::string> out = quoted_names(engine.dialect(), key.parent_fields, "p.");
  const auto missing = [&] {
    return fail(Code::ConfigInvalid,
                fmt::format("the parent table `{}` has no column ({}) to refer to", key.table,
                            fmt::join(key.parent_fields, ", ")),
                "correct the foreign key's reference, or the parent table");
  };
  TRY_ASSIGN(const std::optional<Shape> shape, tables.shape_of(parent));
  if (!shape) {
    TRY_ASSIGN(const std::vector<std::string> columns, tables.columns_of(parent));
    for (const std::string& name : key.parent_fields)
      if (std::ranges::find(columns, name) == columns.end()) return missing();
    return out;
  }

  for (std::size_t i = 0; i < key.parent_fields.size(); ++i) {
    const auto column = std::ranges::find(shape->columns, key.parent_fields[i], &ColumnShape::name);
    if (column == shape->columns.end()) return missing();
    const table::Field& field = schema.fields[key.fields[i]];
    if (!engine.fits_parent(*column, field))
      return fail(
          Code::TableDiffers,
          fmt::format("`{}` refers to `{}.{}`, which is {} in the database: a value of type {} cannot be "
                      "looked up there byte by byte",
                      field.name, key.table, column->name,
                      column->collation.empty() ? column->type : column->type + " " + column->collation,
                      engine.dialect().type_name(field)),
          "change the parent's column or the schema");
    out[i] += engine.by_bytes(*column);
  }
  return out;
}

}  // namespace rowgate::db::server

#include "db/sqlite/set_judge.h"

#include "db/sqlite/catalog.h"
#include "db/sqlite/parents.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

std::vector<std::string> prefixed(std::string_view prefix, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) out.push_back(fmt::format("{}{}", prefix, name));
  return out;
}

class SetJudge {
 public:
  SetJudge(const Connection& connection, const SetQuestion& question, Staging& staging, KeyFindings& findings)
      : connection_(connection),
        question_(question),
        schema_(question.schema),
        staging_(staging),
        findings_(findings) {}

  Result<std::uint64_t> judge() {
    std::uint64_t refused = 0;
    if (question_.rows) {
      TRY(find_known_keys());
      TRY_ASSIGN(refused, staging_.refuse(1));
    }
    TRY(prepare_parents());
    for (std::size_t i = 0; i < schema_.foreign_keys.size(); ++i)
      TRY(find("FROM " + staging_.table() + " AS s WHERE s.rg_refused IS NULL", Code::KeyNoParent, i));
    // A record whose parent was refused is refused too, and so on; each round looks at the last one's
    // children only.
    for (int round = 2;; ++round) {
      TRY_ASSIGN(const std::uint64_t more, staging_.refuse(round));
      refused += more;
      if (more == 0) return refused;
      for (std::size_t i = 0; i < schema_.foreign_keys.size(); ++i)
        if (is_self(schema_.foreign_keys[i])) TRY(find(children_of(round, i), Code::KeyNoParent, i));
    }
  }

 private:
  bool is_self(const table::ForeignKey& key) const { return key.table == question_.self; }

  std::vector<std::size_t> parent_fields(const table::ForeignKey& key) const {
    std::vector<std::size_t> fields;
    for (const std::string& name : key.parent_fields) fields.push_back(*schema_.index_of(name));
    return fields;
  }

  Result<void> find_known_key(const std::vector<std::size_t>& fields, Code code, std::size_t index) {
    std::string condition =
        equal_all(prefixed("t.", quoted_names(schema_, fields)), staging_.columns(fields));
    if (question_.update)
      condition +=
          fmt::format(" AND NOT ({})", equal_all(prefixed("t.", quoted_names(schema_, schema_.primary_key)),
                                                 staging_.columns(schema_.primary_key)));
    return staging_.find(fmt::format("FROM {} AS s WHERE EXISTS (SELECT 1 FROM {} AS t WHERE {})",
                                     staging_.table(), *question_.rows, condition),
                         code, index, findings_);
  }

  Result<void> find_known_keys() {
    if (!schema_.primary_key.empty() && !question_.update)
      TRY(find_known_key(schema_.primary_key, Code::KeyDuplicateInTable, 0));
    for (std::size_t i = 0; i < schema_.unique_keys.size(); ++i)
      TRY(find_known_key(schema_.unique_keys[i], Code::KeyNotUnique, i));
    return {};
  }

  Result<void> prepare_parents() {
    for (const table::ForeignKey& key : schema_.foreign_keys) {
      if (!is_self(key)) {
        TRY(ParentLookup::make(connection_, key));  // for its complaint about a missing column
        continue;
      }
      TRY(staging_.make_index(parent_fields(key)));
      TRY(staging_.make_index(key.fields));
      if (question_.update) TRY(staging_.make_index(schema_.primary_key));
    }
    return {};
  }

  std::string children_of(int round, std::size_t index) const {
    const table::ForeignKey& key = schema_.foreign_keys[index];
    std::vector<std::string> gone = staging_.columns(parent_fields(key));
    for (std::string& name : gone) name = "g" + name.substr(1);  // s.c0 as g.c0
    return fmt::format(
        "FROM {0} AS g CROSS JOIN {0} AS s WHERE g.rg_refused = {1} AND s.rg_refused IS NULL AND {2}",
        staging_.table(), round, equal_all(staging_.columns(key.fields), gone));
  }

  /// The rows of `from_where` without a parent by foreign key `index`.
  Result<void> find(std::string from_where, Code code, std::size_t index) {
    const table::ForeignKey& key = schema_.foreign_keys[index];
    const std::vector<std::string> columns = staging_.columns(key.fields);
    for (const std::string& column : columns) from_where += fmt::format(" AND {} IS NOT NULL", column);
    std::vector<std::string> names;
    for (const std::string& name : key.parent_fields) names.push_back("p." + quote_name(name));
    const auto without = [&](const std::string& table) {
      from_where +=
          fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})", table, equal_all(names, columns));
    };
    if (!is_self(key)) {
      TRY_ASSIGN(const bool exists, has_table(connection_, key.table));
      if (exists) without("main." + quote_name(key.table));
    } else {
      if (question_.rows && !question_.update) without(*question_.rows);
      // A row that the file updates is a parent by its new keys only.
      if (question_.rows && question_.update) {
        std::vector<std::string> updated = staging_.columns(schema_.primary_key);
        for (std::string& name : updated) name = "u" + name.substr(1);
        from_where += fmt::format(
            " AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS u WHERE {} "
            "AND "
            "u.rg_refused IS NULL))",
            *question_.rows, equal_all(names, columns), staging_.table(),
            equal_all(updated, prefixed("p.", quoted_names(schema_, schema_.primary_key))));
      }
      std::vector<std::string> in_file = staging_.columns(parent_fields(key));
      for (std::string& name : in_file) name = "p" + name.substr(1);
      from_where += fmt::format(" AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {} AND p.rg_refused IS NULL)",
                                staging_.table(), equal_all(in_file, columns));
    }
    return staging_.find(from_where, code, index, findings_);
  }

  const Connection& connection_;
  const SetQuestion& question_;
  const table::TableSchema& schema_;
  Staging& staging_;
  KeyFindings& findings_;
};

}  // namespace

Result<std::uint64_t> judge_as_set(const Connection& connection, const SetQuestion& question,
                                   Staging& staging, KeyFindings& findings) {
  return SetJudge(connection, question, staging, findings).judge();
}

}  // namespace rowgate::db::sqlite

#include "db/sqlite/row_writer.h"

#include "db/sqlite/catalog.h"
#include "db/sqlite/dialect.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::db::sqlite {

Result<RowWriter> RowWriter::make(const Connection& connection, const table::TableSchema& schema,
                                  Destination destination) {
  RowWriter writer(connection, schema, std::move(destination));
  TRY(writer.prepare());
  return writer;
}

Result<void> RowWriter::prepare() {
  for (std::size_t i = 0; i < schema_->fields.size(); ++i) {
    all_fields_.push_back(i);
    const bool is_left = std::ranges::find(destination_.left_alone, i) != destination_.left_alone.end();
    if (!is_left && std::ranges::find(schema_->primary_key, i) == schema_->primary_key.end())
      set_fields_.push_back(i);
  }
  std::string places = "?";
  for (std::size_t i = 1; i < all_fields_.size(); ++i) places += ",?";
  const bool may_conflict =
      destination_.judge_keys || destination_.update || destination_.judge_other_indexes;
  TRY_ASSIGN(insert_, connection_->prepare(fmt::format("INSERT INTO {} ({}) VALUES ({}){}",
                                                       destination_.table, column_list(*schema_), places,
                                                       may_conflict ? " ON CONFLICT DO NOTHING" : "")));
  if (destination_.judge_other_indexes) {
    TRY_ASSIGN(probe_, connection_->prepare(fmt::format("INSERT INTO {} ({}) VALUES ({})", destination_.table,
                                                        column_list(*schema_), places)));
  }
  if (destination_.update) {
    const std::string same = equal_parameters(quoted_names(*schema_, schema_->primary_key));
    std::vector<std::string> sets;
    for (const std::string& name : quoted_names(*schema_, set_fields_)) sets.push_back(name + " = ?");
    const std::string sql = sets.empty() ? fmt::format("SELECT 1 FROM {} WHERE {}", destination_.table, same)
                                         : fmt::format("UPDATE {} SET {} WHERE {}", destination_.table,
                                                       fmt::join(sets, ", "), same);
    TRY_ASSIGN(update_, connection_->prepare(sql));
  }

  const auto add_key = [&](const std::vector<std::size_t>& fields, Code code,
                           std::size_t index) -> Result<void> {
    TRY_ASSIGN(Statement select,
               connection_->prepare(fmt::format("SELECT 1 FROM {} WHERE {}", destination_.table,
                                                equal_parameters(quoted_names(*schema_, fields)))));
    keys_.push_back({fields, code, index, std::move(select)});
    return {};
  };
  if (destination_.judge_keys) {
    if (!schema_->primary_key.empty()) TRY(add_key(schema_->primary_key, Code::KeyDuplicateInTable, 0));
    for (std::size_t i = 0; i < schema_->unique_keys.size(); ++i)
      TRY(add_key(schema_->unique_keys[i], Code::KeyNotUnique, i));
  }
  if (!destination_.judge_parents) return {};
  for (std::size_t i = 0; i < schema_->foreign_keys.size(); ++i) {
    TRY_ASSIGN(ParentLookup lookup, ParentLookup::make(*connection_, schema_->foreign_keys[i]));
    parents_.push_back({i, std::move(lookup)});
  }
  return {};
}

Result<bool> RowWriter::has_parents(const Row& row) {
  for (Parent& parent : parents_) {
    TRY_ASSIGN(const bool found, parent.lookup.has_parent(row.cells));
    if (!found) return false;
  }
  return true;
}

Result<void> RowWriter::add_parent_findings(const Row& row, KeyFindings& findings) {
  for (Parent& parent : parents_) {
    TRY_ASSIGN(const bool found, parent.lookup.has_parent(row.cells));
    if (!found) TRY(findings.add(row.finding(Code::KeyNoParent, parent.index)));
  }
  return {};
}

Result<std::size_t> RowWriter::add_key_findings(const Row& row, KeyFindings& findings) {
  std::size_t count = 0;
  for (Key& key : keys_) {
    if (has_null(row.cells, key.fields)) continue;
    bind_fields(key.select.get(), 1, row.cells, key.fields);
    const Result<bool> found = connection_->step(key.select);
    sqlite3_reset(key.select.get());
    if (!found) return std::unexpected(found.error());
    if (!*found) continue;
    TRY(findings.add(row.finding(key.code, key.index)));
    ++count;
  }
  return count;
}

/// False when a key of the row is in the table already.
Result<bool> RowWriter::insert(const Row& row) {
  bind_fields(insert_.get(), 1, row.cells, all_fields_);
  const int status = sqlite3_step(insert_.get());
  if (status != SQLITE_DONE) {
    Error error = connection_->error(status, "a checked row");
    sqlite3_reset(insert_.get());
    return std::unexpected(std::move(error));
  }
  sqlite3_reset(insert_.get());
  return sqlite3_changes(connection_->get()) == 1;
}

Result<bool> RowWriter::update(const Row& row) {
  bind_fields(update_.get(), 1, row.cells, set_fields_);
  bind_fields(update_.get(), static_cast<int>(set_fields_.size()) + 1, row.cells, schema_->primary_key);
  if (set_fields_.empty()) {
    const Result<bool> found = connection_->step(update_);
    sqlite3_reset(update_.get());
    return found;
  }
  TRY(connection_->finish(update_));
  return sqlite3_changes(connection_->get()) == 1;
}

Result<bool> RowWriter::write(const Row& row, KeyFindings& findings) {
  TRY_ASSIGN(const bool with_parents, has_parents(row));
  if (!with_parents) {  // a record that stage 4 refuses takes no part in stage 5
    TRY_ASSIGN(const std::size_t known_keys, add_key_findings(row, findings));
    if (known_keys == 0) TRY(add_parent_findings(row, findings));
    return false;
  }
  TRY_ASSIGN(const bool is_new, insert(row));
  if (is_new) {
    ++inserted_;
    return true;
  }
  if (destination_.update) {
    Result<bool> is_there = update(row);
    if (!is_there && destination_.judge_other_indexes && was_not_unique()) {
      TRY(findings.add(index_finding(row)));
      return false;
    }
    if (!is_there) return is_there;
    if (*is_there) {
      ++updated_;
      return true;
    }
  } else {
    TRY_ASSIGN(const std::size_t known_keys, add_key_findings(row, findings));
    if (known_keys > 0) return false;
  }
  TRY_ASSIGN(const bool known_index, add_index_finding(row, findings));
  if (!known_index) return std::unexpected(missing(row));
  return false;
}

bool RowWriter::was_not_unique() const {
  return sqlite3_extended_errcode(connection_->get()) == SQLITE_CONSTRAINT_UNIQUE;
}

/// SQLite names the columns of such an index ("UNIQUE constraint failed: jobs.name"), or the index of
/// expressions.
KeyFinding RowWriter::index_finding(const Row& row) const {
  const std::string_view words = sqlite3_errmsg(connection_->get());
  const std::string_view name = words.substr(words.rfind('.') + 1);
  return row.finding(Code::KeyNotUnique, schema_->unique_keys.size() + schema_->index_of(name).value_or(0));
}

Result<bool> RowWriter::add_index_finding(const Row& row, KeyFindings& findings) {
  if (!probe_) return false;
  bind_fields(probe_.get(), 1, row.cells, all_fields_);
  const Result<void> inserted = connection_->finish(probe_);
  if (inserted) return false;
  if (!was_not_unique()) return std::unexpected(inserted.error());
  TRY(findings.add(index_finding(row)));
  return true;
}

/// Something in the database, and no key that rowgate knows, kept the row out.
Error RowWriter::missing(const Row& row) const {
  const Result<std::vector<std::string>> triggers = triggers_of(*connection_, destination_.name);
  return rows_missing(destination_.name,
                      fmt::format("the database did not keep the row of line {}", row.line),
                      triggers.value_or(std::vector<std::string>{}));
}

}  // namespace rowgate::db::sqlite

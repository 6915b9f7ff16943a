#include "db/sqlite/table_sink.h"

#include "base/text.h"
#include "base/units.h"
#include "db/sqlite/dialect.h"
#include "db/sqlite/row_writer.h"
#include "db/sqlite/set_judge.h"
#include "db/sqlite/staging.h"
#include "db/stored_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::db::sqlite {
namespace {

constexpr std::size_t kFindingsBytes = 4 << 20;
/// From this file size on, rows out of key order are sorted before they go into the table's tree.
constexpr std::uint64_t kSortFromBytes = 64 * kMiB;

/// How the rows reach the table.
///
///   Direct  each row at once into the table, or into a new one that is swapped in at the end (replace)
///   Sorted  rows wait in a staging table and go into the table in the order of its primary key
///   Set     rows wait and are judged as a set, then go into the table
///   Merge   as Set, and the table's rows are exchanged in place, since other tables' constraints refer to it
///   (replace)
enum class Way : std::uint8_t { Direct, Sorted, Set, Merge };

class TableSink : public Sink {
 public:
  TableSink(const Connection& connection, const LoadTarget& target)
      : connection_(connection), target_(target), findings_(target.scratch, kFindingsBytes) {}

  Result<void> open();
  Result<void> write(const table::CheckedBatch& batch) override;
  void expect_unordered(std::uint64_t file_bytes) override;
  Result<KeyFindings*> settle() override;
  SinkCounts counts() const override;

 private:
  const table::TableSchema& schema() const { return *target_.schema; }
  bool references_itself() const {
    return std::ranges::any_of(schema().foreign_keys,
                               [&](const table::ForeignKey& key) { return key.table == target_.table.name; });
  }
  std::string own_table() const { return "main." + quote_name(target_.table.name); }
  Result<void> refuse_view() const;
  Result<void> make_table(const std::string& name);
  Result<void> open_way();
  Result<RowWriter> make_writer(bool judge) const;
  Result<void> stage();
  Result<void> put_staged();
  Result<void> empty_table();
  Result<void> swap();
  Result<void> check_children(std::span<const Reference> children);
  std::vector<Reference> own_references() const;
  Result<std::uint64_t> count_lost(std::span<const Reference> children);

  const Connection& connection_;
  LoadTarget target_;
  Way way_ = Way::Direct;
  bool swaps_ = false;              ///< rows go into a new table, fresh_name_
  bool has_other_indexes_ = false;  ///< unique ones that no schema can say
  std::string fresh_name_;
  std::vector<Reference> children_;  ///< constraints of other tables that refer to this one
  std::optional<RowWriter> writer_;
  std::optional<Staging> staging_;
  KeyFindings findings_;
  std::uint64_t given_ = 0, refused_ = 0;
};

Result<void> TableSink::open() {
  if (target_.mode == Mode::Upsert && schema().primary_key.empty())
    return fail(Code::ConfigInvalid,
                fmt::format("the table `{}` has no primary key, which upsert needs", target_.table.name),
                "add primaryKey to its schema, or load in append or replace mode");
  for (const table::ForeignKey& key : schema().foreign_keys) {
    if (!target_.enforce_keys || lower_ascii(key.table) == lower_ascii(target_.table.name)) continue;
    TRY_ASSIGN(const bool has_parent, has_table(connection_, key.table));
    if (!has_parent) return std::unexpected(missing_parent(target_, key));
  }
  for (const table::ForeignKey& key : schema().foreign_keys)
    if (lower_ascii(key.table) != lower_ascii(target_.table.name))
      TRY(check_parent(connection_, schema(), key));
  TRY_ASSIGN(const std::optional<std::string> stored, stored_name(connection_, target_.table.name));
  const bool exists = stored.has_value();
  if (exists) TRY(check_stored_name(target_.table, TableName{.name = *stored}));
  TRY_ASSIGN(children_, references_to(connection_, target_.table.name));
  TRY_ASSIGN(const bool has_parts, has_parts_of_others(connection_, target_.table.name));
  const bool merges = target_.mode == Mode::Replace && exists && (has_parts || !children_.empty());
  if (exists && (target_.mode != Mode::Replace || merges)) {
    TRY_ASSIGN(const std::vector<std::string> found, differences(connection_, target_));
    if (!found.empty())
      return fail(
          Code::TableDiffers,
          fmt::format("the table `{}` in the database is not as its schema says: {}", target_.table.name,
                      fmt::join(found, "; ")),
          merges ? "change the table or the schema; it cannot be made anew while other tables refer to it or "
                   "while "
                   "it has indexes or triggers of its own"
                 : "change the table or the schema, or load in replace mode, which makes the table anew");
  }
  if (!exists) {
    TRY(refuse_view());
    TRY(make_table(target_.table.name));
  }
  swaps_ = target_.mode == Mode::Replace && exists && !merges;
  TRY_ASSIGN(const std::vector<std::string> other_indexes,
             other_unique_indexes(connection_, target_.table.name));
  has_other_indexes_ = !swaps_ && !other_indexes.empty();
  if (swaps_) {
    fresh_name_ = "__rg_" + target_.run_id;
    TRY(make_table(fresh_name_));
  }
  TRY(keep_schema(connection_, target_.table.name, table::to_json(schema())));
  if (merges)
    way_ = Way::Merge;
  else if (references_itself() || (target_.mode == Mode::Upsert && !schema().unique_keys.empty()))
    way_ = Way::Set;
  return open_way();
}

Result<void> TableSink::refuse_view() const {
  TRY_ASSIGN(
      Statement statement,
      connection_.prepare("SELECT 1 FROM main.sqlite_schema WHERE type = 'view' AND lower(name) = lower(?)"));
  statement.bind(1, std::string_view(target_.table.name));
  TRY_ASSIGN(const bool is_view, connection_.step(statement));
  if (!is_view) return {};
  return fail(Code::TableDiffers,
              fmt::format("`{}` is a view in the database, not a table", target_.table.name),
              "load into a table of another name");
}

Result<void> TableSink::make_table(const std::string& name) {
  return connection_.run(
      Dialect().create_table({.name = name}, schema(), target_.enforce_keys, target_.database_checks));
}

Result<void> TableSink::open_way() {
  if (way_ != Way::Direct) return stage();
  TRY_ASSIGN(RowWriter writer, make_writer(true));
  writer_.emplace(std::move(writer));
  return {};
}

Result<RowWriter> TableSink::make_writer(bool judge) const {
  return RowWriter::make(connection_, schema(),
                         {.table = swaps_ ? "main." + quote_name(fresh_name_) : own_table(),
                          .name = target_.table.name,
                          .judge_keys = judge && target_.mode == Mode::Append,
                          .update = target_.mode == Mode::Upsert,
                          .judge_parents = judge,
                          .judge_other_indexes = has_other_indexes_,
                          .left_alone = target_.absent});
}

Result<void> TableSink::stage() {
  TRY_ASSIGN(Staging staging, Staging::make(connection_, schema(), target_.run_id));
  staging_.emplace(std::move(staging));
  return {};
}

void TableSink::expect_unordered(std::uint64_t file_bytes) {
  if (way_ == Way::Direct && file_bytes >= kSortFromBytes && !schema().primary_key.empty())
    way_ = Way::Sorted;
}

Result<void> TableSink::write(const table::CheckedBatch& batch) {
  if (way_ != Way::Direct && !staging_) TRY(stage());
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    const std::uint32_t record = batch.row_record[i];
    const Row row{.cells = batch.row(i),
                  .line = batch.records.line[record],
                  .record = batch.records.first_record + record,
                  .offset = batch.records.offset(record),
                  .length = batch.records.length[record]};
    if (staging_) {
      TRY(staging_->add(row));
      continue;
    }
    TRY_ASSIGN(const bool written, writer_->write(row, findings_));
    if (!written) ++refused_;
  }
  given_ += batch.rows();
  return {};
}

Result<void> TableSink::empty_table() {
  TRY(connection_.run("DELETE FROM " + own_table()));
  TRY_ASSIGN(const std::optional<std::string> left,
             connection_.first_text(fmt::format("SELECT 1 FROM {} LIMIT 1", own_table())));
  if (!left) return {};
  return std::unexpected(
      rows_missing(target_.table.name, "the database kept rows that were to be replaced",
                   triggers_of(connection_, target_.table.name).value_or(std::vector<std::string>{})));
}

Result<void> TableSink::put_staged() {
  if (way_ != Way::Sorted) {
    const bool against_rows = target_.mode != Mode::Replace;
    const SetQuestion question{.schema = schema(),
                               .self = target_.table.name,
                               .rows = against_rows ? std::optional(own_table()) : std::nullopt,
                               .update = target_.mode == Mode::Upsert};
    TRY_ASSIGN(refused_, judge_as_set(connection_, question, *staging_, findings_));
    TRY_ASSIGN(RowWriter writer, make_writer(false));
    writer_.emplace(std::move(writer));
  }
  if (way_ == Way::Merge) TRY(empty_table());
  const std::string order =
      schema().primary_key.empty() ? "s.rg_line" : staging_->order_by(schema().primary_key);
  return staging_->each(order, [this](const Row& row) -> Result<void> {
    TRY_ASSIGN(const bool written, writer_->write(row, findings_));
    if (!written) ++refused_;
    return {};
  });
}

Result<void> TableSink::swap() {
  return connection_.run(fmt::format("DROP TABLE {0}; ALTER TABLE main.{1} RENAME TO {2}", own_table(),
                                     quote_name(fresh_name_), quote_name(target_.table.name)));
}

/// Foreign keys of the table to itself, which an upsert of another key may break.
std::vector<Reference> TableSink::own_references() const {
  std::vector<Reference> own;
  for (const table::ForeignKey& key : schema().foreign_keys) {
    if (key.table != target_.table.name) continue;
    Reference& reference = own.emplace_back();
    reference.child = target_.table.name;
    for (const std::size_t field : key.fields) reference.columns.push_back(schema().fields[field].name);
    reference.parent_columns = key.parent_fields;
  }
  return own;
}

/// How many rows of the table refer to none; some may have done so before the load.
Result<std::uint64_t> TableSink::count_lost(std::span<const Reference> children) {
  std::uint64_t count = 0;
  for (const Reference& child : children) {
    std::string where;
    std::vector<std::string> columns, parents;
    for (const std::string& name : child.columns) columns.push_back("c." + quote_name(name));
    for (const std::string& name : child.parent_columns) parents.push_back("p." + quote_name(name));
    for (const std::string& column : columns) where += fmt::format("{} IS NOT NULL AND ", column);
    TRY_ASSIGN(Statement statement,
               connection_.prepare(fmt::format(
                   "SELECT COUNT(*) FROM {0} AS c WHERE {1} NOT EXISTS (SELECT 1 FROM {0} AS p WHERE {2})",
                   own_table(), where, equal_all(parents, columns))));
    TRY(connection_.step(statement));
    count += statement.count(0);
  }
  return count;
}

/// Rows whose foreign key would be left without its parent row.
Result<void> TableSink::check_children(std::span<const Reference> children) {
  for (const Reference& child : children) {
    std::vector<std::string> columns, parents;
    for (const std::string& name : child.columns) columns.push_back("c." + quote_name(name));
    for (const std::string& name : child.parent_columns) parents.push_back("p." + quote_name(name));
    std::string not_null;
    for (const std::string& column : columns) not_null += fmt::format("{} IS NOT NULL AND ", column);
    TRY_ASSIGN(Statement statement,
               connection_.prepare(fmt::format("SELECT DISTINCT {} FROM main.{} AS c WHERE {} NOT EXISTS "
                                               "(SELECT 1 FROM {} AS p WHERE {}) LIMIT 21",
                                               fmt::join(columns, " || ', ' || "), quote_name(child.child),
                                               not_null, own_table(), equal_all(parents, columns))));
    std::vector<std::string> keys;
    for (;;) {
      TRY_ASSIGN(const bool more, connection_.step(statement));
      if (!more) break;
      keys.push_back(shown(statement.text(0)));
    }
    if (keys.empty()) continue;
    if (keys.size() > 20) keys[20] = "...";
    return fail(
        Code::KeyHasChildren,
        fmt::format("rows of `{}` would lose their parent in `{}`: {} {}", child.child, target_.table.name,
                    fmt::join(child.columns, ", "), fmt::join(keys, "; ")),
        fmt::format("keep these rows in the file, or remove their children from {} first", child.child));
  }
  return {};
}

Result<KeyFindings*> TableSink::settle() {
  const std::vector<Reference> own =
      target_.mode == Mode::Upsert ? own_references() : std::vector<Reference>{};
  TRY_ASSIGN(const std::uint64_t lost_before, count_lost(own));
  if (staging_) TRY(put_staged());
  if (const SinkCounts done = counts(); done.written + done.refused != given_)
    return std::unexpected(
        rows_missing(target_.table.name,
                     fmt::format("the database inserted {} and updated {} of {} rows", grouped(done.inserted),
                                 grouped(done.updated), grouped(given_ - done.refused)),
                     triggers_of(connection_, target_.table.name).value_or(std::vector<std::string>{})));
  if (swaps_) TRY(swap());
  const bool keys_may_be_gone = target_.mode == Mode::Upsert || way_ == Way::Merge;
  if (keys_may_be_gone) TRY(check_children(children_));
  TRY_ASSIGN(const std::uint64_t lost, count_lost(own));
  if (lost > lost_before) TRY(check_children(own));
  TRY(findings_.finish());
  return &findings_;
}

SinkCounts TableSink::counts() const {
  SinkCounts counts;
  counts.refused = refused_;
  counts.inserted = writer_ ? writer_->inserted() : 0;
  counts.updated = writer_ ? writer_->updated() : 0;
  counts.written = counts.inserted + counts.updated;
  return counts;
}

}  // namespace

Result<std::unique_ptr<Sink>> make_sink(const Connection& connection, const LoadTarget& target) {
  auto sink = std::make_unique<TableSink>(connection, target);
  TRY(sink->open());
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace rowgate::db::sqlite

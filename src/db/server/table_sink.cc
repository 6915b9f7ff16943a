#include "db/server/table_sink.h"

#include "base/text.h"
#include "base/units.h"
#include "db/server/parent_keys.h"
#include "db/server/row_encoder.h"
#include "db/server/row_log.h"
#include "db/server/staging.h"
#include "db/stored_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <future>

namespace rowgate::db::server {
namespace {

constexpr std::size_t kFindingsBytes = 4 << 20;
/// Rows go to the server in statements of about this size: large enough to cost nothing, small enough that
/// the file is checked meanwhile.
constexpr std::size_t kBlockBytes = 4 * kMiB;
constexpr const char* kSavepoint = "rg_sink";

/// How the rows reach the table.
///
///   Fast   straight into the table (append) or a new one, by the server's bulk path; the counts must say
///   that each
///          row went in as it was and each parent must be there. Where they do not, what was done is undone
///          and all rows go the exact way.
///   Set    the exact way: rows go into a staging table with the places of their records, are judged as a
///   set, and
///          those that stay go on into the table. Always so for upsert and for tables that refer to
///          themselves.
///   Merge  as Set, and the table's rows are exchanged in place, since something refers to it (replace)
enum class Way : std::uint8_t { Fast, Set, Merge };

class TableSink : public Sink {
 public:
  TableSink(Surroundings& at, const LoadTarget& target)
      : at_(at),
        target_(target),
        dialect_(at.engine().dialect()),
        encoder_(*target.schema),
        log_(target.scratch, kBlockBytes) {}
  ~TableSink() override = default;

  Result<void> open();
  Result<void> write(const table::CheckedBatch& batch) override;
  void expect_unordered(std::uint64_t) override {}
  Result<KeyFindings*> settle() override;
  SinkCounts counts() const override {
    return {.written = inserted_ + updated_, .inserted = inserted_, .updated = updated_, .refused = refused_};
  }

 private:
  const table::TableSchema& schema() const { return *target_.schema; }
  Session& session() { return at_.session(); }
  std::string staging_prefix() const { return "__rg_" + target_.run_id; }
  bool references_itself() const {
    return std::ranges::any_of(schema().foreign_keys,
                               [&](const table::ForeignKey& key) { return key.table == target_.table.name; });
  }
  Result<void> check_table(bool merges);
  Result<void> refuse_view();
  Result<void> send(const RowLog::Block& block);
  Result<void> wait_for_sender();
  Result<bool> finish_fast(bool again);
  Result<void> go_exact();
  Result<void> put_staged(const Staging& staging);
  Result<void> update_staged(const Staging& staging);
  Result<void> check_counts();
  Result<void> check_children(std::span<const Reference> children);
  std::vector<Reference> own_references() const;
  Result<std::uint64_t> count_lost(std::span<const Reference> children);
  Result<void> settle_once(bool again);
  std::string column_list() const {
    return fmt::format("{}", fmt::join(quoted_names(dialect_, schema(), all_fields(schema())), ", "));
  }
  /// The table that the rows go into.
  Result<std::string> destination();

  Surroundings& at_;
  LoadTarget target_;
  const ServerDialect& dialect_;
  RowEncoder encoder_;
  RowLog log_;
  Way way_ = Way::Fast;
  bool is_fresh_ = false;
  std::vector<Reference> children_;
  std::deque<ParentKeys> parents_;  ///< of foreign keys to other tables, for the fast way
  bool sending_ = false;            ///< the fast way, and nothing has spoken against it
  std::optional<Error> broken_;     ///< what ended it and may pass
  std::optional<KeyFindings> findings_;
  std::uint64_t refused_ = 0, inserted_ = 0, updated_ = 0;
  std::uint64_t sent_ = 0;          ///< rows that the database took on the fast way
  RowLog::Block closed_, in_hand_;  ///< the latter is the sender's while it is under way
  std::future<Result<void>>
      sender_;  ///< has the session for itself; last, so that it has ended before all else
};

Result<std::string> TableSink::destination() {
  TRY_ASSIGN(const std::optional<std::string> table, at_.tables().find(target_.table));
  if (!table)
    return fail(Code::TableBusy, fmt::format("the table `{}` is gone", target_.table.name), "load again");
  return *table;
}

Result<void> TableSink::refuse_view() {
  TRY_ASSIGN(const bool is_view, at_.engine().is_view(session(), target_.table));
  if (!is_view) return {};
  return fail(Code::TableDiffers,
              fmt::format("`{}` is a view in the database, not a table", target_.table.name),
              "load into a table of another name");
}

Result<void> TableSink::check_table(bool merges) {
  std::vector<std::string> found;
  if (const FreshTable* fresh = at_.tables().fresh(target_.table)) {
    if (fresh->schema_json != table::to_json(schema()))
      found.emplace_back("an earlier file made it by another schema");
  } else {
    TRY_ASSIGN(const Shape shape, at_.engine().shape_of(session(), target_.table));
    if (!shape.not_transactional.empty())
      return fail(
          Code::TableNotTransactional,
          fmt::format("the table `{}` has the storage engine {}, which cannot take back what was written",
                      target_.table.name, shape.not_transactional),
          fmt::format("convert it first: ALTER TABLE {} ENGINE=InnoDB", dialect_.quote(target_.table)));
    found = words_of(compare(shape, target_, dialect_.column_types(schema()),
                             [&](const ColumnShape& column, const table::Field& field, bool in_key) {
                               return at_.engine().fits(column, field, in_key);
                             }));
  }
  if (found.empty()) return {};
  return fail(
      Code::TableDiffers,
      fmt::format("the table `{}` in the database is not as its schema says: {}", target_.table.name,
                  fmt::join(found, "; ")),
      merges
          ? "change the table or the schema; it cannot be made anew while other tables refer to it or while "
            "it has indexes, triggers, rights or dependents of its own"
          : "change the table or the schema, or load in replace mode, which makes the table anew");
}

Result<void> TableSink::open() {
  if (target_.mode == Mode::Upsert && schema().primary_key.empty())
    return fail(Code::ConfigInvalid,
                fmt::format("the table `{}` has no primary key, which upsert needs", target_.table.name),
                "add primaryKey to its schema, or load in append or replace mode");
  if (std::string why = dialect_.why_too_wide(schema()); !why.empty())
    return fail(Code::LimitColumns, std::move(why), "load fewer columns, or spread them over several tables");
  if (at_.tables().fresh(target_.table) == nullptr) {
    TRY_ASSIGN(const std::optional<TableName> stored, at_.engine().stored_name(session(), target_.table));
    TRY(check_stored_name(target_.table, stored));
  }
  TRY_ASSIGN(const std::optional<std::string> exists, at_.tables().find(target_.table));
  const bool is_stored = exists && at_.tables().fresh(target_.table) == nullptr;
  bool merges = false;
  if (is_stored) {
    TRY_ASSIGN(children_, at_.engine().references_to(session(), target_.table));
    merges = !children_.empty();
    if (!merges) {
      TRY_ASSIGN(merges, at_.engine().has_dependents(session(), target_.table));
    }
  }
  merges = merges && target_.mode == Mode::Replace;
  if (exists && (target_.mode != Mode::Replace || merges)) TRY(check_table(merges));
  if (!exists) TRY(refuse_view());
  for (const table::ForeignKey& key : schema().foreign_keys) {
    const TableName parent{target_.table.space, key.table};
    if (parent == target_.table) continue;
    TRY_ASSIGN(const std::optional<std::string> there, at_.tables().find(parent));
    if (there) TRY(parent_columns(at_.tables(), parent, schema(), key));
  }
  is_fresh_ = !exists || (target_.mode == Mode::Replace && !merges);
  if (is_fresh_) TRY(at_.make_table(target_.table, target_));
  if (merges)
    way_ = Way::Merge;
  else if (references_itself() || target_.mode == Mode::Upsert)
    way_ = Way::Set;
  TRY(session().run(fmt::format("SAVEPOINT {}", kSavepoint)));
  sending_ = way_ == Way::Fast;
  for (std::size_t i = 0; sending_ && i < schema().foreign_keys.size(); ++i)
    parents_.emplace_back(schema(), i, target_.scratch);
  return {};
}

Result<void> TableSink::send(const RowLog::Block& block) {
  TRY_ASSIGN(const std::string into, destination());
  BulkTarget target{into, {}};
  for (const table::Field& field : schema().fields)
    target.columns.push_back({dialect_.quote(field.name), field.is_binary()});
  TRY_ASSIGN(const BulkOutcome done, session().bulk(target, block.text, block.rows));
  if (done.clean)
    sent_ += block.rows;
  else
    sending_ = false;
  return {};
}

bool may_pass(const Error& error) {
  return error.code == Code::DatabaseDeadlock || error.code == Code::DatabaseUnreachable;
}

Result<void> TableSink::write(const table::CheckedBatch& batch) {
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    RowLog::Block& block = log_.open_block();
    encoder_.append(block.text, batch.row(i));
    const std::uint32_t record = batch.row_record[i];
    block.places.push_back({batch.records.line[record], batch.records.first_record + record,
                            batch.records.offset(record), batch.records.length[record]});
    ++block.rows;
    for (ParentKeys& parents : parents_) TRY(parents.add(encoder_, batch.row(i)));
    if (!log_.is_full()) continue;
    TRY(log_.close_block(closed_));  // kept while the block before it is on its way
    TRY(wait_for_sender());
    std::swap(closed_, in_hand_);
    if (sending_ && !broken_) sender_ = std::async(std::launch::async, [this] { return send(in_hand_); });
  }
  return {};
}

/// What a block met that is on its way.
Result<void> TableSink::wait_for_sender() {
  if (!sender_.valid()) return {};
  Result<void> sent = sender_.get();
  if (sent || may_pass(sent.error())) {
    if (!sent) broken_ = sent.error();
    return {};
  }
  return sent;
}

/// False where the rows must be looked at one by one.
Result<bool> TableSink::finish_fast(bool again) {
  if (again) {
    sending_ = true;
    sent_ = 0;
    TRY(log_.each([&](const RowLog::Block& block) -> Result<void> {
      if (target_.stop.stop_requested())
        return fail(Code::RunInterrupted, "stopped; nothing of this file was loaded", "load the file again");
      return sending_ ? send(block) : Result<void>{};
    }));
  } else if (sending_ && log_.open_block().rows > 0) {
    TRY(send(log_.open_block()));
  }
  for (std::size_t i = 0; sending_ && i < parents_.size(); ++i) {
    TRY_ASSIGN(sending_, parents_[i].all_exist(session(), dialect_, at_.tables(), target_.table.space,
                                               fmt::format("{}_p{}", staging_prefix(), i)));
  }
  if (sending_) inserted_ = sent_;
  return sending_;
}

Result<void> TableSink::update_staged(const Staging& staging) {
  TRY_ASSIGN(const std::string into, destination());
  std::vector<std::string> sets;
  for (const std::size_t field : all_fields(schema()))
    if (is_set_by_upsert(target_, field))
      sets.push_back(fmt::format("{} = s.c{}", dialect_.quote(schema().fields[field].name), field));
  const std::string same = equal_all(quoted_names(dialect_, schema(), schema().primary_key, "t."),
                                     staging.columns(schema().primary_key));
  if (sets.empty()) {
    TRY_ASSIGN(updated_, session().count(fmt::format(
                             "SELECT COUNT(*) FROM {} AS t JOIN {} AS s ON {} WHERE s.rg_refused IS NULL",
                             into, staging.table(), same)));
  } else {
    TRY_ASSIGN(updated_, session().run(dialect_.update_from(into, staging.table(), sets,
                                                            same + " AND s.rg_refused IS NULL")));
  }
  TRY_ASSIGN(inserted_,
             session().run(fmt::format(
                 "INSERT INTO {} ({}) SELECT {} FROM {} AS s WHERE s.rg_refused IS NULL AND NOT EXISTS "
                 "(SELECT 1 FROM {} AS t WHERE {})",
                 into, column_list(), fmt::join(staging.columns(all_fields(schema())), ", "), staging.table(),
                 into, same)));
  return {};
}

Result<void> TableSink::put_staged(const Staging& staging) {
  // A table that this load makes has nothing to update; and MySQL 8 does not read the temporary one of a dry
  // run twice.
  if (target_.mode == Mode::Upsert && !is_fresh_) return update_staged(staging);
  TRY_ASSIGN(const std::string into, destination());
  if (way_ == Way::Merge) {
    TRY(session().run("DELETE FROM " + into));
    TRY_ASSIGN(const std::uint64_t left, session().count("SELECT COUNT(*) FROM " + into));
    if (left > 0)
      return std::unexpected(rows_missing(
          target_.table.name,
          fmt::format("the database kept {} of the rows that were to be replaced", grouped(left)),
          at_.engine().triggers_of(session(), target_.table).value_or(std::vector<std::string>{})));
  }
  std::vector<std::size_t> order = schema().primary_key;
  const std::string by =
      order.empty() ? "s.rg_line" : fmt::format("{}", fmt::join(staging.columns(order), ", "));
  TRY_ASSIGN(
      inserted_,
      session().run(fmt::format(
          "INSERT INTO {} ({}) SELECT {} FROM {} AS s WHERE s.rg_refused IS NULL ORDER BY {}", into,
          column_list(), fmt::join(staging.columns(all_fields(schema())), ", "), staging.table(), by)));
  return {};
}

Result<void> TableSink::go_exact() {
  Staging staging(session(), dialect_, schema(), staging_prefix());
  TRY(staging.fill(log_, target_.stop));
  const bool against_rows = target_.mode != Mode::Replace && !is_fresh_;
  SetQuestion question{
      .schema = schema(), .self = target_.table, .rows = {}, .update = target_.mode == Mode::Upsert};
  if (against_rows) {
    TRY_ASSIGN(question.rows, destination());
  }
  TRY_ASSIGN(refused_, judge_as_set(dialect_, at_.tables(), question, staging, *findings_));
  // The rows are each other's parents, or others' meanwhile: what refers to what was judged, in any order.
  const bool has_others = target_.mode == Mode::Upsert && !children_.empty();
  const bool in_any_order = way_ == Way::Merge || references_itself() || has_others;
  const std::vector<Reference> own =
      target_.mode == Mode::Upsert ? own_references() : std::vector<Reference>{};
  TRY_ASSIGN(const std::uint64_t lost_before, count_lost(own));
  if (in_any_order) TRY(at_.engine().begin_merge(session(), children_));
  TRY(put_staged(staging));
  if (target_.mode == Mode::Upsert || way_ == Way::Merge) TRY(check_children(children_));
  TRY_ASSIGN(const std::uint64_t lost, count_lost(own));
  if (lost > lost_before) TRY(check_children(own));
  if (in_any_order) TRY(at_.engine().end_merge(session(), children_));
  return {};
}

/// Foreign keys of the table to itself, which an upsert of another key may break.
std::vector<Reference> TableSink::own_references() const {
  std::vector<Reference> own;
  for (const table::ForeignKey& key : schema().foreign_keys) {
    if (key.table != target_.table.name) continue;
    Reference& reference = own.emplace_back();
    reference.child = reference.parent = target_.table;
    for (const std::size_t field : key.fields) reference.columns.push_back(schema().fields[field].name);
    reference.parent_columns = key.parent_fields;
  }
  return own;
}

/// How many rows of the table refer to none; some may have done so before the load.
Result<std::uint64_t> TableSink::count_lost(std::span<const Reference> children) {
  std::uint64_t count = 0;
  if (children.empty()) return count;
  TRY_ASSIGN(const std::string own, destination());
  for (const Reference& child : children) {
    const std::vector<std::string> columns = quoted_names(dialect_, child.columns, "c.");
    std::string not_null;
    for (const std::string& column : columns) not_null += fmt::format("{} IS NOT NULL AND ", column);
    TRY_ASSIGN(const std::uint64_t more,
               session().count(fmt::format(
                   "SELECT COUNT(*) FROM {} AS c WHERE {} NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})", own,
                   not_null, own, equal_all(quoted_names(dialect_, child.parent_columns, "p."), columns))));
    count += more;
  }
  return count;
}

/// Rows whose foreign key would be left without its parent row.
Result<void> TableSink::check_children(std::span<const Reference> children) {
  TRY_ASSIGN(const std::string own, destination());
  for (const Reference& child : children) {
    const std::vector<std::string> columns = quoted_names(dialect_, child.columns, "c.");
    std::string not_null;
    for (const std::string& column : columns) not_null += fmt::format("{} IS NOT NULL AND ", column);
    TRY_ASSIGN(
        const std::vector<TextRow> rows,
        session().rows(fmt::format(
            "SELECT DISTINCT {} FROM {} AS c WHERE {} NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LIMIT 21",
            fmt::join(columns, ", "), child.child == target_.table ? own : dialect_.quote(child.child),
            not_null, own, equal_all(quoted_names(dialect_, child.parent_columns, "p."), columns))));
    if (rows.empty()) continue;
    std::vector<std::string> keys;
    for (const TextRow& row : rows) {
      std::string key;
      for (const std::optional<std::string>& part : row) key += (key.empty() ? "" : ", ") + part.value_or("");
      keys.push_back(shown(key));
    }
    std::ranges::sort(keys);
    if (keys.size() > 20) keys[20] = "...";
    return fail(
        Code::KeyHasChildren,
        fmt::format("rows of `{}` would lose their parent in `{}`: {} {}", child.child.name,
                    target_.table.name, fmt::join(child.columns, ", "), fmt::join(keys, "; ")),
        fmt::format("keep these rows in the file, or remove their children from {} first", child.child.name));
  }
  return {};
}

/// Every row is inserted, updated or refused, by the database's own counts.
Result<void> TableSink::check_counts() {
  const std::uint64_t accepted = log_.rows() - refused_;
  if (inserted_ + updated_ == accepted) return {};
  TRY_ASSIGN(const std::vector<std::string> triggers, at_.engine().triggers_of(session(), target_.table));
  return std::unexpected(rows_missing(target_.table.name,
                                      fmt::format("the database inserted {} and updated {} of {} rows",
                                                  grouped(inserted_), grouped(updated_), grouped(accepted)),
                                      triggers));
}

Result<void> TableSink::settle_once(bool again) {
  findings_.emplace(target_.scratch, kFindingsBytes);
  refused_ = inserted_ = updated_ = 0;
  bool done = false;
  if (way_ == Way::Fast) {
    TRY_ASSIGN(done, finish_fast(again));
    if (!done) TRY(session().run(fmt::format("ROLLBACK TO SAVEPOINT {}", kSavepoint)));
  }
  if (!done) TRY(go_exact());
  TRY(check_counts());
  return findings_->finish();
}

Result<KeyFindings*> TableSink::settle() {
  TRY(wait_for_sender());
  bool again = false;
  for (;; again = true) {
    Result<void> settled = broken_ ? Result<void>(std::unexpected(*broken_)) : settle_once(again);
    if (settled) return &*findings_;
    if (!may_pass(settled.error())) return std::unexpected(settled.error());
    TRY(at_.begin_anew(settled.error()));
    broken_.reset();
    TRY(session().run(fmt::format("SAVEPOINT {}", kSavepoint)));
  }
}

}  // namespace

Result<std::unique_ptr<Sink>> make_sink(Surroundings& at, const LoadTarget& target) {
  auto sink = std::make_unique<TableSink>(at, target);
  TRY(sink->open());
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace rowgate::db::server

#include "load/load_file.h"

#include "base/text.h"
#include "base/units.h"
#include "keys/key_index.h"
#include "load/reject_origin.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::load {
namespace {

constexpr std::size_t kKeyMemoryBytes = 32 << 20;
/// A longer key no PostgreSQL index takes (2,704 bytes with what it adds to each value), so none is accepted
/// anywhere.
constexpr std::size_t kKeyBytes = 2600;

Error stopped() {
  return {Code::RunInterrupted, "stopped; nothing of this file was loaded", "load the file again"};
}

/// The keys that may be too long, by their index in TableSchema::keys(): others need no look at any row.
std::vector<std::uint32_t> keys_that_may_be_long(const table::TableSchema& schema,
                                                 const std::vector<std::vector<std::size_t>>& keys) {
  const auto is_number = [&](std::size_t index) {
    const table::Field& field = schema.fields[index];
    return field.type == table::Type::Integer || field.type == table::Type::Boolean ||
           field.type == table::Type::Year || (field.type == table::Type::Number && !field.decimal);
  };
  std::vector<std::uint32_t> found;
  for (std::uint32_t key = 0; key < keys.size(); ++key)
    if (!std::ranges::all_of(keys[key], is_number) || keys[key].size() * 8 > kKeyBytes) found.push_back(key);
  return found;
}

/// Loading one file: the state that the steps share.
class FileLoad {
 public:
  FileLoad(const LoadRequest& request, const LoadContext& context, const Prepared& prepared, db::Sink& sink,
           LoadOutcome& outcome)
      : request_(request),
        context_(context),
        prepared_(prepared),
        sink_(sink),
        run_(outcome.run),
        order_(prepared.schema),
        long_keys_(keys_that_may_be_long(prepared.schema, prepared.schema.keys())),
        log_(context.settings.spool, request.max_reject_bytes) {}

  Result<void> run();

 private:
  PassInput pass() const {
    return {*request_.file, prepared_.frame, context_.settings.check_threads, context_.progress};
  }
  void take_parent(const std::string& named);
  Result<bool> take(table::CheckedBatch& batch);
  Result<void> judge_keys(table::CheckedBatch& batch);
  void refuse_long_keys(table::CheckedBatch& batch) const;
  Result<void> find_duplicates();
  Result<void> refuse_duplicates(table::CheckedBatch& batch);
  bool count_limit_reached(const table::CheckedBatch& batch) const;
  void stop_at_limit(table::CheckedBatch& batch);
  Result<void> note_rejects(const table::CheckedBatch& batch);
  Result<void> write_rejects(db::KeyFindings* findings);
  std::vector<std::string> names_by_position() const;
  void finish_record();
  Result<void> verdict() const;
  Error too_many_rejects() const;

  const LoadRequest& request_;
  const LoadContext& context_;
  const Prepared& prepared_;
  db::Sink& sink_;
  db::RunRecord& run_;
  keys::KeyOrder order_;
  std::vector<std::uint32_t> long_keys_;  ///< see keys_that_may_be_long()
  std::optional<keys::DuplicateFinder> duplicates_;
  bool told_unordered_ = false;
  bool over_count_ = false;
  bool rejects_are_missing_ = false;  ///< they are larger than they may be
  table::Totals totals_;
  std::uint64_t first_blank_line_ = 0;
  RejectLog log_;
  RejectCounts counts_;
};

Result<void> FileLoad::run() {
  context_.progress.phase = Progress::Phase::Check;
  std::string parent;
  TRY(read_checked(
      pass(), [this](table::CheckedBatch& batch) { return take(batch); }, &parent, context_.stop));
  if (context_.stop.stop_requested()) return std::unexpected(stopped());
  if (run_.parent.empty() && !parent.empty()) take_parent(parent);

  db::KeyFindings* findings = nullptr;
  if (!over_count_) {
    context_.progress.phase = Progress::Phase::Settle;
    TRY_ASSIGN(findings, sink_.settle());
    const std::uint64_t refused = sink_.counts().refused;
    totals_.accepted -= refused;
    totals_.rejected += refused;
  }
  TRY(write_rejects(findings));
  finish_record();
  return verdict();
}

/// The file's own rg_run is judged as a request's `parent` is: a run that is there, of this table.
void FileLoad::take_parent(const std::string& named) {
  if (is_run_id(named)) {
    const Result<std::vector<db::RunRecord>> found = context_.database.ledger().find(named);
    if (found && std::ranges::any_of(*found, [&](const db::RunRecord& run) {
          return run.id == named && run.table == run_.table;
        })) {
      run_.parent = named;
      return;
    }
  }
  run_.warnings.push_back({.code = Code::RunUnknown,
                           .message = fmt::format("rg_run `{}` is not a run of this table", shown(named)),
                           .count = 1});
}

/// A batch in its turn: stage 3 is judged here, then the rows go to the database and the rejects to the log.
Result<bool> FileLoad::take(table::CheckedBatch& batch) {
  TRY(judge_keys(batch));
  if (count_limit_reached(batch)) stop_at_limit(batch);
  table::Totals totals = batch.totals();
  if (over_count_) totals.read = totals.accepted + totals.rejected + totals.skipped;
  totals_ += totals;
  if (first_blank_line_ == 0) first_blank_line_ = batch.first_skipped_line;
  TRY(note_rejects(batch));
  if (over_count_) return false;
  TRY(sink_.write(batch));
  return true;
}

/// What the values of a key take in an index: texts and the length of each, 8 bytes for a number.
std::size_t key_bytes(const std::vector<std::size_t>& fields, const table::Cell* row) {
  std::size_t bytes = 0;
  for (const std::size_t field : fields)
    if (row[field].kind != table::CellKind::Null) bytes += row[field].is_text() ? row[field].size + 4 : 8;
  return bytes;
}

void FileLoad::refuse_long_keys(table::CheckedBatch& batch) const {
  if (long_keys_.empty()) return;
  const std::vector<std::vector<std::size_t>> keys = prepared_.schema.keys();
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < batch.rows(); ++row) {
    for (const std::uint32_t key : long_keys_) {
      const std::size_t bytes = key_bytes(keys[key], batch.row(row));
      if (bytes <= kKeyBytes) continue;
      const std::uint32_t record = batch.row_record[row];
      if (rows.empty() || rows.back() != row) {
        rows.push_back(row);
        batch.rejects.push_back({.line = batch.line(row),
                                 .record = batch.records.first_record + record,
                                 .offset = batch.records.offset(record),
                                 .length = batch.records.length[record],
                                 .problems = {}});
      }
      batch.rejects.back().problems.push_back(
          key_problem(Code::LimitKey, key, prepared_.frame, batch.records, record,
                      fmt::format("{} bytes, at most {} are possible", grouped(bytes), grouped(kKeyBytes))));
    }
  }
  if (rows.empty()) return;

  std::ranges::sort(batch.rejects, {}, &table::Reject::line);
  batch.remove_rows(rows);
}

Result<void> FileLoad::judge_keys(table::CheckedBatch& batch) {
  const std::size_t rows = batch.rows();
  refuse_long_keys(batch);
  context_.progress.rows_rejected += rows - batch.rows();
  order_.observe(batch);
  if (!told_unordered_ && !order_.primary_ascends()) {
    told_unordered_ = true;
    sink_.expect_unordered(request_.file->stored_size());
  }
  if (!duplicates_ && !order_.all_ascend()) TRY(find_duplicates());
  if (duplicates_) TRY(refuse_duplicates(batch));
  return {};
}

/// Reads the whole file once more, for its keys alone. Records before the one that broke the order cannot be
/// among the losers, so the load goes on from where it stands.
Result<void> FileLoad::find_duplicates() {
  context_.progress.phase = Progress::Phase::Keys;
  duplicates_.emplace(prepared_.schema, context_.settings.spool, kKeyMemoryBytes);
  Progress unseen;  // the bar shows the load, not this
  const PassInput input{*request_.file, prepared_.frame, context_.settings.check_threads, unseen};
  const auto collect = [this](table::CheckedBatch& batch) -> Result<bool> {
    refuse_long_keys(batch);
    TRY(duplicates_->add(batch));
    return true;
  };
  TRY(read_checked(input, collect, nullptr, context_.stop));
  if (context_.stop.stop_requested()) return std::unexpected(stopped());
  TRY(duplicates_->finish());
  context_.progress.phase = Progress::Phase::Check;
  return {};
}

Result<void> FileLoad::refuse_duplicates(table::CheckedBatch& batch) {
  if (batch.rows() == 0) return {};
  TRY_ASSIGN(const std::vector<keys::Duplicate> duplicates,
             duplicates_->take_until(batch.line(batch.rows() - 1)));
  std::vector<std::uint32_t> rows;
  std::size_t row = 0;
  for (const keys::Duplicate& duplicate : duplicates) {
    while (batch.line(row) < duplicate.line) ++row;
    const std::uint32_t record = batch.row_record[row];
    if (rows.empty() || rows.back() != row) {
      rows.push_back(static_cast<std::uint32_t>(row));
      batch.rejects.push_back({.line = duplicate.line,
                               .record = batch.records.first_record + record,
                               .offset = batch.records.offset(record),
                               .length = batch.records.length[record],
                               .problems = {}});
    }
    batch.rejects.back().problems.push_back(
        key_problem(Code::KeyDuplicateInFile, duplicate.key, prepared_.frame, batch.records, record,
                    fmt::format("first in line {}", grouped(duplicate.first_line))));
  }
  if (rows.empty()) return {};
  std::ranges::sort(batch.rejects, {}, &table::Reject::line);
  batch.remove_rows(rows);
  context_.progress.rows_rejected += rows.size();
  return {};
}

bool FileLoad::count_limit_reached(const table::CheckedBatch& batch) const {
  return request_.max_rejects.count && totals_.rejected + batch.rejects.size() > *request_.max_rejects.count;
}

/// The numbers of the run end with the record that exceeds the limit.
void FileLoad::stop_at_limit(table::CheckedBatch& batch) {
  over_count_ = true;
  batch.rejects.resize(static_cast<std::size_t>(*request_.max_rejects.count - totals_.rejected) + 1);
  const std::uint64_t last_line = batch.rejects.back().line;
  std::vector<std::uint32_t> beyond;
  for (std::uint32_t row = 0; row < batch.rows(); ++row)
    if (batch.line(row) > last_line) beyond.push_back(row);
  batch.remove_rows(beyond);
  batch.skipped = 0;
  for (std::size_t record = 0; record < batch.records.size(); ++record)
    if (batch.records.line[record] < last_line && batch.records.is_blank(record)) ++batch.skipped;
  if (batch.skipped == 0) batch.first_skipped_line = 0;
}

Result<void> FileLoad::note_rejects(const table::CheckedBatch& batch) {
  for (const table::Reject& reject : batch.rejects) {
    counts_.add(reject, prepared_.schema);
    if (log_.is_full()) continue;

    // The record's bytes are read again later, and must then be the same.
    const auto index = static_cast<std::size_t>(reject.record - batch.records.first_record);
    const std::string_view raw = batch.records.raw(index);
    const bool is_whole = raw.size() == reject.length && batch.records.own_offset.empty();
    TRY(log_.append({reject, is_whole ? std::optional(hash_of(raw)) : std::nullopt}));
  }
  return {};
}

Result<void> FileLoad::write_rejects(db::KeyFindings* findings) {
  if (totals_.rejected == 0) return {};
  context_.progress.phase = Progress::Phase::Rejects;
  RejectFileHead head{.run = run_.id,
                      .table = run_.table,
                      .file = run_.file_name,
                      .dialect = prepared_.frame.opening.dialect,
                      .columns = prepared_.frame.opening.header,
                      .map = prepared_.map,
                      .schema = table::to_json(prepared_.schema)};
  if (head.columns.empty()) head.columns = names_by_position();
  RejectWriter writer(*request_.file, prepared_.frame,
                      {.store = context_.store,
                       .head = std::move(head),
                       .observer = context_.observer,
                       .request_index = context_.request_index,
                       .max_bytes = request_.max_reject_bytes,
                       .stop = context_.stop});
  TRY_ASSIGN(const bool is_whole, writer.write_all(log_, findings, counts_));
  rejects_are_missing_ = !is_whole;
  return {};
}

/// A file without header is read by position, so its columns are called like the fields.
std::vector<std::string> FileLoad::names_by_position() const {
  const std::vector<table::Field>& fields = prepared_.schema.fields;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < prepared_.frame.opening.columns; ++i)
    names.push_back(i < fields.size() ? fields[i].name : fmt::format("column_{}", i + 1));
  return names;
}

void FileLoad::finish_record() {
  run_.rows_read = totals_.read;
  run_.rows_accepted = totals_.accepted;
  run_.rows_rejected = totals_.rejected;
  run_.rows_skipped = totals_.skipped;
  run_.rejects = counts_.groups();
  if (totals_.skipped > 0)
    run_.warnings.push_back({.code = Code::RecordBlank,
                             .message = fmt::format("{} blank {} skipped", grouped(totals_.skipped),
                                                    totals_.skipped == 1 ? "line was" : "lines were"),
                             .count = totals_.skipped,
                             .first_line = first_blank_line_});
  if (request_.mode == db::Mode::Upsert) {
    run_.rows_inserted = sink_.counts().inserted;
    run_.rows_updated = sink_.counts().updated;
  }
}

/// Judged when every number is known; what it refuses is rolled back.
Result<void> FileLoad::verdict() const {
  TRY(request_.file->check_unchanged());
  if (rejects_are_missing_)
    return fail(
        Code::LimitRejectBytes,
        fmt::format("the rejects of {} rows take more than {}; only the first of them are kept, and nothing "
                    "was loaded",
                    grouped(totals_.rejected), bytes_text(request_.max_reject_bytes)),
        "repair the file, or raise limits.max_reject_bytes");
  const std::uint64_t tried = totals_.read - totals_.skipped;
  if (over_count_ || (request_.abort_on_reject && totals_.rejected > 0) ||
      (tried > 0 && totals_.accepted == 0) || request_.max_rejects.exceeded(totals_.rejected, tried))
    return std::unexpected(too_many_rejects());
  const bool written = sink_.counts().written == totals_.accepted;
  if (totals_.balanced() && written) return {};
  return fail(
      Code::InternalInvariant,
      fmt::format(
          "the numbers of this load do not balance: {} read, {} accepted, {} rejected, {} skipped, {} "
          "written",
          totals_.read, totals_.accepted, totals_.rejected, totals_.skipped, sink_.counts().written),
      "nothing was loaded; please report this");
}

Error FileLoad::too_many_rejects() const {
  const std::uint64_t tried = totals_.read - totals_.skipped;
  std::string message = fmt::format("{} of {} rows were refused; nothing was loaded",
                                    grouped(totals_.rejected), grouped(tried));
  if (over_count_)
    message = fmt::format("more than {} {} refused; stopped at row {}; nothing was loaded",
                          grouped(*request_.max_rejects.count),
                          *request_.max_rejects.count == 1 ? "row was" : "rows were", grouped(totals_.read));
  std::string hint =
      fmt::format("repair the rows, or allow more than {} with max_rejects", request_.max_rejects.text());
  if (request_.abort_on_reject) hint = "repair the rows, or load without --strict to set them aside";
  if (totals_.accepted == 0 && !over_count_)
    hint = "no row was acceptable; check that this is the right table and mode";
  return {Code::LimitRejects, std::move(message), std::move(hint)};
}

/// A name that no stored table may have must not reach the database, quoted or not.
Result<void> check_name(const db::TableName& table) {
  const std::string why = table::why_not_a_name(table.name, false);
  if (why.empty()) return {};
  return fail(Code::TableUnknown, fmt::format("'{}' cannot be a table's name: {}", shown(table.name), why),
              "use letters, digits and _, beginning with a letter or _, at most 63");
}

/// The schema by which the table was loaded before, where the database has it.
Result<std::optional<table::TableSchema>> kept_schema(const LoadRequest& request, db::Database& database) {
  TRY_ASSIGN(const std::optional<db::TableState> state, database.table(request.table));
  if (!state || !state->schema_json) return std::optional<table::TableSchema>{};
  TRY_ASSIGN(table::TableSchema schema, table::schema_from_json(*state->schema_json, request.table.name));
  return std::optional<table::TableSchema>(std::move(schema));
}

Result<void> decide_schema(const LoadRequest& request, const LoadContext& context, Prepared& prepared,
                           LoadOutcome& outcome) {
  if (request.schema != nullptr) {
    prepared.schema = *request.schema;
    return {};
  }
  Result<std::optional<table::TableSchema>> kept = kept_schema(request, context.database);
  const bool is_made_anew = request.mode == db::Mode::Replace;
  // A kept schema that cannot be read any more must not keep a table from being made anew.
  if (!kept && is_made_anew && kept.error().code == Code::ConfigInvalid) kept = std::nullopt;
  if (!kept) return std::unexpected(std::move(kept).error());
  if (*kept && !is_made_anew) {
    prepared.schema = **std::move(kept);
    return {};
  }

  TRY_ASSIGN(table::Inference::Outcome inferred,
             infer_schema(*request.file, prepared.frame.opening, *kept ? &**kept : nullptr,
                          context.settings.check_threads, context.progress, context.stop));
  context.progress.rows_read = 0;
  prepared.schema = std::move(inferred.schema);
  outcome.notes = std::move(inferred.notes);
  outcome.inferred = true;
  return {};
}

/// Somebody else made the table, and from now on rowgate has a part in it.
Result<void> note_foreign_table(const LoadRequest& request, const LoadContext& context,
                                LoadOutcome& outcome) {
  if (request.schema != nullptr) return {};
  TRY_ASSIGN(const std::optional<db::TableState> state, context.database.table(request.table));
  if (!state || state->schema_json) return {};
  outcome.run.warnings.push_back(
      {.code = Code::TableUnknown,
       .message =
           fmt::format("rowgate did not make the table `{}`: it is not configured, and no earlier load "
                       "went into it",
                       request.table.name),
       .count = 1});
  return {};
}

/// A reject file is read as the file that its records stood in.
Result<void> follow_origin(const LoadRequest& request, const LoadContext& context, Prepared& prepared) {
  prepared.map = request.map;
  if (!table::is_reject_file(prepared.frame.opening)) return {};
  TRY_ASSIGN(std::optional<RejectOrigin> origin,
             find_origin(*request.file, prepared.frame.opening, request.parent, context.kept));
  if (!origin) return {};
  prepared.frame.raw_dialect = origin->dialect;
  if (prepared.map.empty()) prepared.map = std::move(origin->map);
  return {};
}

std::vector<std::size_t> absent_fields(const Prepared& prepared) {
  std::vector<std::size_t> absent;
  const std::vector<int>& columns = prepared.frame.columns.column_of_field;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i] == table::ColumnMap::kAbsent) absent.push_back(i);
  return absent;
}

/// An upsert leaves the fields alone that the file lacks, so it needs those by which rows are found, those
/// that a new row must have, and none or all of a key: half of one would have to be judged with values that
/// the file does not have.
Result<void> judge_absent_fields(const LoadRequest& request, const Prepared& prepared, db::RunRecord& run) {
  const std::vector<std::size_t> absent = absent_fields(prepared);
  if (absent.empty() || request.mode == db::Mode::Append) return {};
  const table::TableSchema& schema = prepared.schema;
  if (request.mode == db::Mode::Replace) {
    for (const std::size_t field : absent)
      run.warnings.push_back({.code = Code::HeaderMismatch,
                              .message = fmt::format("the file has no `{}`, which is empty in every row now",
                                                     schema.fields[field].name),
                              .count = 1,
                              .first_line = 1});
    return {};
  }

  const auto is_absent = [&](std::size_t field) { return std::ranges::find(absent, field) != absent.end(); };
  for (const std::size_t field : absent)
    if (schema.is_required(field))
      return fail(Code::HeaderMismatch,
                  fmt::format("the file has no `{}`, which is {}; an upsert cannot do without",
                              schema.fields[field].name,
                              std::ranges::find(schema.primary_key, field) != schema.primary_key.end()
                                  ? "part of the primary key"
                                  : "required"),
                  "add the column to the file");
  std::vector<std::vector<std::size_t>> keys = schema.unique_keys;
  for (const table::ForeignKey& key : schema.foreign_keys) keys.push_back(key.fields);
  for (const std::vector<std::size_t>& key : keys) {
    const auto first = std::ranges::find_if(key, is_absent);
    if (first == key.end() || std::ranges::all_of(key, is_absent)) continue;
    return fail(
        Code::HeaderMismatch,
        fmt::format("the file has no `{}`, but other fields of the same key; an upsert cannot judge it",
                    schema.fields[*first].name),
        "add the column to the file, or leave out all fields of the key");
  }
  return {};
}

}  // namespace

Result<void> prepare(const LoadRequest& request, const LoadContext& context, Prepared& prepared,
                     LoadOutcome& outcome) {
  TRY(check_name(request.table));
  context.progress.phase = Progress::Phase::Inspect;
  context.progress.bytes_total = request.file->stored_size();
  TRY_ASSIGN(prepared.frame.opening, open_csv(*request.file, request.dialect));
  outcome.opening = prepared.frame.opening;
  TRY(follow_origin(request, context, prepared));
  TRY(note_foreign_table(request, context, outcome));
  TRY(decide_schema(request, context, prepared, outcome));
  prepared.frame.schema = &prepared.schema;
  outcome.schema = prepared.schema;
  Result<table::ColumnMap> columns =
      table::map_columns(prepared.frame.opening, prepared.schema, prepared.map);
  if (!columns) {
    if (columns.error().code == Code::HeaderMismatch)
      outcome.header_trouble = table::header_trouble(prepared.frame.opening, prepared.schema, prepared.map);
    return std::unexpected(std::move(columns).error());
  }
  prepared.frame.columns = *std::move(columns);
  TRY(judge_absent_fields(request, prepared, outcome.run));
  for (const std::string& name : prepared.frame.columns.ignored)
    outcome.run.warnings.push_back(
        {.code = Code::HeaderExtra,
         .message = fmt::format("column `{}` is no field and was left out", shown(name)),
         .count = 1,
         .first_line = 1});
  return {};
}

Result<void> load_file(const LoadRequest& request, const LoadContext& context, const Prepared& prepared,
                       db::Transaction& transaction, LoadOutcome& outcome) {
  db::RunRecord& run = outcome.run;
  TRY_ASSIGN(run.version_before, transaction.table_version(request.table));
  run.version_after = run.version_before;
  TRY_ASSIGN(const std::unique_ptr<db::Sink> sink,
             transaction.open_sink({.table = request.table,
                                    .schema = &prepared.schema,
                                    .mode = request.mode,
                                    .enforce_keys = request.enforce_keys,
                                    .database_checks = request.database_checks,
                                    .scratch = context.settings.spool,
                                    .run_id = run.id,
                                    .absent = absent_fields(prepared),
                                    .stop = context.stop}));
  return FileLoad(request, context, prepared, *sink, outcome).run();
}

}  // namespace rowgate::load

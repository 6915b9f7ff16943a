#include "load/reject_writer.h"

#include "csv/parser.h"

#include <fmt/format.h>

#include <array>

namespace rowgate::load {
namespace {

using table::Problem;

std::vector<std::size_t> fields_of(Code code, std::uint32_t key, const table::TableSchema& schema,
                                   const std::vector<std::vector<std::size_t>>& keys) {
  switch (code) {
    case Code::KeyNoParent:
      return schema.foreign_keys[key].fields;
    case Code::KeyNotUnique:
      if (key >= schema.unique_keys.size()) return {key - schema.unique_keys.size()};
      return schema.unique_keys[key];
    case Code::KeyDuplicateInTable:
      return schema.primary_key;
    default:
      return keys[key];
  }
}

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string key_detail(Code code, std::uint32_t key, const table::TableSchema& schema, std::string note) {
  if (code == Code::KeyNotUnique && key >= schema.unique_keys.size())
    return "a unique index of the database that its schema does not have";
  if (code != Code::KeyNoParent) return note;
  const table::ForeignKey& foreign = schema.foreign_keys[key];
  return fmt::format("{}.{}", foreign.table, joined(foreign.parent_fields));
}

}  // namespace

Problem key_problem(Code code, std::uint32_t key, const FileFrame& frame, const csv::RecordBatch& batch,
                    std::size_t record, std::string note) {
  const std::vector<std::vector<std::size_t>> keys = frame.schema->keys();
  const std::vector<std::size_t> fields = fields_of(code, key, *frame.schema, keys);
  Problem problem{
      .code = code, .field = static_cast<std::uint32_t>(fields[0]), .at = {batch.line[record], 1}};
  std::vector<std::string> values;
  for (const std::size_t field : fields) {
    const int column = frame.columns.column_of_field[field];
    if (column == table::ColumnMap::kAbsent) continue;
    const auto index = static_cast<std::size_t>(column);
    if (index >= batch.field_count(record)) continue;
    values.push_back(batch.value(record, index));
    if (field == fields[0]) {
      problem.column = static_cast<std::uint32_t>(column);
      problem.at = batch.position(record, batch.field_begin(record, index));
    }
  }
  problem.found = joined(values);
  problem.detail = key_detail(code, key, *frame.schema, std::move(note));
  return problem;
}

RejectWriter::RejectWriter(const io::SourceFile& file, const FileFrame& frame, Target target)
    : file_(file), frame_(frame), target_(std::move(target)) {}

Result<bool> RejectWriter::write_all(RejectLog& log, db::KeyFindings* findings, RejectCounts& counts) {
  TRY_ASSIGN(std::optional<LoggedReject> logged, log.next());
  std::optional<db::KeyFinding> found;
  if (findings != nullptr) {
    TRY_ASSIGN(found, findings->next());
  }

  while (logged || found) {
    if (target_.stop.stop_requested())
      return fail(Code::RunInterrupted, "stopped; nothing of this file was loaded", "load the file again");
    if (!found || (logged && logged->reject.line < found->line)) {
      TRY(write(*std::move(logged), {}, counts));
      TRY_ASSIGN(logged, log.next());
      continue;
    }

    std::vector<db::KeyFinding> of_record;
    const std::uint64_t line = found->line;
    while (found && found->line == line) {
      of_record.push_back(*found);
      TRY_ASSIGN(found, findings->next());
    }
    const db::KeyFinding& first = of_record.front();
    table::Reject reject{
        .line = line, .record = first.record, .offset = first.offset, .length = first.length};
    TRY(write({std::move(reject)}, std::move(of_record), counts));
  }
  if (!out_) return !log.is_full();
  TRY(out_->close());
  return !log.is_full() && !out_->is_full();
}

Result<void> RejectWriter::open_store() {
  TRY_ASSIGN(RejectFileWriter made,
             RejectFileWriter::create(*target_.store, target_.head, target_.max_bytes));
  out_.emplace(std::move(made));
  return {};
}

Result<void> RejectWriter::write(LoggedReject logged, std::vector<db::KeyFinding> findings,
                                 RejectCounts& counts) {
  table::Reject& reject = logged.reject;
  if (reject.length > frame_.opening.dialect.max_record_bytes) return write_large(reject);

  TRY_ASSIGN(const std::string raw, read_raw(reject));
  if (logged.hash && *logged.hash != hash_of(raw)) return std::unexpected(io::file_changed(file_.name()));
  add_findings(reject, raw, findings);
  if (!findings.empty()) counts.add(reject, *frame_.schema);
  place_as_written(reject, raw);
  TRY(tell(reject, raw));
  if (out_) TRY(out_->add(reject, raw));
  return {};
}

Result<void> RejectWriter::tell(const table::Reject& reject, const std::string& raw) {
  if (target_.observer != nullptr && *target_.observer)
    (*target_.observer)(target_.request_index, in_words(reject, raw, *frame_.schema));
  if (target_.store != nullptr && !out_) TRY(open_store());
  return {};
}

/// A broken record over the record limit goes from the file to the store in pieces, so that memory stays
/// bounded.
Result<void> RejectWriter::write_large(const table::Reject& reject) {
  table::Reject piece = reject;
  for (std::uint64_t done = 0; done < reject.length; done += piece.length) {
    piece.offset = reject.offset + done;
    piece.length = std::min<std::uint64_t>(kRejectPieceBytes, reject.length - done);
    TRY_ASSIGN(const std::string bytes, read_raw(piece));
    if (done == 0) {
      TRY(tell(reject, bytes));
      if (out_) TRY(out_->begin_large(reject, reject.length));
    }
    if (out_) TRY(out_->add_piece(bytes));
  }
  return {};
}

/// Forward only, so that a compressed file is undone once, however many records were refused.
Result<std::string> RejectWriter::read_raw(const table::Reject& reject) {
  if (!source_) {
    TRY_ASSIGN(source_, file_.open(reject.offset));
    source_at_ = reject.offset;
  }
  std::array<char, 64 * 1024> skipped;
  while (source_at_ < reject.offset) {
    const std::uint64_t gap = std::min<std::uint64_t>(reject.offset - source_at_, skipped.size());
    TRY_ASSIGN(const std::size_t got, source_->read(std::span(skipped).first(static_cast<std::size_t>(gap))));
    if (got == 0) return std::unexpected(io::file_changed(file_.name()));
    source_at_ += got;
  }
  std::string raw(static_cast<std::size_t>(reject.length), '\0');
  TRY_ASSIGN(const std::size_t got, io::read_fully(*source_, raw));
  if (got != raw.size()) return std::unexpected(io::file_changed(file_.name()));
  source_at_ += got;
  return raw;
}

void RejectWriter::add_findings(table::Reject& reject, const std::string& raw,
                                const std::vector<db::KeyFinding>& findings) const {
  if (findings.empty()) return;
  csv::RecordBatch batch;
  csv::append_record(batch, raw, frame_.opening.dialect, reject.line);
  if (frame_.columns.is_reject_file) {
    csv::RecordBatch rewritten;
    Reload(frame_.opening, frame_.columns, frame_.raw_dialect).rewrite(batch, rewritten);
    batch = std::move(rewritten);
  }
  for (const db::KeyFinding& finding : findings)
    reject.problems.push_back(key_problem(finding.code, finding.key, frame_, batch, 0, ""));
}

/// A record of a reject file was judged in the form that it had before; its places are those of the file.
void RejectWriter::place_as_written(table::Reject& reject, const std::string& raw) const {
  if (!frame_.columns.is_reject_file) return;
  csv::RecordBatch batch;
  csv::append_record(batch, raw, frame_.opening.dialect, reject.line);
  if (!batch.broken.empty() || batch.field_count(0) != frame_.columns.file_columns) return;
  const auto whole = static_cast<std::size_t>(frame_.columns.rg_raw);
  const bool is_whole = !batch.value(0, whole).empty();
  for (Problem& problem : reject.problems) {
    const std::size_t column = is_whole || problem.column >= batch.field_count(0) ? whole : problem.column;
    problem.at = batch.position(0, batch.field_begin(0, column));
  }
}

}  // namespace rowgate::load

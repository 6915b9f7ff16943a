#include "load/reject_writer.h"

#include "base/base64.h"
#include "csv/parser.h"

#include <fmt/format.h>

#include <array>

namespace rowgate::load {
namespace {

using table::Problem;

constexpr std::size_t kShownValueBytes = 1024;

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

Result<void> RejectWriter::write_all(RejectLog& log, db::KeyFindings* findings, RejectCounts& counts) {
  TRY_ASSIGN(std::optional<table::Reject> logged, log.next());
  std::optional<db::KeyFinding> found;
  if (findings != nullptr) {
    TRY_ASSIGN(found, findings->next());
  }
  while (logged || found) {
    if (!found || (logged && logged->line < found->line)) {
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
    TRY(write(std::move(reject), std::move(of_record), counts));
  }
  if (out_) {
    TRY(out_->write(end_line(written_)));
    TRY(out_->close());
  }
  return {};
}

Result<void> RejectWriter::open_store() {
  TRY_ASSIGN(out_, target_.store->create(reject_file_key(target_.head.run)));
  return out_->write(head_line(target_.head));
}

Result<void> RejectWriter::write(table::Reject reject, std::vector<db::KeyFinding> findings,
                                 RejectCounts& counts) {
  if (reject.length > frame_.opening.dialect.max_record_bytes) return write_large(reject);
  TRY_ASSIGN(std::string raw, read_raw(reject));
  add_findings(reject, raw, findings);
  if (!findings.empty()) counts.add(reject, *frame_.schema);
  place_as_written(reject, raw);
  const RefusedRecord record = in_words(reject, std::move(raw));
  TRY(tell(record));
  if (out_) TRY(out_->write(record_line(record)));
  return {};
}

Result<void> RejectWriter::tell(const RefusedRecord& record) {
  if (target_.observer != nullptr && *target_.observer) (*target_.observer)(target_.request_index, record);
  ++written_;
  if (target_.store != nullptr && !out_) TRY(open_store());
  return {};
}

/// A broken record over the record limit goes from the file to the store in pieces, so that memory stays
/// bounded.
Result<void> RejectWriter::write_large(const table::Reject& reject) {
  constexpr std::uint64_t kPieceBytes = 192 * 1024;  // a multiple of 3, as base64 wants
  table::Reject piece = reject;
  std::optional<RefusedRecord> record;
  for (std::uint64_t done = 0; done < reject.length; done += piece.length) {
    piece.offset = reject.offset + done;
    piece.length = std::min(kPieceBytes, reject.length - done);
    TRY_ASSIGN(std::string bytes, read_raw(piece));
    if (!record) {
      record = in_words(reject, bytes);
      TRY(tell(*record));
      if (out_) TRY(out_->write(large_record_begin(*record)));
    }
    if (out_) TRY(out_->write(base64_encode(bytes)));
  }
  if (out_) TRY(out_->write(large_record_end()));
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
    if (got == 0) return fail(Code::FileUnreadable, "the file became shorter while it was read");
    source_at_ += got;
  }
  std::string raw(static_cast<std::size_t>(reject.length), '\0');
  TRY_ASSIGN(const std::size_t got, io::read_fully(*source_, raw));
  if (got != raw.size()) return fail(Code::FileUnreadable, "the file became shorter while it was read");
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

RefusedRecord RejectWriter::in_words(const table::Reject& reject, std::string raw) const {
  RefusedRecord record{.line = reject.line,
                       .record = reject.record,
                       .offset = reject.offset,
                       .problems = {},
                       .raw = std::move(raw)};
  for (const Problem& problem : reject.problems) {
    table::Description words = table::describe(problem, *frame_.schema);
    record.problems.push_back({
        .code = problem.code,
        .field = problem.field == Problem::kNoField ? "" : frame_.schema->fields[problem.field].name,
        .line = problem.at.line,
        .column = problem.at.column,
        .column_number = problem.column == Problem::kNoField ? 0 : problem.column + std::uint64_t{1},
        .found = problem.found.substr(0, kShownValueBytes),
        .title = std::move(words.title),
        .label = std::move(words.label),
        .expected = std::move(words.expected),
        .help = std::move(words.help),
    });
  }
  return record;
}

}  // namespace rowgate::load

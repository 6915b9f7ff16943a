#include "load/pass.h"

#include "base/units.h"
#include "csv/parser.h"
#include "load/ordered_stage.h"
#include "load/threads.h"

#include <algorithm>

namespace rowgate::load {
namespace {

constexpr std::uint64_t kLeastBatchBytes = 64 * kKiB;

struct Slot {
  csv::RecordBatch records;
  csv::RecordBatch before_reload;
  table::CheckedBatch checked;
};

}  // namespace

Result<std::unique_ptr<io::Source>> open_after_header(const io::SourceFile& file, std::uint64_t offset) {
  TRY_ASSIGN(std::unique_ptr<io::Source> source, file.open(0));
  TRY_ASSIGN(const std::uint64_t skipped, io::skip(*source, offset));
  if (skipped < offset) return std::unexpected(io::file_changed(file.name()));
  return source;
}

Result<void> read_checked(const PassInput& input,
                          const std::function<Result<bool>(table::CheckedBatch&)>& consume,
                          std::string* parent, std::stop_token stop) {
  const csv::Opening& opening = input.frame.opening;
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, open_after_header(input.file, opening.data_offset));
  // One byte more than a small file has, so that one batch sees its end.
  const auto batch_bytes = static_cast<std::size_t>(
      std::clamp<std::uint64_t>(input.file.stored_size() + 1, kLeastBatchBytes, csv::Parser::kBatchBytes));
  csv::Parser parser(*source, opening.dialect, {.offset = opening.data_offset, .line = opening.data_line},
                     csv::best_kernel(), batch_bytes);
  const table::Checker checker(*input.frame.schema, input.frame.columns);
  Reload reload(opening, input.frame.columns, input.frame.raw_dialect);
  const std::uint64_t read_before = input.file.stored_bytes_read();  // by earlier passes

  const auto produce = [&](Slot& slot) -> Result<bool> {
    if (!input.frame.columns.is_reject_file) {
      TRY(parser.next(slot.records));
      return !slot.records.empty();
    }
    TRY(parser.next(slot.before_reload));
    reload.rewrite(slot.before_reload, slot.records);
    return !slot.before_reload.empty();
  };
  const auto consume_slot = [&](Slot& slot) -> Result<bool> {
    input.progress.rows_read += slot.checked.records.size();
    input.progress.rows_rejected += slot.checked.rejects.size();
    input.progress.bytes_read = input.file.stored_bytes_read() - read_before;
    return consume(slot.checked);
  };
  OrderedStage<Slot> stage(worker_count(input.threads, input.file.stored_size()));
  TRY(stage.run({.produce = produce,
                 .work = [&](Slot& slot) { checker.check(slot.records, slot.checked); },
                 .consume = consume_slot},
                stop));
  if (parent != nullptr) *parent = reload.parent();
  return {};
}

}  // namespace rowgate::load

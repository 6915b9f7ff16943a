#include "csv/parser.h"
#include "load/loader.h"
#include "load/ordered_stage.h"
#include "load/threads.h"

namespace rowgate::load {

Result<table::Inference::Outcome> infer_schema(const io::SourceFile& file, const csv::Opening& opening,
                                               const table::TableSchema* before, unsigned threads,
                                               Progress& progress, std::stop_token stop) {
  progress.phase = Progress::Phase::Infer;
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, file.open(opening.data_offset));
  csv::Parser parser(*source, opening.dialect, {.offset = opening.data_offset, .line = opening.data_line});

  struct Slot {
    csv::RecordBatch records;
  };
  // What one thread has seen; merging at the end makes the order of the batches irrelevant.
  std::mutex mutex;
  std::vector<std::unique_ptr<table::Inference>> idle;
  const auto borrow = [&] {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) return std::make_unique<table::Inference>(opening.columns);
    std::unique_ptr<table::Inference> taken = std::move(idle.back());
    idle.pop_back();
    return taken;
  };
  OrderedStage<Slot> stage(worker_count(threads, file.stored_size()));
  TRY(stage.run({.produce = [&](Slot& slot) -> Result<bool> {
                   TRY(parser.next(slot.records));
                   return !slot.records.empty();
                 },
                 .work =
                     [&](Slot& slot) {
                       std::unique_ptr<table::Inference> inference = borrow();
                       inference->observe(slot.records);
                       const std::scoped_lock lock(mutex);
                       idle.push_back(std::move(inference));
                     },
                 .consume = [&](Slot& slot) -> Result<bool> {
                   progress.rows_read += slot.records.size();
                   progress.bytes_read = file.stored_bytes_read();
                   return true;
                 }},
                stop));
  if (stop.stop_requested()) return fail(Code::RunInterrupted, "stopped before the types were known");
  table::Inference whole(opening.columns);
  for (const auto& part : idle) whole.merge(*part);
  return whole.finish(opening, before);
}

}  // namespace rowgate::load

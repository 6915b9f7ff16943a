#pragma once

// One reading of a file: parsed on one thread, checked on several, seen in file order by the caller.

#include "load/loader.h"
#include "load/reject_writer.h"
#include "load/reload.h"

#include <functional>
#include <stop_token>

namespace rowgate::load {

/// What the pass works on; outlives it.
struct PassInput {
  const io::SourceFile& file;
  const FileFrame& frame;
  unsigned threads = 0;
  Progress& progress;
};

/// The file from its data on, read from its first byte, so that its SHA-256 is known at the end.
Result<std::unique_ptr<io::Source>> open_after_header(const io::SourceFile& file, std::uint64_t data_offset);

/// Gives every batch, stages 1 and 2 judged, to `consume` in file order on this thread; false from it ends
/// the pass. The file is read from its first byte, so that its SHA-256 is known at the end. `parent` (may be
/// null) receives the run that a reject file came from. Errors are the file's and consume's own; after a stop
/// the result is success.
Result<void> read_checked(const PassInput& input,
                          const std::function<Result<bool>(table::CheckedBatch&)>& consume,
                          std::string* parent, std::stop_token stop);

}  // namespace rowgate::load

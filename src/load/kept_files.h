#pragma once

// What is kept of a run beside its row in the ledger: the records that it refused, and (over HTTP) the file
// as it was received.

#include "base/clock.h"
#include "db/run_record.h"
#include "io/source.h"
#include "load/rejects/reject_file.h"
#include "store/store.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace rowgate::load {

store::FileKey source_key(std::string_view run_id);  ///< "sources/run_..."

/// The records that a run refused. Fails with run.rejects_expired where it refused some and they are not kept
/// any more, file.not_found where there never were any.
Result<RejectReader> open_rejects(store::Store& store, const db::RunRecord& run);
/// The file of a run as it was received; from the spool while it is on its way to the store. Fails with
/// run.rejects_expired where it is not kept (any more).
Result<std::shared_ptr<io::SourceFile>> open_source(store::Store& store, const std::filesystem::path& spool,
                                                    const db::RunRecord& run);

/// The first refused records of a run, without their own bytes: as many as have `limit` problems together.
/// Empty where they are not kept.
std::vector<RefusedRecord> first_rejects(store::Store& store, const db::RunRecord& run, std::size_t limit);

/// How long files are kept in the store.
struct Retention {
  std::chrono::seconds reports = std::chrono::days(7);
  std::chrono::seconds rejects = std::chrono::days(30);
  std::chrono::seconds sources = std::chrono::days(7);
};
/// Removes what is older; what clients put into a bucket for a load (uploads/) is a source too. Called at the
/// start and every hour by a server. Goes on past a file that cannot be removed and tells the first such
/// error at the end.
Result<void> sweep(store::Store& store, const Retention& keep, Timestamp now);

}  // namespace rowgate::load

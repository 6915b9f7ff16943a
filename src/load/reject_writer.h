#pragma once

#include "base/units.h"
#include "csv/dialect.h"
#include "db/database.h"
#include "io/source.h"
#include "load/loader.h"
#include "load/rejects/reject_log.h"
#include "load/reload.h"
#include "table/column_map.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace rowgate::load {

/// What a file is read with, found once per load.
struct FileFrame {
  csv::Opening opening;
  table::ColumnMap columns;
  std::optional<csv::Dialect> raw_dialect = {};  ///< of what stands in a reject file's rg_raw, where known
  const table::TableSchema* schema = nullptr;
};

/// A problem of stage 3, 4 or 5 with record `record` of `batch`; `key` as in KeyFinding, or an index into
/// TableSchema::keys() for KeyDuplicateInFile. `note` ends the label: "first in line 12".
table::Problem key_problem(Code code, std::uint32_t key, const FileFrame& frame,
                           const csv::RecordBatch& batch, std::size_t record, std::string note);

/// Brings the rejects of all stages together in file order, reads each record's bytes from the file again,
/// and gives them to the store and to the observer.
class RejectWriter {
 public:
  struct Target {
    store::Store* store = nullptr;  ///< absent: nothing is stored (dry run)
    RejectFileHead head = {};
    const RejectObserver* observer = nullptr;
    std::size_t request_index = 0;
    std::uint64_t max_bytes = kGiB;  ///< of the stored file
    std::stop_token stop = {};       ///< ends the writing, with run.interrupted
  };
  RejectWriter(const io::SourceFile& file, const FileFrame& frame, Target target);

  /// `findings` may be null. Adds what the findings say to `counts`. The stored file is flushed when this
  /// returns. False where it became too large, and rejects are missing in it. Fails with file.changed where a
  /// record is not what was judged.
  Result<bool> write_all(RejectLog& log, db::KeyFindings* findings, RejectCounts& counts);

 private:
  Result<void> write(LoggedReject logged, std::vector<db::KeyFinding> findings, RejectCounts& counts);
  Result<void> write_large(const table::Reject& reject);
  Result<void> tell(const table::Reject& reject, const std::string& raw);
  Result<std::string> read_raw(const table::Reject& reject);
  void add_findings(table::Reject& reject, const std::string& raw,
                    const std::vector<db::KeyFinding>& findings) const;
  void place_as_written(table::Reject& reject, const std::string& raw) const;
  Result<void> open_store();

  const io::SourceFile& file_;
  const FileFrame& frame_;
  Target target_;
  std::unique_ptr<io::Source> source_;
  std::uint64_t source_at_ = 0;
  std::optional<RejectFileWriter> out_;
};

}  // namespace rowgate::load

#pragma once

#include "base/error.h"
#include "db/link_ledger.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::report {

/// Links and runs of reports that could not be written to the ledger, because a load had it locked: each in a
/// small file `links/<id>.json` in the spool (docs/formats.md, "Link that waits"), until flush() has brought
/// it there. A run also stands in `runs/<id>.json`, where everybody looks for runs that the ledger does not
/// have. Several processes may share a spool. Thread safe.
class PendingLinks {
 public:
  explicit PendingLinks(std::filesystem::path spool);

  /// Either may be absent.
  struct Entry {
    std::optional<db::LinkRecord> link = {};
    std::optional<db::RunRecord> run = {};
  };
  /// To the ledger if that goes at once, else to a state file. Fails with run.idempotency_in_progress (see
  /// LinkLedger::record), storage.*.
  Result<void> record(db::LinkLedger& ledger, const Entry& entry) const;
  /// Notes in the ledger, else in a state file, that the link was revoked.
  Result<void> revoke(db::LinkLedger& ledger, db::LinkRecord link, Timestamp at) const;
  /// Tries to bring everything to the ledger; what cannot go stays.
  void flush(db::LinkLedger& ledger) const;

  /// All links that wait, newest first.
  std::vector<db::LinkRecord> links() const;
  std::optional<db::LinkRecord> find(std::string_view id) const;

 private:
  std::filesystem::path path_of(const Entry& entry) const;
  std::vector<std::filesystem::path> files() const;
  Result<void> keep(const Entry& entry) const;
  bool settle(db::LinkLedger& ledger, const std::filesystem::path& file) const;

  std::filesystem::path folder_, runs_;
};

}  // namespace rowgate::report

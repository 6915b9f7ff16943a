#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/stored_text.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db {

enum class RunStatus : std::uint8_t {
  Receiving,
  Queued,
  Running,
  Succeeded,
  SucceededWithRejects,
  Failed,
  Cancelled,
  Interrupted,
  Undecided,  ///< the answer to its commit was lost; the database has not said yet whether it happened
};
std::string_view name(RunStatus status);  ///< "succeeded_with_rejects", ...
std::optional<RunStatus> run_status_from(std::string_view name);

/// All rejects of one code and field.
struct RejectGroup {
  Code code;
  std::string field = {};   ///< empty when the record as a whole is meant
  std::uint64_t count = 0;  ///< problems of this kind
  std::uint64_t first_line = 0;
};

/// A warning told with a run: record.blank, header.extra.
struct RunWarning {
  Code code;
  std::string message;
  std::uint64_t count = 0, first_line = 0;
};

/// The Idempotency-Key of a request and what it is bound to. The four first members together are unique in
/// the ledger while they are kept.
struct Idempotency {
  std::string principal = {}, method = {}, path = {};
  std::string key = {};          ///< empty: the request had none
  std::string fingerprint = {};  ///< hex SHA-256 of method, path, sorted query and body digest
  explicit operator bool() const { return !key.empty(); }
  /// The same request's key; the fingerprints may differ.
  bool same_key(const Idempotency& other) const {
    return principal == other.principal && method == other.method && path == other.path && key == other.key;
  }
};

/// How long an Idempotency-Key keeps its meaning.
inline constexpr std::chrono::hours kIdempotencyKept{7 * 24};

/// One run, as in the ledger (table rowgate_runs) and in the run resource of the API.
struct RunRecord {
  std::string id;  ///< "run_..."
  std::string kind = "load";
  RunStatus status = RunStatus::Running;
  std::string space = {}, table;
  std::string mode = "append";
  bool dry_run = false;
  StoredText file_name = {};
  std::uint64_t file_bytes = 0;
  std::string file_sha256 = {};
  std::string duplicate_of = {};  ///< an earlier run of the same bytes into this table
  StoredText parent = {};         ///< the run whose rejects this file repairs
  std::uint64_t rows_read = 0, rows_accepted = 0, rows_rejected = 0, rows_skipped = 0;
  std::optional<std::uint64_t> rows_inserted = {}, rows_updated = {};  ///< upsert only
  std::vector<RejectGroup> rejects = {};                               ///< most frequent first
  std::vector<RunWarning> warnings = {};
  std::uint64_t version_before = 0, version_after = 0;
  Timestamp created_at = {}, started_at = {}, finished_at = {};
  StoredText principal = "local";
  std::optional<Error> error = {};  ///< why it failed
  Idempotency idempotency = {};
};

/// Whether its rows are in the table.
bool has_loaded(const RunRecord& run);
/// The same run as one that ended with `error`: nothing of it is in the table, and its idempotency key is
/// free again.
RunRecord as_failed(RunRecord run, Error error);

/// The run resource as one JSON object (product's API shape; without links, which a server adds).
std::string to_json(const RunRecord& run);
/// Members as stored: rejects, warnings and error as JSON texts, and back. Fails with internal.error on
/// damage.
std::string rejects_to_json(const RunRecord& run);
std::string warnings_to_json(const RunRecord& run);
std::string error_to_json(const RunRecord& run);
Result<void> read_json_members(RunRecord& run, std::string_view rejects, std::string_view warnings,
                               std::string_view error);
/// A whole record, for a run's state file.
std::string to_state_json(const RunRecord& run);
Result<RunRecord> run_from_state_json(std::string_view json);

}  // namespace rowgate::db

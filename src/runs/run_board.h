#pragma once

#include "base/error.h"
#include "load/load_options.h"
#include "load/progress.h"
#include "load/rejects/reject_file.h"
#include "load/run_state.h"
#include "load/table_config.h"

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::runs {

/// A run of this process: being received, waiting, running, or lately ended.
struct RunEntry {
  // Guarded by the queue's mutex.
  db::RunRecord run;
  std::vector<load::RefusedRecord> rejects = {};
  std::vector<std::function<void()>> on_end = {};     ///< it has ended
  std::vector<std::function<void()>> on_known = {};   ///< the same, or it is undecided
  std::string answered_by = {};                       ///< another run that did the same request
  std::shared_ptr<const load::Catalog> catalog = {};  ///< what it begins with; null before and after that
  Timestamp undecided_since = {};

  // Set before the run waits, not changed afterwards.
  load::LoadOptions options = {};
  bool was_configured = false;  ///< its table, when the request was judged
  bool taken_up = false;        ///< by another process it was received
  bool has_options = false;     ///< and whole: it can be loaded here (known of runs that were taken up)

  load::Progress progress = {};
  std::stop_source stop = {};

  std::mutex files_mutex = {};        ///< guards what follows; never waited for under the queue's mutex
  std::filesystem::path upload = {};  ///< empty: there is none (any more)
  std::optional<load::RunState> state = {};
  bool is_recorded = false;  ///< the ledger has its end
};

/// The runs of this process by id and by idempotency key. Of ended ones the latest 256 are remembered. Not
/// thread safe.
class RunBoard {
 public:
  using Entry = std::shared_ptr<RunEntry>;
  void add(const Entry& entry);
  void erase(const Entry& entry);
  /// null: not (or no longer) here.
  Entry find(std::string_view run_id) const;
  Entry find_by_key(const db::Idempotency& key) const;
  /// The entry's run has taken its idempotency key; one per key.
  void claim_key(const Entry& entry);
  /// The key is free again, where the run had it.
  void release_key(const db::Idempotency& key, const std::string& run_id);
  /// The run has ended and may be forgotten some day.
  void note_end(const Entry& entry);
  /// Every entry, by id.
  const std::map<std::string, Entry, std::less<>>& all() const { return entries_; }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string, std::less<>> run_of_key_;
  std::deque<std::string> ended_;  ///< ids, oldest first
};

}  // namespace rowgate::runs

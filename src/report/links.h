#pragma once

// Reports behind links that expire: the report is run, its CSV stored as reports/<link id>/<file name>, and
// the link noted in the database's ledger. A report over unchanged tables is not computed twice within its
// `reuse`. None of it waits for a load: while the ledger cannot be written, what belongs there stands in
// state files in the spool (pending_links.h) and is read from there.

#include "base/clock.h"
#include "db/database.h"
#include "report/pending_links.h"
#include "report/report.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::report {

struct LinkRequest {
  const Definition* report = nullptr;
  std::vector<std::pair<std::string, std::string>> params = {};
  std::optional<std::chrono::seconds> expires_in = {};  ///< else the report's `expires`
  std::optional<std::string> filename = {};             ///< else the report's; see is_link_filename
  StoredText principal = "local";
  db::Idempotency idempotency = {};
  std::stop_token stop = {};  ///< ends the report, and waiting for another one
};

struct MadeLink {
  db::LinkRecord link;
  std::string address;    ///< see Links::address()
  bool reused = false;    ///< the bytes of an equal link
  bool replayed = false;  ///< this very link was made by an earlier request with the same idempotency key
};

/// 1 to 100 of [A-Za-z0-9._-], not beginning with a dot.
bool is_link_filename(std::string_view name);
/// The whole URL of what Links::address() gives; "" stays "".
std::string url_of(std::string_view public_url, std::string_view address);
/// The link's file in the store: "reports/<id>/<filename>".
store::FileKey object_of(const db::LinkRecord& link);

/// Thread safe; blocks.
class Links {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::chrono::seconds longest{7 * 86'400};  ///< life of a link
    /// Links lead to the store itself, as long as its credentials are good; null: to the server's /d/.
    store::AddressSigner* direct = nullptr;
  };
  /// Everything given by reference outlives this.
  Links(db::Database& database, store::Store& store, const store::LinkSigner& signer, const Clock& clock,
        Settings settings);

  /// Runs the report (a run of kind "report" in the ledger), or copies the stored bytes of an equal link, and
  /// makes a link of its own. A request with an idempotency key that made a link before gets that one. Fails
  /// as run() does, also where it is stopped; with report.bad_parameter for a life or file name that is not
  /// allowed; run.idempotency_in_progress, run.idempotency_reused; storage.*.
  Result<MadeLink> make(const LinkRequest& request);
  /// Newest first, revoked and expired ones included until they are forgotten; of those older than `before`.
  Result<std::vector<db::LinkRecord>> list(const std::optional<std::string>& before, std::size_t limit) const;
  /// Fails with report.link_unknown.
  Result<db::LinkRecord> find(std::string_view id) const;
  /// Removes the stored file; the link answers 410 from now on. Again: nothing happens. Fails with
  /// report.link_unknown, storage.*.
  Result<void> revoke(std::string_view id);
  /// The signed path of a link, "/d/...", or its URL at the store where links are direct ones; of use while
  /// it is neither revoked nor expired. "" where the store has no credentials for it now.
  std::string address(const db::LinkRecord& link) const;
  /// Neither revoked nor expired.
  bool is_live(const db::LinkRecord& link) const;

  /// Writes to the ledger what could not be written before. To be called after loads, and now and then.
  void flush();
  /// Removes the files of links that have ended, and files older than a day that belong to no link (their
  /// process died before it could note them); forgets links that ended 30 days ago. Gives the number of files
  /// removed. To be called now and then.
  Result<std::size_t> sweep();

 private:
  struct Wanted;
  class Turn;
  Result<Wanted> judge(const LinkRequest& request) const;
  Result<std::optional<MadeLink>> replay(const db::Idempotency& key);
  Result<MadeLink> make_fresh(Wanted& wanted);
  Result<std::optional<db::LinkRecord>> find_by_key(const db::Idempotency& key) const;
  Result<std::optional<db::LinkRecord>> find_equal(const db::LinkRecord& like, Timestamp since) const;
  Result<bool> copy_equal(Wanted& wanted);
  Result<void> compute(Wanted& wanted, db::RunRecord& run);
  Result<std::string> present_basis_of(const Definition& report) const;
  Result<std::string> final_address(db::LinkRecord& link) const;
  Result<void> record(const db::LinkRecord* link, const db::RunRecord* run);

  db::Database& database_;
  store::Store& store_;
  const store::LinkSigner& signer_;
  const Clock& clock_;
  Settings settings_;
  PendingLinks pending_;
  std::mutex mutex_;
  std::condition_variable_any turn_ended_;
  std::set<std::string> busy_;  ///< guarded by mutex_: keys and reports that some thread works on
};

}  // namespace rowgate::report

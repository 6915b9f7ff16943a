#pragma once

// Reports behind links that expire: the report is run, its CSV stored as reports/<link id>/<file name>, and
// the link noted in the database's ledger. A report over unchanged tables is not computed twice within
// `reuse`.

#include "base/clock.h"
#include "db/database.h"
#include "report/report.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::report {

struct LinkRequest {
  const Definition* report = nullptr;
  std::vector<std::pair<std::string, std::string>> params = {};
  std::chrono::seconds expires_in{86'400};
  std::optional<std::string> filename = {};  ///< else the report's; [A-Za-z0-9._-], at most 100 characters
  std::string principal = "local";
  db::Idempotency idempotency = {};
};

struct MadeLink {
  db::LinkRecord link;
  std::string path;  ///< signed: "/d/..."
  bool reused = false;
};

/// Thread safe; blocks.
class Links {
 public:
  struct Settings {
    std::filesystem::path spool;
    std::chrono::milliseconds reuse{300'000};
    std::chrono::seconds longest{7 * 86'400};
  };
  Links(db::Database& database, store::Store& store, const store::LinkSigner& signer, const Clock& clock,
        Settings settings);

  /// Runs the report, or copies the stored bytes of an equal link, and makes a link of its own. Fails as
  /// run() does, and with report.bad_parameter for a life or file name that is not allowed.
  Result<MadeLink> make(const LinkRequest& request);
  /// Newest first, revoked and expired ones included until they are forgotten.
  Result<std::vector<db::LinkRecord>> list(const std::optional<std::string>& before, std::size_t limit) const;
  Result<db::LinkRecord> find(std::string_view id) const;
  /// Removes the stored file; the link answers 410 from now on. Fails with link.unknown.
  Result<void> revoke(std::string_view id);
  /// The signed path of a link that is still valid.
  std::string signed_path(const db::LinkRecord& link) const;

 private:
  db::Database& database_;
  store::Store& store_;
  const store::LinkSigner& signer_;
  const Clock& clock_;
  Settings settings_;
};

}  // namespace rowgate::report

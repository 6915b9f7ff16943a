#pragma once

#include "db/run_record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::db {

/// A link to a stored report, as in the ledger (table rowgate_links). Its file is
/// reports/<id>/<filename> in the store.
struct LinkRecord {
  std::string id;  ///< "lnk_..."
  std::string report, filename;
  std::string params = "{}";  ///< JSON object of the bound values, members sorted
  std::string run = {};       ///< the run that computed the bytes
  std::string basis = {};     ///< digest over what they were computed from: the report's definition and
                              ///< LinkLedger::table_versions(); empty: not known, never reused
  std::uint64_t rows = 0, bytes = 0;
  std::string sha256 = {};                                       ///< lower-case hex
  Timestamp created_at = {}, computed_at = {}, expires_at = {};  ///< expires_at in whole seconds
  std::optional<Timestamp> revoked_at = {};
  std::string principal = "local";
  Idempotency idempotency = {};
};

/// The link as one JSON object (the API's shape); `url` empty: null. `reused` is told of a new link only.
std::string to_json(const LinkRecord& link, std::string_view url, std::optional<bool> reused = {});
/// A whole record, for the state file of a link that is not in the ledger yet. Reading fails with
/// internal.error on damage.
std::string to_state_json(const LinkRecord& link);
Result<LinkRecord> link_from_state_json(std::string_view json);

}  // namespace rowgate::db

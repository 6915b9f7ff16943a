#pragma once

#include "db/link_ledger.h"
#include "db/server/pool.h"

namespace rowgate::db::server {

/// See LinkLedger::table_versions(); by a session of this engine.
Result<std::string> table_versions_of(const Engine& engine, Session& session);

/// The table rowgate_links of a server.
class ServerLinks : public LinkLedger {
 public:
  /// `reader`: what queries read from.
  ServerLinks(const Engine& engine, Pool& pool, const Engine& reader)
      : engine_(engine), reader_(reader), pool_(pool) {}
  Result<void> record(const LinkRecord* link, const RunRecord* run) override;
  Result<std::vector<LinkRecord>> list(const std::optional<std::string>& before, std::size_t limit) override;
  Result<std::optional<LinkRecord>> find(std::string_view id) override;
  Result<std::optional<LinkRecord>> find_by_key(const Idempotency& key, Timestamp since) override;
  Result<std::optional<LinkRecord>> find_equal(const LinkRecord& like, Timestamp since) override;
  Result<void> forget(Timestamp expired_before) override;
  Result<std::string> table_versions() override;

 private:
  Result<std::vector<LinkRecord>> read(const std::string& condition, std::span<const Param> params);
  Result<std::optional<LinkRecord>> first(const std::string& condition, std::span<const Param> params);

  const Engine& engine_;
  const Engine& reader_;
  Pool& pool_;
};

}  // namespace rowgate::db::server

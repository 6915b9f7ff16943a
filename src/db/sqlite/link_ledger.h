#pragma once

#include "db/link_ledger.h"
#include "db/sqlite/kept_connections.h"

#include <functional>
#include <initializer_list>
#include <mutex>

namespace rowgate::db::sqlite {

/// See LinkLedger::table_versions().
Result<std::string> table_versions_of(const Connection& connection);

/// The table rowgate_links. `one_writer` is held by whoever writes to the database in this process.
class SqliteLinkLedger : public LinkLedger {
 public:
  SqliteLinkLedger(KeptConnections& connections, std::timed_mutex& one_writer)
      : connections_(connections), one_writer_(one_writer) {}

  Result<void> record(const LinkRecord* link, const RunRecord* run) override;
  Result<std::vector<LinkRecord>> list(const std::optional<std::string>& before, std::size_t limit) override;
  Result<std::optional<LinkRecord>> find(std::string_view id) override;
  Result<std::optional<LinkRecord>> find_by_key(const Idempotency& key, Timestamp since) override;
  Result<std::optional<LinkRecord>> find_equal(const LinkRecord& like, Timestamp since) override;
  Result<void> forget(Timestamp expired_before) override;
  Result<std::string> table_versions() override;

 private:
  using Texts = std::initializer_list<std::string_view>;
  Result<std::optional<LinkRecord>> first(const std::string& condition, Texts parameters) const;
  Result<std::vector<LinkRecord>> read(const std::string& condition, Texts parameters) const;
  Result<void> write(const std::function<Result<void>(const Connection&)>& change);

  KeptConnections& connections_;
  std::timed_mutex& one_writer_;
};

}  // namespace rowgate::db::sqlite

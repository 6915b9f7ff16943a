#include "app/wire.h"

#include "db/open.h"
#include "store/s3_store.h"

namespace rowgate::app {

std::unique_ptr<db::Database> make_database(const Config& config) {
  if (config.server) return db::server_database(*config.server);
  return db::sqlite_database(config.database_path);
}

std::unique_ptr<store::Store> make_store(const Config& config) {
  if (config.s3) return store::s3_store(*config.s3);
  return store::dir_store(config.storage_path);
}

Result<store::LinkSigner> make_link_signer(const Config& config) {
  if (!config.link_secrets.empty()) return store::LinkSigner(config.link_secrets);
  if (config.link_keys) return store::LinkSigner::from_file(*config.link_keys);
  if (config.s3) return store::s3_link_signer(*config.s3);
  return store::LinkSigner::from_file(config.storage_path / store::kLinkKeysFile);
}

store::AddressSigner* direct_links_of(const Config& config, store::Store& store) {
  return config.direct_links ? store.address_signer() : nullptr;
}

}  // namespace rowgate::app

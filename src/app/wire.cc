#include "app/wire.h"

#include "aws/secret.h"
#include "db/engines/server_database.h"
#include "db/sqlite/database.h"
#include "store/s3_store.h"

namespace rowgate::app {

namespace {

/// A password out of AWS Secrets Manager.
class SecretPassword : public db::PasswordSource {
 public:
  explicit SecretPassword(const aws::SecretSettings& settings) : secret_(settings) {}
  Result<std::string> current() override { return secret_.value(); }
  Result<std::string> after(std::string_view refused) override { return secret_.value_after(refused); }

 private:
  aws::Secret secret_;
};

}  // namespace

std::unique_ptr<db::Database> make_database(const config::Config& config) {
  if (!config.server) return db::sqlite_database(config.database_path, kLockWait, config.spool_path);
  db::ServerOptions options = *config.server;
  if (config.secret) options.address.passwords = std::make_shared<SecretPassword>(*config.secret);
  if (options.reader && config.reader_secret)
    options.reader->passwords = std::make_shared<SecretPassword>(*config.reader_secret);
  return db::server_database(options);
}

std::unique_ptr<store::Store> make_store(const config::Config& config) {
  if (config.s3) return store::s3_store(*config.s3);
  return store::dir_store(config.storage_path);
}

Result<store::LinkSigner> make_link_signer(const config::Config& config) {
  if (!config.link_secrets.empty()) return store::LinkSigner(config.link_secrets);
  if (config.link_keys) return store::LinkSigner::from_file(*config.link_keys);
  if (config.s3) return store::s3_link_signer(*config.s3);
  return store::LinkSigner::from_file(config.storage_path / store::kLinkKeysFile);
}

store::AddressSigner* direct_links_of(const config::Config& config, store::Store& store) {
  return config.direct_links ? store.address_signer() : nullptr;
}

}  // namespace rowgate::app

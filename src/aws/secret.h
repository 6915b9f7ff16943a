#pragma once

// One text out of a secret in AWS Secrets Manager: a database's password, as RDS keeps and rotates it.

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/http_client.h"
#include "net/retry.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::aws {

struct SecretSettings {
  std::string name;              ///< of the secret, or its ARN
  std::string key = "password";  ///< the member of its JSON object
  std::string region;            ///< "eu-west-1"
  std::string endpoint = {};     ///< "http://127.0.0.1:4566"; empty: AWS
  std::optional<std::filesystem::path> authorities =
      {};  ///< PEM file, in place of those that the system trusts
  net::Retries retries = {.tries = 3, .most = std::chrono::milliseconds(1'000)};

  // Empty: libcurl, the usual credentials, the system's clock.
  std::shared_ptr<net::HttpClient> http = {};
  std::shared_ptr<CredentialSource> credentials = {};
  std::shared_ptr<const Clock> clock = {};

  /// "the secret hr/database in eu-west-1"
  std::string described() const;
};

/// The text under `key` in a secret that is a JSON object of texts (RDS writes username, password, host,
/// port, ...), by GetSecretValue with a signed request. Kept for five minutes; when it cannot be read again
/// then, the last one serves on. Thread safe.
class Secret {
 public:
  explicit Secret(SecretSettings settings);

  /// Fails with database.secret (no such secret, no right to it, another shape), database.unreachable when
  /// the service does not answer. May ask another server.
  Result<std::string> value();
  /// The value, given that `refused` does not serve any more: read anew, at most once a second.
  Result<std::string> value_after(std::string_view refused);

 private:
  struct Attempt;
  Result<std::string> read();
  Attempt attempt();
  Attempt judge(const net::HttpResponse& response);
  Error refused(int status, const std::string& type, const std::string& message) const;
  Result<std::string> text_in(const std::string& answer) const;
  std::unexpected<Error> wrong(std::string_view what, std::string hint) const;

  SecretSettings settings_;
  std::mutex mutex_;
  std::optional<std::string> kept_;  ///< guarded by mutex_
  Timestamp read_at_ = {};           ///< guarded by mutex_
  Timestamp read_again_at_ = {};     ///< after a refusal; guarded by mutex_
};

}  // namespace rowgate::aws

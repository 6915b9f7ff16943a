#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "net/http_client.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rowgate::aws {

/// What requests are signed with. Never to be shown or logged, but for `source`.
struct Credentials {
  std::string access_key, secret_key;
  std::string session_token = {};         ///< empty: of a user, not of a role
  std::optional<Timestamp> expires = {};  ///< when they end, where that is known
  std::string source = {};  ///< for people: "the environment", "profile loader of /.../credentials"
  bool is_temporary() const { return !session_token.empty(); }
};

/// Where credentials come from. Thread safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Good for some minutes, as far as that is known. May ask another server.
  virtual Result<Credentials> current() = 0;
  /// The service did not take the last ones: they are looked up anew next time.
  virtual void forget() = 0;
};

struct CredentialSettings {
  std::string profile = {};  ///< of the shared files; else AWS_PROFILE, else "default"
  /// A variable of the environment; empty: getenv().
  std::function<std::optional<std::string>(const char*)> environment = {};
  /// What errors are about: there are none that can be used, or their server does not answer.
  Code denied = Code::StorageDenied, unreachable = Code::StorageUnreachable;
};

/// The first of these that is there:
///   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (and AWS_CREDENTIAL_EXPIRATION);
///   a profile with keys in ~/.aws/credentials or ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE,
///   AWS_CONFIG_FILE, AWS_PROFILE);
///   the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, and
///   AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE);
///   the instance's metadata, version 2 (not where AWS_EC2_METADATA_DISABLED is true; its address may be
///   given by AWS_EC2_METADATA_SERVICE_ENDPOINT).
/// Kept until ten minutes before they end, then looked up again; when that fails they are used to their end.
std::unique_ptr<CredentialSource> default_credentials(std::shared_ptr<net::HttpClient> client,
                                                      std::shared_ptr<const Clock> clock,
                                                      CredentialSettings settings = {});

/// Always the same ones.
std::unique_ptr<CredentialSource> fixed_credentials(Credentials credentials);

}  // namespace rowgate::aws

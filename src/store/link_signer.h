#pragma once

#include "base/clock.h"
#include "base/error.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::store {

/// Signs and checks the addresses of stored files: /d/{object}?e={unix seconds}&k={key id}&s={signature},
/// where the signature is the base64url (RFC 4648 section 5, unpadded) HMAC-SHA256 of "GET", the object and
/// the time under the key (docs/formats.md, "Link"). Thread safe.
class LinkSigner {
 public:
  struct Key {
    std::string id;     ///< 1 to 16 of [A-Za-z0-9]
    std::string bytes;  ///< 32 or more
  };
  /// `keys`: the first one signs, all of them are accepted.
  explicit LinkSigner(std::vector<Key> keys);
  /// The keys in `file`; made with one random key (0600) where it is missing. Fails with config.invalid,
  /// storage.*.
  static Result<LinkSigner> from_file(const std::filesystem::path& file);

  /// "/d/reports/lnk_.../report.csv?e=...&k=...&s=..."
  std::string sign(std::string_view object, Timestamp expires) const;

  enum class Verdict { Ok, Expired, BadSignature };
  /// `expires_text`, `key_id`, `signature` as they stand in the query. Compares in constant time. Valid until
  /// `now` is at the second of expiry; without tolerance.
  Verdict check(std::string_view object, std::string_view expires_text, std::string_view key_id,
                std::string_view signature, Timestamp now) const;

 private:
  std::vector<Key> keys_;
};

}  // namespace rowgate::store

#pragma once

#include "base/clock.h"
#include "base/error.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::store {

/// The name of the file with the link keys in the store's folder. No stored file can have it, since it begins
/// with a dot.
inline constexpr std::string_view kLinkKeysFile = ".link-keys";

/// 1 to 16 of [A-Za-z0-9].
bool is_link_key_id(std::string_view id);

/// Signs and checks the addresses of stored files: /d/{object}?e={unix seconds}&k={key id}&s={signature},
/// where the signature is the base64url (RFC 4648 section 5, unpadded) HMAC-SHA256 of "GET", the object and
/// the time under the key (docs/formats.md, "Link"). Thread safe.
class LinkSigner {
 public:
  struct Key {
    std::string id;     ///< 1 to 16 of [A-Za-z0-9]
    std::string bytes;  ///< 32 or more
  };
  /// `keys`, at least one: the first one signs, all of them are accepted.
  explicit LinkSigner(std::vector<Key> keys);
  /// The keys in `file`; made with two random keys (0600) where it is missing, also when several processes
  /// start at once. Fails with config.invalid (not as it was written, or readable by others), storage.*.
  static Result<LinkSigner> from_file(const std::filesystem::path& file);
  /// The keys in a text of the same form; `where` is what messages say of it. Fails with config.invalid.
  static Result<LinkSigner> from_text(std::string_view where, std::string_view text);
  /// Such a text with two random keys.
  static Result<std::string> new_keys();

  /// "/d/reports/lnk_.../report.csv?e=...&k=...&s=..."; `expires` in whole seconds, a fraction is dropped.
  std::string sign(std::string_view object, Timestamp expires) const;

  enum class Verdict { Ok, Expired, BadSignature };
  /// `expires_text`, `key_id`, `signature` as they stand in the query; a query in which one of them is
  /// missing or doubled is forged, and so is one with anything else in it. Compares in constant time, the
  /// signature before the time, so that Expired is said of links only that were once good. Ok as long as
  /// `now` is before the second of expiry.
  Verdict check(std::string_view object, std::string_view expires_text, std::string_view key_id,
                std::string_view signature, Timestamp now) const;
  /// The same for a path and query as they stand in the request's target: "/d/...?e=...". Only the very text
  /// that sign() gives is Ok. `object`, where given, receives the object of a link that is not BadSignature.
  Verdict check_target(std::string_view target, Timestamp now, std::string* object = nullptr) const;

 private:
  const Key* find(std::string_view id) const;

  std::vector<Key> keys_;
};

}  // namespace rowgate::store

#pragma once

#include "api/core/settings.h"
#include "base/clock.h"
#include "http/message.h"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::api {

/// The form of an API key: "rgk_", 30 base62 characters, and 6 that are their CRC-32 in base62, so that a
/// typing mistake is found without looking anything up.
bool is_key_form(std::string_view key);
/// The key as it was sent, whatever it is worth; empty where there is none.
std::string_view sent_key(const http::Request& request);
/// The whole key of its 30 random characters.
std::string key_from(std::string_view random);

/// Judges the API key of a request: `Authorization: Bearer`, or `X-Api-Key`. Ten wrong keys from one address
/// within a minute and further wrong ones are not told apart until the minute is over; a right key is never
/// refused for others that came from its address. Thread safe.
class Authenticator {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// `now` tells the time that never goes back; tests have their own.
  explicit Authenticator(const Clock& clock, std::function<Moment()> now = std::chrono::steady_clock::now)
      : clock_(clock), now_(std::move(now)) {}

  using Keys = std::shared_ptr<const std::vector<KeySettings>>;
  /// The one of `known` that the request has; it keeps `known` alive. Fails with auth.unauthenticated,
  /// auth.too_many_failures.
  Result<std::shared_ptr<const KeySettings>> authenticate(const http::Request& request, const Keys& known);
  /// Seconds until an address that has failed too often is looked at again.
  std::chrono::seconds wait(const std::string& address) const;

 private:
  static const KeySettings* find(const std::vector<KeySettings>& keys, std::string_view key);
  bool is_blocked(const std::string& address);
  void note_failure(const std::string& address);

  const Clock& clock_;
  std::function<Moment()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Moment>> failures_;  ///< guarded by mutex_; of the last minute
};

/// Whether `key` has the scope; every key has Scope::None.
bool has_scope(const KeySettings& key, Scope scope);

}  // namespace rowgate::api

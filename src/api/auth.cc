#include "api/auth.h"

#include "io/digest.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace rowgate::api {
namespace {

constexpr std::string_view kPrefix = "rgk_";
constexpr std::size_t kRandomCharacters = 30, kCheckCharacters = 6;
constexpr std::size_t kMostFailures = 10;
constexpr std::size_t kMostAddresses = 10'000;
constexpr std::chrono::minutes kMinute{1};
constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// CRC-32 as of gzip (RFC 1952 section 8), bit by bit: 30 bytes at a time are no hurry.
std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

/// Most significant character first; 32 bits fit into six.
std::string check_digits(std::string_view random) {
  std::string text(kCheckCharacters, '0');
  std::uint32_t left = crc32(random);
  for (std::size_t i = kCheckCharacters; i-- > 0; left /= 62) text[i] = kBase62[left % 62];
  return text;
}

}  // namespace

std::string_view sent_key(const http::Request& request) {
  if (const auto authorization = request.header("authorization")) {
    constexpr std::string_view kScheme = "bearer ";
    std::string_view value = *authorization;
    const bool is_bearer = value.size() > kScheme.size() &&
                           std::ranges::equal(value.substr(0, kScheme.size()), kScheme, [](char a, char b) {
                             return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
                           });
    if (is_bearer) {
      value.remove_prefix(kScheme.size());
      while (value.starts_with(' ')) value.remove_prefix(1);
      return value;
    }
  }
  return request.header("x-api-key").value_or(std::string_view());
}

bool is_key_form(std::string_view key) {
  if (key.size() != kPrefix.size() + kRandomCharacters + kCheckCharacters || !key.starts_with(kPrefix))
    return false;
  key.remove_prefix(kPrefix.size());
  if (key.find_first_not_of(kBase62) != std::string_view::npos) return false;
  return check_digits(key.substr(0, kRandomCharacters)) == key.substr(kRandomCharacters);
}

std::string key_from(std::string_view random) {
  return std::string(kPrefix).append(random).append(check_digits(random));
}

Result<std::shared_ptr<const KeySettings>> Authenticator::authenticate(const http::Request& request,
                                                                       const Keys& known) {
  const std::string_view sent = sent_key(request);
  if (sent.empty())
    return fail(Code::AuthUnauthenticated, "there is no key in the request",
                "send Authorization: Bearer rgk_..., or X-Api-Key");
  // The key comes first: who shares an address with a stranger (NAT, a proxy) is not shut out by him, and 178
  // random bits are not guessed.
  const KeySettings* key = is_key_form(sent) ? find(*known, sent) : nullptr;
  if (key == nullptr && is_blocked(request.remote_address))
    return fail(Code::AuthTooManyFailures, "too many wrong keys came from this address",
                "wait, then send the right key");
  if (key == nullptr) {
    note_failure(request.remote_address);
    return fail(Code::AuthUnauthenticated, "the key is not known",
                is_key_form(sent) ? "" : "it is not written as a key is; was it copied whole?");
  }
  if (key->expires && clock_.now() >= *key->expires)
    return fail(Code::AuthUnauthenticated, "the key has expired", "ask for a new one");
  return std::shared_ptr<const KeySettings>(known, key);
}

const KeySettings* Authenticator::find(const std::vector<KeySettings>& keys, std::string_view key) {
  const std::string hash = io::sha256_hex(key);
  const KeySettings* found = nullptr;
  for (const KeySettings& known : keys)  // all of them, so that the time tells nothing
    if (known.sha256.size() == hash.size() &&
        CRYPTO_memcmp(known.sha256.data(), hash.data(), hash.size()) == 0)
      found = &known;
  return found;
}

bool Authenticator::is_blocked(const std::string& address) {
  return wait(address).count() > 0;
}

std::chrono::seconds Authenticator::wait(const std::string& address) const {
  const std::scoped_lock lock(mutex_);
  const auto found = failures_.find(address);
  if (found == failures_.end() || found->second.size() < kMostFailures) return std::chrono::seconds(0);
  const auto left = std::chrono::ceil<std::chrono::seconds>(found->second.front() + kMinute - now_());
  return std::max(std::chrono::seconds(0), left);
}

void Authenticator::note_failure(const std::string& address) {
  const std::scoped_lock lock(mutex_);
  const Moment now = now_();
  if (failures_.size() >= kMostAddresses)  // what an attacker with many addresses may cost
    std::erase_if(failures_, [&](const auto& each) { return each.second.back() + kMinute <= now; });
  if (failures_.size() >= kMostAddresses) failures_.erase(failures_.begin());
  std::deque<Moment>& times = failures_[address];
  times.push_back(now);
  while (times.size() > kMostFailures) times.pop_front();
}

bool has_scope(const KeySettings& key, Scope scope) {
  return scope == Scope::None || std::ranges::find(key.scopes, scope) != key.scopes.end();
}

}  // namespace rowgate::api

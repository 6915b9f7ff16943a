#include "store/link_signer.h"

#include "base/base64.h"
#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "rowgate link keys, version 1";
constexpr std::string_view kPathPrefix = "/d/";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kLargestFile = 4096;
constexpr std::size_t kLongestId = 16;
constexpr std::size_t kMostDigits = 15;  // so that a time in microseconds fits in 64 bits

/// Line feeds cannot stand in any of the parts, so no two links have one text.
std::string signature_of(const LinkSigner::Key& key, std::string_view object, std::string_view expires) {
  const std::string text = fmt::format("GET\n{}\n{}", object, expires);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.bytes.data(), static_cast<int>(key.bytes.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return base64url_encode({reinterpret_cast<const char*>(mac.data()), size});
}

/// Seconds as sign() writes them; nullopt for anything else.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return seconds;
}

/// The value of `name=value` at the front of `query`, which loses it.
std::optional<std::string_view> take(std::string_view& query, std::string_view name) {
  if (!query.starts_with(name)) return std::nullopt;
  const std::size_t end = std::min(query.find('&', name.size()), query.size());
  const std::string_view value = query.substr(name.size(), end - name.size());
  query.remove_prefix(end);
  return value;
}

Result<LinkSigner::Key> random_key(std::string id) {
  std::array<unsigned char, kKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Code::InternalError, "the system gives no random bytes for the link keys");
  return LinkSigner::Key{std::move(id), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

/// Where another process has made the file meanwhile, that one stays.
Result<void> make_keys(const fs::path& file) {
  TRY_ASSIGN(const std::string text, LinkSigner::new_keys());
  TRY_ASSIGN(io::FileWriter writer, io::FileWriter::create(file));
  TRY(writer.write(text));
  return writer.close_unless_there();
}

std::unexpected<Error> wrong_file(std::string_view file, std::string_view why, std::string hint) {
  return fail(Code::ConfigInvalid,
              fmt::format("the link keys in '{}' cannot be used: {}", shown(file, 400), why),
              std::move(hint));
}

/// The text of the key file; nullopt when there is none.
Result<std::optional<std::string>> read_keys(const fs::path& file) {
  const io::Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return std::unexpected(io::storage_error(errno, "cannot read", file));
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return std::unexpected(io::storage_error(errno, "cannot read", file));
  if (!S_ISREG(about.st_mode)) return wrong_file(file.string(), "it is not a plain file", "remove it");
  if ((about.st_mode & 077) != 0)
    return wrong_file(file.string(), "others may read or write it",
                      "chmod 600 the file; better still make new keys");
  std::string text(kLargestFile, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
  if (got < 0) return std::unexpected(io::storage_error(errno, "cannot read", file));
  text.resize(static_cast<std::size_t>(got));
  return text;
}

Result<std::vector<LinkSigner::Key>> parse_keys(std::string_view file, std::string_view text) {
  constexpr auto kHint =
      "docs/formats.md tells its form; without the file new keys are made and old links end";
  std::vector<LinkSigner::Key> keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    ++number;
    if (end == std::string_view::npos)
      return wrong_file(file, fmt::format("line {} is cut off", number), kHint);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (number == 1) {
      if (line != kFirstLine) return wrong_file(file, "line 1 is not its version", kHint);
      continue;
    }
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string id(line.substr(0, space));
    const std::optional<std::string> bytes = base64url_decode(line.substr(std::min(space + 1, line.size())));
    if (!is_link_key_id(id) || !bytes || bytes->size() < kKeyBytes)
      return wrong_file(file, fmt::format("line {} is not a key", number), kHint);
    if (std::ranges::find(keys, id, &LinkSigner::Key::id) != keys.end())
      return wrong_file(file, fmt::format("line {} has an id that stands there before", number), kHint);
    keys.push_back({id, *bytes});
  }
  if (keys.empty()) return wrong_file(file, "it holds no key", kHint);
  return keys;
}

}  // namespace

bool is_link_key_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestId && std::ranges::all_of(id, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

LinkSigner::LinkSigner(std::vector<Key> keys) : keys_(std::move(keys)) {}

Result<LinkSigner> LinkSigner::from_file(const fs::path& file) {
  TRY_ASSIGN(std::optional<std::string> text, read_keys(file));
  if (!text) {
    TRY(make_keys(file));
    TRY_ASSIGN(text, read_keys(file));
    if (!text) return wrong_file(file.string(), "it disappeared", "start again");
  }
  return from_text(file.string(), *text);
}

Result<LinkSigner> LinkSigner::from_text(std::string_view where, std::string_view text) {
  TRY_ASSIGN(std::vector<Key> keys, parse_keys(where, text));
  return LinkSigner(std::move(keys));
}

Result<std::string> LinkSigner::new_keys() {
  std::string text = std::string(kFirstLine) + '\n';
  for (const char* id : {"1", "2"}) {
    TRY_ASSIGN(const Key key, random_key(id));
    text += fmt::format("{} {}\n", key.id, base64url_encode(key.bytes));
  }
  return text;
}

std::string LinkSigner::sign(std::string_view object, Timestamp expires) const {
  const std::string seconds = std::to_string(expires.micros / 1'000'000);
  const Key& key = keys_.front();
  return fmt::format("{}{}?e={}&k={}&s={}", kPathPrefix, object, seconds, key.id,
                     signature_of(key, object, seconds));
}

const LinkSigner::Key* LinkSigner::find(std::string_view id) const {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found == keys_.end() ? nullptr : &*found;
}

LinkSigner::Verdict LinkSigner::check(std::string_view object, std::string_view expires_text,
                                      std::string_view key_id, std::string_view signature,
                                      Timestamp now) const {
  const Key* key = find(key_id);
  if (key == nullptr) return Verdict::BadSignature;
  const std::string expected = signature_of(*key, object, expires_text);
  if (signature.size() != expected.size() ||
      CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) != 0)
    return Verdict::BadSignature;
  const std::optional<std::int64_t> expires = seconds_of(expires_text);
  if (!expires) return Verdict::BadSignature;
  return now.micros < *expires * 1'000'000 ? Verdict::Ok : Verdict::Expired;
}

LinkSigner::Verdict LinkSigner::check_target(std::string_view target, Timestamp now,
                                             std::string* object) const {
  const std::size_t mark = target.find('?');
  if (!target.starts_with(kPathPrefix) || mark == std::string_view::npos) return Verdict::BadSignature;
  const std::string_view path = target.substr(kPathPrefix.size(), mark - kPathPrefix.size());
  std::string_view query = target.substr(mark + 1);
  const auto expires = take(query, "e=");
  const auto key_id = take(query, "&k=");
  const auto signature = take(query, "&s=");
  if (!expires || !key_id || !signature || !query.empty()) return Verdict::BadSignature;
  const Verdict verdict = check(path, *expires, *key_id, *signature, now);
  if (object != nullptr && verdict != Verdict::BadSignature) *object = path;
  return verdict;
}

}  // namespace rowgate::store

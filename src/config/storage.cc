// The sections storage and links.

#include "config/reader.h"
#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::config {
namespace {

using table::kAllTypes;
using table::Place;
using table::Property;

constexpr Property kStorage[] = {{"url", kAllTypes},     {"spool", kAllTypes},    {"keep", kAllTypes},
                                 {"region", kAllTypes},  {"endpoint", kAllTypes}, {"path_style", kAllTypes},
                                 {"profile", kAllTypes}, {"ca", kAllTypes}};
/// Of s3:// only.
constexpr std::string_view kOfS3[] = {"region", "endpoint", "path_style", "profile", "ca"};
constexpr Property kKeep[] = {{"reports", kAllTypes}, {"rejects", kAllTypes}, {"sources", kAllTypes}};
constexpr Property kLinks[] = {{"mode", kAllTypes}, {"keys", kAllTypes}};
constexpr Property kKeys[] = {{"file", kAllTypes}};
constexpr Property kLinkKey[] = {{"id", kAllTypes}, {"secret", kAllTypes}};
constexpr std::size_t kLeastSecret = 32;

bool consists_of(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
}

/// What S3 takes, but for addresses that look like IPv4.
bool is_bucket(std::string_view name) {
  const auto is_dash_or_dot = [](char c) { return c == '-' || c == '.'; };
  return name.size() >= 3 && name.size() <= 63 && consists_of(name, "-.") && !is_dash_or_dot(name.front()) &&
         !is_dash_or_dot(name.back()) && name.find("..") == std::string_view::npos;
}

/// Levels of a key, so that nothing in an object's name needs to be escaped.
bool is_prefix(std::string_view prefix) {
  if (prefix.size() > 300) return false;
  while (!prefix.empty()) {
    const std::size_t slash = std::min(prefix.find('/'), prefix.size());
    if (!store::is_key_level(prefix.substr(0, slash)) || slash + 1 == prefix.size()) return false;
    prefix.remove_prefix(std::min(slash + 1, prefix.size()));
  }
  return true;
}

class StorageReader : private ValueReader {
 public:
  StorageReader(const Document& document, Config& config, std::vector<Error>& problems)
      : ValueReader(problems), document_(document), config_(config) {}

  void read() {
    read_storage(section("storage"));
    read_links();
  }

 private:
  Place section(std::string_view name) {
    const Node* node = document_.root.kind == Node::Kind::Map ? document_.root.find(name) : nullptr;
    Place at{node, std::string(name)};
    if (node == nullptr || node->is_null() || !is(at, Node::Kind::Map, "a map")) return {nullptr, at.path};
    return at;
  }

  std::filesystem::path from_folder(const std::string& path) const {
    return (document_.folder / path).lexically_normal();
  }

  void read_storage(const Place& at) {
    std::string url = "file:./data/files", spool = "./data/spool";
    if (at) {
      check_members(at, kStorage, std::nullopt);
      take_text(at, "url", url);
      take_text(at, "spool", spool);
      if (const Place keep = present(at, "keep");
          keep && is(keep, Node::Kind::Map, "{ reports, rejects, sources }"))
        read_keep(keep);
    }
    config_.spool_path = from_folder(spool);
    if (url.starts_with("s3://")) return read_s3(at, url.substr(5));
    if (url.starts_with("file:") && url.size() > 5)
      config_.storage_path = from_folder(url.substr(5));
    else
      problem(at.member("url"), fmt::format("`{}` is no storage", shown(url)),
              "a local folder, file:./data/files, or a bucket of S3, s3://bucket/prefix");
    for (const std::string_view key : kOfS3)
      if (at && present(at, key))
        problem(at.member(key), fmt::format("`{}` goes with an s3:// storage only", key), "take it out");
  }

  void read_keep(const Place& at) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::days(36'500);
    check_members(at, kKeep, std::nullopt);
    take_time(at, "reports", kLongest, config_.keep.reports);
    take_time(at, "rejects", kLongest, config_.keep.rejects);
    take_time(at, "sources", kLongest, config_.keep.sources);
  }

  void read_s3(const Place& at, std::string place) {
    store::S3Settings& s3 = config_.s3.emplace();
    config_.service.offers_sources = true;
    while (place.ends_with('/')) place.pop_back();
    const std::size_t slash = std::min(place.find('/'), place.size());
    s3.bucket = place.substr(0, slash);
    s3.prefix = place.substr(std::min(slash + 1, place.size()));
    if (!is_bucket(s3.bucket))
      problem(at.member("url"), fmt::format("`{}` is not the name of a bucket", shown(s3.bucket)),
              "3 to 63 lower-case letters, digits, - and .");
    if (!is_prefix(s3.prefix))
      problem(at.member("url"),
              fmt::format("`{}` cannot be in front of the names of files", shown(s3.prefix)),
              "levels of letters, digits, ., - and _, such as rowgate/prod");
    read_endpoint(at, s3);
    read_region(at, s3);
    s3.path_style = !s3.endpoint.empty() || s3.bucket.find('.') != std::string::npos;
    if (present(at, "path_style")) take_bool(at, "path_style", s3.path_style);
    if (present(at, "profile")) take_text(at, "profile", s3.profile);
    std::string authorities = value_of_first(kAuthorityVariables);
    if (present(at, "ca")) {
      take_text(at, "ca", authorities);
      authorities = from_folder(authorities).string();
    }
    if (!authorities.empty()) s3.authorities = authorities;
  }

  void read_endpoint(const Place& at, store::S3Settings& s3) {
    s3.endpoint = value_of_first(kEndpointVariables);
    if (present(at, "endpoint")) take_text(at, "endpoint", s3.endpoint);
    while (s3.endpoint.ends_with('/')) s3.endpoint.pop_back();
    if (!s3.endpoint.empty() && !is_endpoint(s3.endpoint))
      problem(at.member("endpoint"), fmt::format("`{}` is no address of a server", shown(s3.endpoint)),
              "for example https://s3.example.org or http://127.0.0.1:9000");
  }

  void read_region(const Place& at, store::S3Settings& s3) {
    s3.region = value_of_first(kRegionVariables);
    if (present(at, "region")) take_text(at, "region", s3.region);
    if (s3.region.empty() && !s3.endpoint.empty()) s3.region = "us-east-1";  // what compatible servers say
    if (s3.region.empty())
      problem(at.member("url"), "the region of the bucket is not known", "set storage.region, or AWS_REGION");
    else if (!is_region(s3.region))
      problem(at.member("region"), fmt::format("`{}` is no region", shown(s3.region)),
              "for example eu-west-1");
  }

  /// `links: direct` is short for `links: { mode: direct }`.
  void read_links() {
    const Node* node = document_.root.kind == Node::Kind::Map ? document_.root.find("links") : nullptr;
    const Place at{node, "links"};
    if (node == nullptr || node->is_null()) return;
    if (node->kind == Node::Kind::Scalar)
      read_mode(at);
    else if (is(at, Node::Kind::Map, "redirect, direct or { mode, keys }"))
      read_links_map(at);
    if (config_.direct_links && !config_.s3)
      problem(at, "direct links need an s3:// storage", "set links.mode: redirect");
  }

  void read_mode(const Place& at) {
    config_.direct_links = at.node->scalar == "direct";
    if (!config_.direct_links && at.node->scalar != "redirect")
      problem(at, fmt::format("`{}` is neither `direct` nor `redirect`", shown(at.node->scalar)));
  }

  void read_links_map(const Place& at) {
    check_members(at, kLinks, std::nullopt);
    if (const Place mode = present(at, "mode"); mode && is(mode, Node::Kind::Scalar, "direct or redirect"))
      read_mode(mode);
    const Place keys = present(at, "keys");
    if (!keys) return;
    if (keys.node->kind == Node::Kind::List) return read_link_keys(keys);
    if (!is(keys, Node::Kind::Map, "{ file: PATH }, or a list of { id, secret }")) return;
    check_members(keys, kKeys, std::nullopt);
    std::string file;
    take_text(keys, "file", file);
    if (file.empty())
      return problem(keys, "the file is not named", "links: { keys: { file: /etc/rowgate/link-keys } }");
    config_.link_keys = from_folder(file);
  }

  /// The first one signs, all of them are accepted.
  void read_link_keys(const Place& keys) {
    if (keys.node->items.empty()) problem(keys, "there is no key", "write { id, secret }");
    for (std::size_t i = 0; i < keys.node->items.size(); ++i) {
      const Place at = keys.item(i);
      if (!is(at, Node::Kind::Map, "{ id, secret }")) continue;
      check_members(at, kLinkKey, std::nullopt);
      store::LinkSigner::Key key;
      take_text(at, "id", key.id);
      take_text(at, "secret", key.bytes);
      if (!store::is_link_key_id(key.id))
        problem(at, fmt::format("`{}` is not the id of a key", shown(key.id)), "1 to 16 letters and digits");
      if (std::ranges::find(config_.link_secrets, key.id, &store::LinkSigner::Key::id) !=
          config_.link_secrets.end())
        problem(at, fmt::format("there is a key `{}` already", shown(key.id)));
      if (key.bytes.size() < kLeastSecret)
        problem(at, fmt::format("the secret has fewer than {} characters", kLeastSecret),
                "openssl rand -base64 48, given by the environment: secret: ${LINK_KEY}");
      config_.link_secrets.push_back(std::move(key));
    }
  }

  const Document& document_;
  Config& config_;
};

}  // namespace

bool is_endpoint(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (url.starts_with(scheme)) {
      const std::string_view host = url.substr(scheme.size());
      return !host.empty() && consists_of(host, "-.:[]") && host.front() != '.' && host.front() != ':';
    }
  return false;
}

bool is_region(std::string_view name) {
  return !name.empty() && consists_of(name, "-");
}

std::string first_set(std::span<const char* const> variables) {
  for (const char* name : variables)
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return name;
  return {};
}

std::string value_of_first(std::span<const char* const> variables) {
  const std::string name = first_set(variables);
  return name.empty() ? std::string() : std::string(std::getenv(name.c_str()));
}

std::string Config::storage_text() const {
  if (!s3) return storage_path.string();
  return fmt::format("s3://{}{}{}", s3->bucket, s3->prefix.empty() ? "" : "/", s3->prefix);
}

void read_storage(const Document& document, Config& config, std::vector<Error>& problems) {
  StorageReader(document, config, problems).read();
}

}  // namespace rowgate::config

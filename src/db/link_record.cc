#include "db/link_record.h"

#include <nlohmann/json.hpp>

namespace rowgate::db {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json parsed(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

Json or_null(const std::optional<Timestamp>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}

Json json_of(const LinkRecord& link) {
  return {{"id", link.id},
          {"report", link.report},
          {"filename", link.filename},
          {"params", parsed(link.params)},
          {"run", link.run},
          {"rows", link.rows},
          {"bytes", link.bytes},
          {"sha256", link.sha256},
          {"created_at", to_rfc3339(link.created_at)},
          {"computed_at", to_rfc3339(link.computed_at)},
          {"expires_at", to_rfc3339(link.expires_at)},
          {"revoked_at", or_null(link.revoked_at)},
          {"principal", link.principal}};
}

/// Members of a state file; what is missing or of another type makes the whole unreadable.
class MemberReader {
 public:
  explicit MemberReader(const Json& object) : object_(object) {}

  std::string text(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    good_ = false;
    return {};
  }
  std::uint64_t number(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && value->is_number_unsigned()) return value->get<std::uint64_t>();
    good_ = false;
    return 0;
  }
  Timestamp time(const char* key) {
    const std::optional<Timestamp> at = from_rfc3339(text(key));
    if (!at) good_ = false;
    return at.value_or(Timestamp{});
  }
  std::optional<Timestamp> optional_time(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && value->is_null()) return std::nullopt;
    return time(key);
  }
  std::string object_text(const char* key) {
    const Json* value = find(key);
    if (value != nullptr && value->is_object()) return dump(*value);
    good_ = false;
    return {};
  }
  bool good() const { return good_; }

 private:
  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json& object_;
  bool good_ = true;
};

}  // namespace

std::string to_json(const LinkRecord& link, std::string_view url, std::optional<bool> reused) {
  Json json = json_of(link);
  json["url"] = url.empty() ? Json(nullptr) : Json(url);
  if (reused) json["reused"] = *reused;
  return dump(json);
}

std::string to_state_json(const LinkRecord& link) {
  Json json = json_of(link);
  json["basis"] = link.basis;
  const Idempotency& key = link.idempotency;
  json["idempotency"] = {{"principal", key.principal},
                         {"method", key.method},
                         {"path", key.path},
                         {"key", key.key},
                         {"fingerprint", key.fingerprint}};
  return dump(json);
}

Result<LinkRecord> link_from_state_json(std::string_view json) {
  const Json object = parsed(json);
  if (!object.is_object() || !object.contains("idempotency") || !object["idempotency"].is_object())
    return fail(Code::InternalError, "the state file of a link cannot be read");
  MemberReader read(object), read_key(object["idempotency"]);
  LinkRecord link{.id = read.text("id"), .report = read.text("report"), .filename = read.text("filename")};
  link.params = read.object_text("params");
  link.run = read.text("run");
  link.basis = read.text("basis");
  link.rows = read.number("rows");
  link.bytes = read.number("bytes");
  link.sha256 = read.text("sha256");
  link.created_at = read.time("created_at");
  link.computed_at = read.time("computed_at");
  link.expires_at = read.time("expires_at");
  link.revoked_at = read.optional_time("revoked_at");
  link.principal = read.text("principal");
  link.idempotency = {read_key.text("principal"), read_key.text("method"), read_key.text("path"),
                      read_key.text("key"), read_key.text("fingerprint")};
  if (!read.good() || !read_key.good())
    return fail(Code::InternalError, "the state file of a link cannot be read");
  return link;
}

}  // namespace rowgate::db

#include "lambda/event.h"

#include "base/base64.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace rowgate::lambda {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostNamed = 8;

/// The member, or null where there is none or `map` is none.
const Json& member(const Json& map, const char* name) {
  static const Json nothing;
  if (!map.is_object()) return nothing;
  const auto found = map.find(name);
  return found == map.end() ? nothing : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string text_in(const Json& map, const char* name) {
  return text_of(member(map, name));
}

/// As it may stand in a target: gateways hand out paths that are encoded, half decoded or decoded.
std::string encoded(std::string_view text, std::string_view also_kept) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~").contains(c) || also_kept.contains(c);
    if (is_plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string path_of(std::string path) {
  if (!path.starts_with('/')) path.insert(0, 1, '/');
  return encoded(path, "/%!$&'()*+,;=:@");
}

/// "/dev/v1" in the stage "dev" is "/v1".
std::string without_stage(const std::string& path, std::string_view stage) {
  const std::string prefix = fmt::format("/{}", stage);
  if (!path.starts_with(prefix)) return path;
  if (path.size() == prefix.size()) return "/";
  return path[prefix.size()] == '/' ? path.substr(prefix.size()) : path;
}

/// The values of a map whose members are texts, or lists of texts, in its order.
http::Fields pairs_in(const Json& map) {
  http::Fields pairs;
  if (!map.is_object()) return pairs;
  for (const auto& [name, value] : map.items()) {
    if (value.is_string()) pairs.emplace_back(name, value.get<std::string>());
    if (!value.is_array()) continue;
    for (const Json& one : value)
      if (one.is_string()) pairs.emplace_back(name, one.get<std::string>());
  }
  return pairs;
}

/// The fuller form of the two that version 1.0 has.
http::Fields pairs_of(const Json& event, const char* several, const char* single) {
  http::Fields pairs = pairs_in(member(event, several));
  return pairs.empty() ? pairs_in(member(event, single)) : pairs;
}

http::Fields with_lower_names(http::Fields fields) {
  for (auto& [name, value] : fields) name = lower_ascii(name);
  return fields;
}

/// Sorted by name, since the order in which they came is lost; that is also their order in a link.
std::string query_of(const http::Fields& pairs, bool is_encoded) {
  const std::multimap<std::string_view, std::string_view> sorted(pairs.begin(), pairs.end());
  std::string query;
  for (const auto& [name, value] : sorted) {
    const std::string_view kept = is_encoded ? "%+!$'()*,;:@/?" : "";
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", encoded(name, kept), encoded(value, kept));
  }
  return query;
}

std::string target_of(std::string path, const std::string& query) {
  return query.empty() ? std::move(path) : fmt::format("{}?{}", path, query);
}

/// "https://abc.execute-api.eu-west-1.amazonaws.com/dev".
std::string public_url_of(const Json& context, std::string_view stage_in_path) {
  const std::string domain = text_in(context, "domainName");
  if (domain.empty()) return {};
  return fmt::format("https://{}{}{}", domain, stage_in_path.empty() ? "" : "/", stage_in_path);
}

Result<std::string> body_of(const Json& event) {
  std::string body = text_in(event, "body");
  const Json& is_base64 = member(event, "isBase64Encoded");
  if (!is_base64.is_boolean() || !is_base64.get<bool>()) return body;
  std::optional<std::string> bytes = base64_decode(body);
  if (!bytes) return fail(Code::RequestMalformed, "the body of the event is not base64, as it says");
  return *std::move(bytes);
}

/// REST API, HTTP API with payloads of version 1.0, load balancer.
Result<Event> read_version_1(const Json& event) {
  const Json& context = member(event, "requestContext");
  const bool is_balancer = !member(context, "elb").is_null();
  const std::string stage = text_in(context, "stage");
  std::string path = text_in(event, "path");
  // A REST API leaves the stage out of `path`, an HTTP API does not.
  if (!stage.empty() && path == text_in(context, "path")) path = without_stage(path, stage);
  const bool is_stage_in_url = !stage.empty() && stage != "$default" &&
                               text_in(context, "path").starts_with(fmt::format("/{}", stage));
  HttpEvent read;
  read.request.method = text_in(event, "httpMethod");
  read.request.target = target_of(
      path_of(path),
      query_of(pairs_of(event, "multiValueQueryStringParameters", "queryStringParameters"), is_balancer));
  read.request.headers = with_lower_names(pairs_of(event, "multiValueHeaders", "headers"));
  read.request.remote_address = text_in(member(context, "identity"), "sourceIp");
  read.request.public_url = public_url_of(context, is_stage_in_url ? stage : std::string());
  TRY_ASSIGN(read.request.body, body_of(event));
  return Event(std::move(read));
}

/// HTTP API, function URL.
Result<Event> read_version_2(const Json& event) {
  const Json& context = member(event, "requestContext");
  const Json& http = member(context, "http");
  const std::string stage = text_in(context, "stage");
  const bool has_stage = !stage.empty() && stage != "$default";
  const std::string raw_path = text_in(event, "rawPath");
  const std::string path = has_stage ? without_stage(raw_path, stage) : raw_path;
  HttpEvent read;
  read.request.method = text_in(http, "method");
  read.request.target =
      target_of(path_of(path), encoded(text_in(event, "rawQueryString"), "%&=+!$'()*,;:@/?"));
  read.request.headers = with_lower_names(pairs_in(member(event, "headers")));
  read.request.remote_address = text_in(http, "sourceIp");
  read.request.public_url = public_url_of(context, path != raw_path ? stage : std::string());
  TRY_ASSIGN(read.request.body, body_of(event));
  return Event(std::move(read));
}

/// S3 writes keys as forms do: "+" is a space.
std::string decoded_key(std::string_view key) {
  std::string out;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::string hex(key.substr(std::min(i + 1, key.size()), 2));
    if (key[i] == '%' && hex.size() == 2 && hex.find_first_not_of("0123456789abcdefABCDEF") == hex.npos) {
      out += static_cast<char>(std::stoi(hex, nullptr, 16));
      i += 2;
    } else {
      out += key[i] == '+' ? ' ' : key[i];
    }
  }
  return out;
}

std::string version_of(const Json& object) {
  for (const char* name : {"versionId", "version-id", "eTag", "etag", "sequencer"})
    if (std::string text = text_in(object, name); !text.empty()) return text;
  return {};
}

ObjectsEvent::Object object_of(const Json& s3, std::string key) {
  const Json& object = member(s3, "object");
  return {
      .bucket = text_in(member(s3, "bucket"), "name"), .key = std::move(key), .version = version_of(object)};
}

/// A bucket's own notification. Objects that were removed do not matter.
Result<Event> read_notification(const Json& records) {
  ObjectsEvent event;
  for (const Json& record : records) {
    const std::string source = text_in(record, "eventSource");
    if (source != "aws:s3")
      return fail(Code::RequestInvalid,
                  fmt::format("events of \"{}\" mean nothing to rowgate", shown(source)),
                  "it takes those of S3, of API gateways and of function URLs");
    const Json& s3 = member(record, "s3");
    if (text_in(record, "eventName").starts_with("ObjectCreated:"))
      event.objects.push_back(object_of(s3, decoded_key(text_in(member(s3, "object"), "key"))));
  }
  return Event(std::move(event));
}

/// EventBridge: S3's events, and its clock's.
Result<Event> read_bus_event(const Json& event) {
  const std::string kind = text_in(event, "detail-type");
  if (kind == "Scheduled Event") return Event(ScheduleEvent{});
  if (text_in(event, "source") != "aws.s3" || kind != "Object Created")
    return fail(Code::RequestInvalid,
                fmt::format("\"{}\" of \"{}\" means nothing to rowgate", shown(kind),
                            shown(text_in(event, "source"))),
                "it takes \"Object Created\" of aws.s3, and \"Scheduled Event\"");
  const Json& detail = member(event, "detail");
  ObjectsEvent read;
  read.objects.push_back(object_of(detail, text_in(member(detail, "object"), "key")));
  return Event(std::move(read));
}

std::unexpected<Error> unknown(const Json& event) {
  std::string names;
  std::size_t count = 0;
  for (const auto& [name, value] : event.items())
    if (count++ < kMostNamed) names += fmt::format("{}{}", names.empty() ? "" : ", ", shown(name));
  return fail(Code::RequestInvalid,
              fmt::format("the event is none that rowgate knows; its members are: {}{}",
                          names.empty() ? "none" : names, count > kMostNamed ? ", ..." : ""),
              "it takes events of a REST API, an HTTP API, a function URL, S3 and EventBridge");
}

}  // namespace

Result<Event> read_event(std::string_view text) {
  const Json event = Json::parse(text, nullptr, false);
  if (event.is_discarded()) return fail(Code::RequestMalformed, "the event is no JSON, or is cut off");
  if (!event.is_object()) return fail(Code::RequestInvalid, "the event is no JSON object");
  if (text_in(event, "version") == "2.0" && member(event, "requestContext").is_object())
    return read_version_2(event);
  if (!text_in(event, "httpMethod").empty()) return read_version_1(event);
  if (const Json& records = member(event, "Records"); records.is_array() && !records.empty())
    return read_notification(records);
  if (text_in(event, "Event") == "s3:TestEvent") return Event(NothingEvent{});
  if (!text_in(event, "detail-type").empty()) return read_bus_event(event);
  return unknown(event);
}

}  // namespace rowgate::lambda

// POST /v1/sources.

#include "api/core/sources.h"

#include "api/core/json_body.h"
#include "api/core/lookups.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/node.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMediaType = "text/csv";
constexpr std::size_t kLongestFileName = 100;
constexpr std::chrono::seconds kUsualLife{3'600}, kLongestLife{7 * 86'400};

struct Wanted {
  std::string table = {};  ///< empty: said when it is loaded
  std::string file_name = {};
  std::chrono::seconds life = kUsualLife;
};

Problem bad_source(std::string message, std::string pointer = {}) {
  return bad_json(std::move(message), "for example {\"filename\": \"jobs.csv\", \"expires_in\": 3600}",
                  std::move(pointer));
}

std::optional<Problem> read_life(const Node& value, Wanted& wanted) {
  const Result<std::int64_t> seconds = as_integer(value, "expires_in");
  if (!seconds || !value.plain) return bad_source("`expires_in` is no number of seconds", "/expires_in");
  if (*seconds < 1 || *seconds > kLongestLife.count())
    return bad_source("`expires_in` must be from 1 to 604800 seconds", "/expires_in");
  wanted.life = std::chrono::seconds(*seconds);
  return std::nullopt;
}

std::optional<Problem> read_member(const std::string& name, const Node& value, Wanted& wanted) {
  const std::string pointer = pointer_to(shown(name));
  if (name == "expires_in") return read_life(value, wanted);
  if (name != "table" && name != "filename")
    return bad_source(fmt::format("there is no member `{}`", shown(name)), pointer);
  if (value.kind != Node::Kind::Scalar || value.plain)
    return bad_source(fmt::format("`{}` is no text", name), pointer);
  if (name == "table") {
    wanted.table = value.scalar;
    return std::nullopt;
  }
  if (!store::is_key_level(value.scalar) || value.scalar.size() > kLongestFileName)
    return bad_source("`filename` is not 1 to 100 letters, digits, `.`, `-` or `_`, or begins with a dot",
                      pointer);
  wanted.file_name = value.scalar;
  return std::nullopt;
}

std::optional<Problem> read_body(const std::string& text, Wanted& wanted) {
  if (trim_spaces(text).empty()) return std::nullopt;
  const Result<Node> root = node_from_json(text);
  if (!root) return bad_source("the body is no JSON");
  if (root->kind != Node::Kind::Map) return bad_source("the body is no JSON object");
  for (const auto& [name, value] : root->members)
    if (std::optional<Problem> problem = read_member(name, value, wanted)) return problem;
  return std::nullopt;
}

/// A table that the key may load into.
Result<void> check_table(const Call& call, const std::string& table) {
  Call of_table = call;
  of_table.params["table"] = table;
  TRY(find_table(of_table));
  return {};
}

}  // namespace

Result<http::Accepted> prepare_source(Call& call) {
  return accept_json(call);
}

Result<http::Reply> create_source(Call& call, Body body) {
  Wanted wanted;
  if (const std::optional<Problem> problem = read_body(json_text_of(body.get()), wanted))
    return http::Reply(problem_response(call, *problem));
  if (!wanted.table.empty()) TRY(check_table(call, wanted.table));
  if (wanted.file_name.empty())
    wanted.file_name = (wanted.table.empty() ? std::string("file") : wanted.table) + ".csv";
  TRY_ASSIGN(store::AddressSigner* const taker, source_taker(call.service));
  const Timestamp now = call.service.clock.now();
  const std::string key = new_source_key(wanted.table, wanted.file_name, now);
  const Timestamp until{now.micros + std::chrono::microseconds(wanted.life).count()};
  TRY_ASSIGN(const store::SignedAddress address, taker->address_to_put(key, kMediaType, until));
  const std::string table = wanted.table.empty() ? "{table}" : percent_encoded(wanted.table);
  const Json json{{"key", key},
                  {"method", "PUT"},
                  {"url", address.url},
                  {"headers", {{"Content-Type", kMediaType}}},
                  {"expires_at", to_rfc3339(address.expires)},
                  {"max_bytes", call.service.settings.limits.max_upload_bytes},
                  {"load", fmt::format("/v1/tables/{}/loads?source={}", table, percent_encoded(key))}};
  return http::Reply(json_response(201, json.dump() + "\n"));
}

}  // namespace rowgate::api

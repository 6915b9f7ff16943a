// POST /v1/reports/{report}/links.

#include "api/core/idempotency.h"
#include "api/core/json_body.h"
#include "api/core/lookups.h"
#include "api/core/metrics.h"
#include "api/core/problem.h"
#include "api/core/replies.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "base/node.h"
#include "base/text.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

Problem bad_link(std::string message, std::string pointer = {}) {
  return bad_json(std::move(message), "for example {\"expires_in\": 86400, \"params\": {}}",
                  std::move(pointer));
}

std::optional<Problem> read_params(const Node& node, report::LinkRequest& request) {
  if (node.kind != Node::Kind::Map) return bad_link("`params` is no object", "/params");
  for (const auto& [name, value] : node.members) {
    if (value.kind != Node::Kind::Scalar)
      return bad_link(fmt::format("the parameter `{}` is no value", shown(name)),
                      "/params" + pointer_to(shown(name)));
    request.params.emplace_back(name, value.scalar);
  }
  return std::nullopt;
}

std::optional<Problem> read_member(const std::string& name, const Node& value, report::LinkRequest& request) {
  const std::string pointer = pointer_to(shown(name));
  if (name == "params") return read_params(value, request);
  if (name == "expires_in") {
    const Result<std::int64_t> seconds = as_integer(value, name);
    if (!seconds || !value.plain) return bad_link("`expires_in` is no number of seconds", pointer);
    request.expires_in = std::chrono::seconds(*seconds);
    return std::nullopt;
  }
  if (name != "filename") return bad_link(fmt::format("there is no member `{}`", shown(name)), pointer);
  if (value.kind != Node::Kind::Scalar || value.plain) return bad_link("`filename` is no text", pointer);
  request.filename = value.scalar;
  return std::nullopt;
}

std::optional<Problem> read_body(const std::string& text, report::LinkRequest& request) {
  if (trim_spaces(text).empty()) return std::nullopt;
  const Result<Node> root = node_from_json(text);
  if (!root) return bad_link("the body is no JSON");
  if (root->kind != Node::Kind::Map) return bad_link("the body is no JSON object");
  for (const auto& [name, value] : root->members)
    if (std::optional<Problem> problem = read_member(name, value, request)) return problem;
  return std::nullopt;
}

}  // namespace

Result<http::Accepted> prepare_link(Call& call) {
  TRY(find_report(call));
  return accept_json(call);
}

Result<http::Reply> create_link(Call& call, Body body) {
  TRY_ASSIGN(const report::Definition* const report, find_report(call));
  const std::string text = json_text_of(body.get());
  report::LinkRequest request{
      .report = report, .principal = call.request.principal, .stop = call.request.stop};
  if (const std::optional<Problem> problem = read_body(text, request))
    return http::Reply(problem_response(call, *problem));
  TRY_ASSIGN(request.idempotency, read_idempotency_key(call.request));
  if (request.idempotency) request.idempotency.fingerprint = fingerprint(call.request, io::sha256_hex(text));
  TRY_ASSIGN(const Lane::Place place, place_for_long_work(call));
  TRY_ASSIGN(const report::MadeLink made, call.service.links.make(request));
  std::string json = link_json(call, made.link);
  json.insert(json.rfind('}'), fmt::format(",\"reused\":{}", made.reused));
  http::Response response = json_response(201, json + "\n");
  response.set("Location", report::url_of(call.service.settings.url_for(&call.request), made.address));
  if (made.replayed)
    response.set("Idempotency-Replayed", "true");
  else
    call.service.metrics.link_created(report->name);
  return http::Reply(std::move(response));
}

}  // namespace rowgate::api

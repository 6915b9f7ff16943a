#include "api/core/resources.h"

#include "api/core/problem.h"
#include "api/core/replies.h"
#include "io/digest.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

Json phase_json(const runs::RunView& view) {
  if (view.run.status != db::RunStatus::Running) return nullptr;
  switch (view.phase) {
    case load::Progress::Phase::Inspect:
      return "inspect";
    case load::Progress::Phase::Infer:
      return "infer";
    case load::Progress::Phase::Check:
      return "check";
    case load::Progress::Phase::Keys:
      return "keys";
    case load::Progress::Phase::Settle:
      return "settle";
    case load::Progress::Phase::Rejects:
      return "rejects";
    case load::Progress::Phase::Commit:
    case load::Progress::Phase::Done:
      return "commit";
  }
  return nullptr;
}

Json links_json(const db::RunRecord& run) {
  const std::string self = fmt::format("/v1/runs/{}", run.id);
  Json links{{"self", self}};
  if (run.kind != "load") return links;
  links["rejects"] = self + "/rejects";
  links["source"] = self + "/source";
  links["table"] = fmt::format("/v1/tables/{}", percent_encoded(run.table));
  return links;
}

/// What a client is told of an error that a run ended with: as of any other error.
void keep_back(const db::RunRecord& run, Json& json) {
  if (!run.error || !is_kept_back(run.error->code)) return;
  json["error"] = {{"code", text(run.error->code)}, {"message", told_message(*run.error)}};
}

}  // namespace

std::string run_json(const runs::RunView& view) {
  const Json record = Json::parse(db::to_json(view.run), nullptr, false);
  Json json;
  for (const auto& [name, value] : record.items()) {
    json[name] = value;
    if (name == "status") json["phase"] = phase_json(view);
  }
  keep_back(view.run, json);
  const std::string& key = view.run.idempotency.key;
  json["idempotency_key"] = key.empty() ? Json(nullptr) : Json(key);
  json["links"] = links_json(view.run);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string run_etag(const runs::RunView& view) {
  return fmt::format("\"{}\"", io::sha256_hex(run_json(view)).substr(0, 32));
}

std::string link_json(const Call& call, const db::LinkRecord& link) {
  const report::Links& links = call.service.links;
  return db::to_json(link, links.is_live(link) ? report::url_of(call.service.settings.url_for(&call.request),
                                                                links.address(link))
                                               : std::string());
}

}  // namespace rowgate::api

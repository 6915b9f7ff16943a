// POST /v1/tables/{table}/loads and .../validate.

#include "api/core/lookups.h"
#include "api/handlers/handlers.h"
#include "api/handlers/load_body.h"
#include "api/handlers/run_answers.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

std::optional<std::string> text_parameter(const http::Request& request, std::string_view name) {
  const std::optional<std::string_view> value = request.parameter(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

/// The whole id of the run whose rejects the file repairs, which must have loaded into the same table.
Result<std::string> read_parent(const Call& call, const db::TableName& table) {
  const std::optional<std::string_view> id = call.request.parameter("parent");
  if (!id) return std::string();
  Call of_run = call;
  of_run.params["run"] = std::string(*id);
  TRY_ASSIGN(const runs::RunView parent, find_run(of_run));
  if (parent.run.table != table.name)
    return fail(Code::RequestInvalid, "the parent is a run of another table", "leave `parent` out");
  return parent.run.id;
}

Result<LoadBody::Plan> plan_of(const Call& call, bool dry_run) {
  TRY_ASSIGN(const FoundTable table, find_table(call));
  const http::Request& request = call.request;
  LoadBody::Plan plan;
  plan.run.table = table.name.name;
  plan.run.space = table.name.space;
  plan.run.file_name = request.parameter("name").value_or("");
  load::LoadOptions& options = plan.options;
  options.mode = request.parameter("mode").value_or("append");
  options.on_reject = request.parameter("on_reject").value_or("skip");
  options.max_rejects = text_parameter(request, "max_rejects");
  options.delimiter = text_parameter(request, "delimiter");
  options.encoding = text_parameter(request, "encoding");
  options.map = text_parameter(request, "map");
  TRY_ASSIGN(options.parent, read_parent(call, table.name));
  options.dry_run = dry_run;
  if (!dry_run) {
    TRY_ASSIGN(options.dry_run, read_yes_or_no(request, "dry_run"));
  }
  plan.run.dry_run = options.dry_run;
  plan.run.mode = options.mode;
  return plan;
}

Result<http::Accepted> prepare(Call& call, bool dry_run) {
  TRY_ASSIGN(LoadBody::Plan plan, plan_of(call, dry_run));
  if (call.request.parameter("source")) return accept_source(call, plan);
  return accept_file(call, std::move(plan), false, call.service.settings.posted_limit());
}

/// What came as the body, or lies in the bucket.
Result<runs::NewLoad> received(const Call& call, http::BodyReceiver* body) {
  if (body != nullptr) return new_load(call, static_cast<LoadBody&>(*body));
  TRY_ASSIGN(LoadBody::Plan plan, plan_of(call, call.route->prepare == prepare_validation));
  return load_of_source(call, std::move(plan));
}

}  // namespace

Result<http::Accepted> prepare_load(Call& call) {
  return prepare(call, false);
}

Result<http::Accepted> prepare_validation(Call& call) {
  return prepare(call, true);
}

Result<http::Reply> load_file(Call& call, Body body) {
  TRY_ASSIGN(runs::NewLoad load, received(call, body.get()));
  TRY_ASSIGN(const Submitted submitted, submit(call, std::move(load)));
  if (submitted.refusal) return http::Reply(*submitted.refusal);
  return http::Reply(after_run(call.service.queue, submitted.run_id, runs::Wait::ForNews,
                               call.service.settings.limits.sync_wait, [call, submitted] {
                                 http::Response response = present_answer(call, submitted.run_id);
                                 if (submitted.is_replay) response.set("Idempotency-Replayed", "true");
                                 return response;
                               }));
}

}  // namespace rowgate::api

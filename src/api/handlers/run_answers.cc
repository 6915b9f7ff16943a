#include "api/handlers/run_answers.h"

#include "api/core/metrics.h"
#include "api/core/replies.h"
#include "api/core/resources.h"
#include "load/run_moves.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

constexpr std::size_t kToldRejects = 20;

std::string run_path(std::string_view id) {
  return fmt::format("/v1/runs/{}", id);
}

}  // namespace

Problem problem_of(const runs::RunView& view) {
  Problem problem{
      .error = view.run.error.value_or(
          Error{Code::RunInterrupted, "the run was stopped; nothing was loaded", "send the file again"}),
      .instance = run_path(view.run.id)};
  for (const load::RefusedRecord& record : view.first_rejects) {
    for (const load::RejectProblem& each : record.problems)
      problem.items.push_back({.code = each.code,
                               .line = each.line,
                               .byte = record.offset,
                               .field = each.field,
                               .found = each.found,
                               .expected = each.expected,
                               .hint = each.help});
    if (problem.items.size() >= kToldRejects) break;
  }
  if (view.run.rows_rejected > 0)
    problem.headers.emplace_back("Link", fmt::format("<{}/rejects>; rel=\"related\"", run_path(view.run.id)));
  return problem;
}

http::Response ended_answer(const Call& call, const runs::RunView& view) {
  if (!db::has_loaded(view.run)) return problem_response(call, problem_of(view));
  http::Response response = json_response(200, run_json(view) + "\n");
  response.set("ETag", run_etag(view));
  return response;
}

Result<runs::RunView> answering_run(const Call& call, const std::string& run_id) {
  TRY_ASSIGN(runs::RunView view, call.service.queue.find(run_id));
  if (view.answered_by.empty()) return view;
  return call.service.queue.find(view.answered_by);
}

http::Response present_answer(const Call& call, const std::string& run_id) {
  runs::RunQueue& queue = call.service.queue;
  const Result<runs::RunView> view = answering_run(call, run_id);
  if (!view) return problem_response(call, {.error = view.error(), .instance = run_path(run_id)});
  // A run that this server had to interrupt goes on when it starts again: it is not to be sent once more.
  const bool goes_on = view->run.status == db::RunStatus::Interrupted && queue.resumes();
  const bool is_undecided = view->run.status == db::RunStatus::Undecided;
  if (is_undecided || (load::has_ended(view->run.status) && !goes_on)) {
    http::Response response = ended_answer(call, *view);
    if (view->run.id != run_id) response.set("Idempotency-Replayed", "true");
    return response;
  }
  if (const Result<void> kept = queue.make_durable(run_id); !kept)
    return problem_response(call, {.error = kept.error(), .instance = run_path(run_id)});
  http::Response response = json_response(202, run_json(*view) + "\n");
  response.set("Location", run_path(run_id));
  response.set("Retry-After", "1");
  return response;
}

Result<Submitted> submit(const Call& call, runs::NewLoad load) {
  const std::string own_id = load.run.id;
  const std::uint64_t bytes = load.file.bytes;
  const db::Idempotency key = load.run.idempotency;
  load.was_configured = call.service.catalog.find(load.run.table) != nullptr;
  Result<std::string> id = call.service.queue.submit(std::move(load));
  if (id) {
    if (*id == own_id)
      call.service.metrics.bytes_received(bytes);
    else
      call.service.metrics.idempotent_replay();
    return Submitted{.run_id = *id, .is_replay = *id != own_id};
  }
  const Code code = id.error().code;
  if (code != Code::RunIdempotencyInProgress && code != Code::RunUndecided)
    return std::unexpected(std::move(id).error());
  Problem problem{.error = std::move(id).error(), .retry_after = std::chrono::seconds(1)};
  if (const auto earlier = call.service.queue.find_by_key(key); earlier && *earlier) {
    problem.instance = run_path((*earlier)->run.id);
    problem.headers.emplace_back("Link", fmt::format("<{}>; rel=\"status\"", problem.instance));
  }
  return Submitted{.run_id = {}, .refusal = problem_response(call, problem)};
}

}  // namespace rowgate::api

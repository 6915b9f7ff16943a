#include "api/handlers/load_body.h"

#include "api/core/idempotency.h"
#include "api/core/sources.h"
#include "base/ids.h"

namespace rowgate::api {
namespace {

/// The last part of a path in either style, as some clients send one; only ever shown.
std::string display_name(std::string_view given, const std::string& table) {
  given.remove_prefix(std::min(given.find_last_of("/\\") + 1, given.size()));
  return given.empty() ? table + ".csv" : std::string(given);
}

/// Fails with request.invalid.
Result<void> begin(const Call& call, LoadBody::Plan& plan) {
  TRY_ASSIGN(plan.run.idempotency, read_idempotency_key(call.request));
  TRY(load::check(plan.options));
  plan.run.created_at = call.service.clock.now();
  plan.run.id = new_id("run_", plan.run.created_at);
  plan.run.principal = call.request.principal;
  return {};
}

}  // namespace

Result<http::Accepted> accept_file(Call& call, LoadBody::Plan plan, bool lenient, std::uint64_t limit_bytes) {
  TRY_ASSIGN(FileHead head, read_file_head(call.request, lenient));
  if (!plan.options.encoding) plan.options.encoding = head.charset;
  TRY(begin(call, plan));
  TRY_ASSIGN(load::Upload upload, call.service.queue.receive(plan.run, limit_bytes));
  return http::Accepted{
      .receiver = std::make_unique<LoadBody>(std::move(plan), std::move(head), std::move(upload)),
      .limit_bytes = limit_bytes};
}

Result<runs::NewLoad> new_load(const Call& call, LoadBody& body) {
  if (body.bytes() == 0) return fail(Code::FileEmpty, "the body is empty", "send the CSV file as the body");
  runs::NewLoad load{.run = body.plan().run, .options = body.plan().options, .file = body.release()};
  if (load.run.file_name.empty()) load.run.file_name = display_name(body.file_name(), load.run.table);
  if (!load.options.encoding) load.options.encoding = body.charset();
  TRY(load::check(load.options));
  if (load.run.idempotency) load.run.idempotency.fingerprint = fingerprint(call.request, load.file.sha256);
  return load;
}

Result<http::Accepted> accept_source(const Call& call, const LoadBody::Plan& plan) {
  TRY(check_source(call, plan.run.table));
  TRY(load::check(plan.options));
  return http::Accepted{};
}

Result<runs::NewLoad> load_of_source(const Call& call, LoadBody::Plan plan) {
  TRY_ASSIGN(const SourceKey key, check_source(call, plan.run.table));
  TRY(begin(call, plan));
  TRY_ASSIGN(load::Upload upload,
             call.service.queue.receive(plan.run, call.service.settings.limits.max_upload_bytes));
  runs::NewLoad load{.run = std::move(plan.run), .options = std::move(plan.options), .file = {}};
  TRY_ASSIGN(load.file, fetch_source(call, std::move(upload)));
  if (load.file.bytes == 0) return fail(Code::FileEmpty, "the source is empty", "put the CSV file there");
  if (load.run.file_name.empty()) load.run.file_name = key.file_name;
  if (load.run.idempotency) load.run.idempotency.fingerprint = fingerprint(call.request, load.file.sha256);
  return load;
}

http::Later after_run(runs::RunQueue& queue, const std::string& run_id, runs::Wait wait,
                      std::optional<std::chrono::milliseconds> at_most,
                      std::function<http::Response()> answer) {
  return {.subscribe = [&queue, run_id,
                        wait](std::function<void()> wake) { queue.when_done(run_id, wait, std::move(wake)); },
          .at_most = at_most,
          .answer = std::move(answer)};
}

}  // namespace rowgate::api

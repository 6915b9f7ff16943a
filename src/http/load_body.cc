#include "http/load_body.h"

#include "base/ids.h"
#include "http/idempotency.h"

namespace rowgate::http {
namespace {

constexpr std::size_t kLongestName = 255;

/// The last part of a path in either style, as some clients send one; only ever shown.
std::string display_name(std::string_view given, const std::string& table) {
  given.remove_prefix(std::min(given.find_last_of("/\\") + 1, given.size()));
  std::string name(given.substr(0, kLongestName));
  return name.empty() ? table + ".csv" : name;
}

}  // namespace

Result<Accepted> accept_file(Call& call, LoadBody::Plan plan, bool lenient, std::uint64_t limit_bytes) {
  TRY_ASSIGN(FileHead head, read_file_head(call.request, lenient));
  TRY_ASSIGN(plan.run.idempotency, read_idempotency_key(call.request));
  if (!plan.options.encoding) plan.options.encoding = head.charset;
  TRY(load::check(plan.options));
  plan.run.created_at = call.service.clock.now();
  plan.run.id = new_id("run_", plan.run.created_at);
  plan.run.principal = call.request.principal;
  TRY_ASSIGN(load::Upload upload, call.service.queue.receive(plan.run, limit_bytes));
  return Accepted{.receiver = std::make_unique<LoadBody>(std::move(plan), std::move(head), std::move(upload)),
                  .limit_bytes = limit_bytes};
}

Result<load::NewLoad> new_load(const Call& call, LoadBody& body) {
  if (body.bytes() == 0) return fail(Code::FileEmpty, "the body is empty", "send the CSV file as the body");
  load::NewLoad load{.run = body.plan().run, .options = body.plan().options, .file = body.release()};
  if (load.run.file_name.empty()) load.run.file_name = display_name(body.file_name(), load.run.table);
  if (!load.options.encoding) load.options.encoding = body.charset();
  TRY(load::check(load.options));
  if (load.run.idempotency) load.run.idempotency.fingerprint = fingerprint(call.request, load.file.sha256);
  return load;
}

Later after_run(load::RunQueue& queue, const std::string& run_id,
                std::optional<std::chrono::milliseconds> at_most, std::function<Response()> answer) {
  return {
      .subscribe = [&queue, run_id](std::function<void()> wake) { queue.when_done(run_id, std::move(wake)); },
      .at_most = at_most,
      .answer = std::move(answer)};
}

}  // namespace rowgate::http

#pragma once

#include "api/core/call.h"
#include "api/core/problem.h"
#include "runs/run_queue.h"

#include <optional>
#include <string>

namespace rowgate::api {

/// The answer to a load whose run has ended: 200 with the run, or the problem that it ended with.
http::Response ended_answer(const Call& call, const runs::RunView& view);
/// The run whose answer is that of `run_id`: itself, or the one of another server that did the same request.
/// Fails as runs::RunQueue::find().
Result<runs::RunView> answering_run(const Call& call, const std::string& run_id);
/// What is to be said of a run now: ended_answer(), or 202 where it goes on, which then survives the process.
http::Response present_answer(const Call& call, const std::string& run_id);
/// Why a run failed, with its first rejects.
Problem problem_of(const runs::RunView& view);

/// What the queue says to a new load.
struct Submitted {
  std::string run_id;
  bool is_replay = false;                      ///< the run is that of an earlier request under the same key
  std::optional<http::Response> refusal = {};  ///< the earlier request is still being done
};
/// Puts a load into the queue. Fails as runs::RunQueue::submit() does.
Result<Submitted> submit(const Call& call, runs::NewLoad load);

}  // namespace rowgate::api

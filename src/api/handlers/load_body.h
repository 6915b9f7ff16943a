#pragma once

#include "api/core/call.h"
#include "api/core/file_body.h"
#include "load/load_options.h"

namespace rowgate::api {

/// A file on its way into a table: what was decided before the body came, and the bytes.
class LoadBody : public FileBody {
 public:
  struct Plan {
    db::RunRecord run;  ///< id, table, principal and the idempotency key (without fingerprint)
    load::LoadOptions options;
  };
  LoadBody(Plan plan, FileHead head, load::Upload upload)
      : FileBody(std::move(head), std::move(upload)), plan_(std::move(plan)) {}
  const Plan& plan() const { return plan_; }

 private:
  Plan plan_;
};

/// Opens the upload and makes the receiver. Fails as read_file_head() and load::Upload::create() do.
Result<http::Accepted> accept_file(Call& call, LoadBody::Plan plan, bool lenient, std::uint64_t limit_bytes);

/// The same where `?source=` names a file in the bucket: no body is wanted. Fails as check_source() does.
Result<http::Accepted> accept_source(const Call& call, const LoadBody::Plan& plan);
/// Fetches that file and makes the run of it. Blocks. Fails as fetch_source() does.
Result<runs::NewLoad> load_of_source(const Call& call, LoadBody::Plan plan);

/// The run that a received file becomes. Fails with file.empty.
Result<runs::NewLoad> new_load(const Call& call, LoadBody& body);

/// Waits for the end of a run, at most `at_most`, then answers by `answer`.
http::Later after_run(runs::RunQueue& queue, const std::string& run_id, runs::Wait wait,
                      std::optional<std::chrono::milliseconds> at_most,
                      std::function<http::Response()> answer);

}  // namespace rowgate::api

#include "api/core/replies.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "load/kept_files.h"
#include "load/run_moves.h"

#include <fmt/format.h>

namespace rowgate::api {

Result<http::Reply> download_source(Call& call, Body) {
  TRY_ASSIGN(const runs::RunView view, find_run(call));
  const db::RunRecord& run = view.run;
  if (!load::has_ended(run.status) || run.kind != "load")
    return fail(Code::RunRejectsExpired, fmt::format("the file of {} is not kept", run.id),
                "files are kept for storage.keep.sources after the run has ended");
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file,
             load::open_source(call.service.store, call.service.spool, run));
  return file_response(call, file, "application/octet-stream", run.file_sha256,
                       run.file_name.empty() ? run.id : run.file_name.text());
}

}  // namespace rowgate::api

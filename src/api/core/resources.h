#pragma once

// The resources of the API as JSON texts, as docs/http-api.yaml describes them.

#include "api/core/lookups.h"
#include "runs/run_queue.h"

#include <string>

namespace rowgate::api {

/// The run resource.
std::string run_json(const runs::RunView& view);
/// Its ETag: changes with anything of it.
std::string run_etag(const runs::RunView& view);

/// The link resource; its address is null once it is of no use any more.
std::string link_json(const Call& call, const db::LinkRecord& link);

}  // namespace rowgate::api

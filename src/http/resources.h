#pragma once

// The resources of the API as JSON texts, as docs/http-api.yaml describes them.

#include "http/lookups.h"
#include "load/run_queue.h"

#include <string>

namespace rowgate::http {

/// The run resource.
std::string run_json(const load::RunView& view);
/// Its ETag: changes with anything of it.
std::string run_etag(const load::RunView& view);

/// The link resource; its address is null once it is of no use any more.
std::string link_json(const Call& call, const db::LinkRecord& link);

}  // namespace rowgate::http

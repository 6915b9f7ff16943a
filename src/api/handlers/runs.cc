#include "api/core/paging.h"
#include "api/core/replies.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "base/text.h"
#include "load/run_moves.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

/// How many runs are looked through for one page by a key that may not see them all.
constexpr std::size_t kMostRunsLookedAt = 10'000;

/// The table that the list is narrowed to. Fails with table.unknown.
Result<std::optional<db::TableName>> wanted_table(const Call& call) {
  const std::optional<std::string_view> name = call.request.parameter("table");
  if (!name) return std::nullopt;
  Call of_table = call;
  of_table.params["table"] = std::string(*name);
  TRY_ASSIGN(const FoundTable table, find_table(of_table));
  return table.name;
}

}  // namespace

Result<http::Reply> list_runs(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  TRY_ASSIGN(const std::optional<db::TableName> table, wanted_table(call));
  std::vector<std::string> items;
  std::optional<std::string> before = page.position, next;
  for (std::size_t looked_at = 0, bytes = 0; looked_at < kMostRunsLookedAt && !next;) {
    const std::size_t wanted = std::min(page.limit + 1, kPagePiece);
    TRY_ASSIGN(const std::vector<runs::RunView> runs, call.service.queue.list(table, before, wanted));
    for (const runs::RunView& view : runs) {
      if (!may_see(call, view.run)) continue;
      if (items.size() == page.limit || bytes >= kFullPageBytes) {
        next = before;
        break;
      }
      items.push_back(run_json(view));
      bytes += items.back().size();
      before = view.run.id;
    }
    looked_at += runs.size();
    if (runs.size() < wanted) break;
    if (!next) before = runs.back().run.id;
    if (!next && looked_at >= kMostRunsLookedAt) next = before;
  }
  return page_response(call, items, next);
}

Result<http::Reply> show_run(Call& call, Body) {
  TRY_ASSIGN(const runs::RunView view, find_run(call));
  http::Response response = json_response(200, run_json(view) + "\n");
  if (!load::has_ended(view.run.status)) response.set("Retry-After", "1");
  return unless_known(call.request, run_etag(view), std::move(response));
}

}  // namespace rowgate::api

#include "api/core/lookups.h"
#include "api/core/paging.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

/// How many links are looked through for one page by a key that may not see them all.
constexpr std::size_t kMostLookedAt = 10'000;
}  // namespace

Result<http::Reply> list_links(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  const report::Links& all = call.service.links;
  std::vector<std::string> items;
  std::optional<std::string> before = page.position, next;
  for (std::size_t looked_at = 0, bytes = 0; !next;) {
    const std::size_t wanted = std::min(page.limit + 1, kPagePiece);
    TRY_ASSIGN(const std::vector<db::LinkRecord> links, all.list(before, wanted));
    for (const db::LinkRecord& link : links) {
      if (!call.may_see_report(link.report)) continue;
      if (items.size() == page.limit || bytes >= kFullPageBytes) {
        next = before;
        break;
      }
      items.push_back(link_json(call, link));
      bytes += items.back().size();
      before = link.id;
    }
    looked_at += links.size();
    if (next || links.size() < wanted) break;
    before = links.back().id;
    if (looked_at >= kMostLookedAt) next = before;
  }
  return page_response(call, items, next);
}

Result<http::Reply> revoke_link(Call& call, Body) {
  const std::string& id = call.params.find("link")->second;
  const Error unknown{Code::ReportLinkUnknown, fmt::format("there is no link \"{}\"", shown(id)),
                      "list them at /v1/links"};
  if (!is_id(id, "lnk_")) return std::unexpected(unknown);
  const Result<db::LinkRecord> link = call.service.links.find(id);
  if (!link && link.error().code != Code::ReportLinkUnknown) return std::unexpected(link.error());
  if (!link || !call.may_see_report(link->report)) return std::unexpected(unknown);
  TRY(call.service.links.revoke(id));
  return http::Response{.status = 204};
}

}  // namespace rowgate::api

#include "base/text.h"
#include "cli/command_report.h"
#include "cli/command_support.h"
#include "cli/terminal/text_table.h"
#include "report/links.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::string_view kPrefix = "lnk_";

/// Everything that links need. Made only where it is used: the first use makes the link keys.
class LinkDesk {
 public:
  static Result<std::unique_ptr<LinkDesk>> open(const app::Opened& at) {
    TRY_ASSIGN(store::LinkSigner signer, app::make_link_signer(at.config()));
    return std::unique_ptr<LinkDesk>(new LinkDesk(at, std::move(signer)));
  }

  report::Links& links() { return links_; }
  std::string url(const db::LinkRecord& link) const {
    return links_.is_live(link) ? report::url_of(public_url_, links_.address(link)) : std::string();
  }
  std::string url(const report::MadeLink& made) const { return report::url_of(public_url_, made.address); }
  std::string_view state(const db::LinkRecord& link) const {
    return link.revoked_at ? "revoked" : links_.is_live(link) ? "live" : "expired";
  }

 private:
  LinkDesk(const app::Opened& at, store::LinkSigner signer)
      : signer_(std::move(signer)),
        links_(*at.database, *at.store, signer_, clock_,
               {.spool = at.config().spool_path, .direct = app::direct_links_of(at.config(), *at.store)}),
        public_url_(at.config().service.public_url) {}

  SystemClock clock_;
  store::LinkSigner signer_;
  report::Links links_;
  std::string public_url_;
};

Result<std::chrono::seconds> life_of(const std::string& text) {
  const Result<std::chrono::milliseconds> life = parse_duration(text);
  if (life && life->count() % 1000 == 0) return std::chrono::duration_cast<std::chrono::seconds>(*life);
  return fail(Code::ReportBadParameter, fmt::format("\"{}\" is no life of a link", shown(text)),
              "write --link 90s, 30m, 24h or 7d");
}

Result<void> list(const app::Opened& at, const Terminal& terminal, std::size_t limit) {
  TRY_ASSIGN(const std::unique_ptr<LinkDesk> desk, LinkDesk::open(at));
  TRY_ASSIGN(const std::vector<db::LinkRecord> links, desk->links().list(std::nullopt, limit));
  if (terminal.json) {
    std::string out = "{\"items\": [";
    for (const db::LinkRecord& link : links)
      out += (out.back() == '[' ? "\n" : ",\n") + db::to_json(link, desk->url(link));
    terminal.out(out + "\n]}\n");
    return {};
  }
  if (links.empty()) {
    terminal.say("no links yet: rowgate report NAME --link 24h makes one");
    return {};
  }
  TextTable table{{"link", "created (UTC)", "report", "file", "rows", "ends (UTC)", "state"},
                  {},
                  {false, false, false, false, true, false, false}};
  for (const db::LinkRecord& link : links)
    table.rows.push_back({link.id, moment(link.created_at), link.report, link.filename, grouped(link.rows),
                          moment(link.expires_at), std::string(desk->state(link))});
  terminal.out(to_text(table, out_width(terminal)));
  return {};
}

/// The one link whose id begins so (with or without "lnk_", in any case).
Result<std::string> find_id(const report::Links& links, const std::string& given) {
  std::string wanted = lower_ascii(given);
  if (!wanted.starts_with(kPrefix)) wanted.insert(0, kPrefix);
  std::vector<std::string> found;
  std::optional<std::string> before;
  for (;;) {
    TRY_ASSIGN(const std::vector<db::LinkRecord> page, links.list(before, kPage));
    for (const db::LinkRecord& link : page)
      if (lower_ascii(link.id).starts_with(wanted)) found.push_back(link.id);
    if (page.size() < kPage) break;
    before = page.back().id;
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(Code::ReportLinkUnknown, fmt::format("no link begins with \"{}\"", shown(given)),
                "rowgate report links lists the links");
  return fail(Code::ReportLinkUnknown, fmt::format("{} links begin with \"{}\"", found.size(), shown(given)),
              "give more of the id");
}

Result<void> revoke(const app::Opened& at, const Terminal& terminal, const std::string& given) {
  TRY_ASSIGN(const std::unique_ptr<LinkDesk> desk, LinkDesk::open(at));
  TRY_ASSIGN(const std::string id, find_id(desk->links(), given));
  TRY(desk->links().revoke(id));
  if (terminal.json) {
    TRY_ASSIGN(const db::LinkRecord link, desk->links().find(id));
    terminal.out(db::to_json(link, "") + "\n");
  }
  terminal.say(fmt::format("{} is revoked and its file removed", id));
  return {};
}

/// The exit code of what was done with the configured database and store.
template <class Do>
int with_opened(const Common& common, Do&& what) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<void> done = what(*at);
  return done ? 0 : report_error(common.terminal, done.error());
}

}  // namespace

Result<void> make_link(const app::Opened& at, const Terminal& terminal, const report::Definition& report,
                       const LinkOrder& order) {
  report::LinkRequest request{.report = &report, .params = order.params};
  TRY_ASSIGN(request.expires_in, life_of(order.life));
  TRY_ASSIGN(const std::unique_ptr<LinkDesk> desk, LinkDesk::open(at));
  TRY_ASSIGN(const report::MadeLink made, desk->links().make(request));
  const std::string url = desk->url(made);
  if (terminal.json)
    terminal.out(db::to_json(made.link, url, made.reused) + "\n");
  else
    terminal.out(url + "\n");
  terminal.say(fmt::format("{}, ends {} UTC{}", counted(made.link.rows, "row"), moment(made.link.expires_at),
                           made.reused ? "; the stored bytes of an equal link" : ""));
  return {};
}

int command_links_list(const Common& common, std::size_t limit) {
  return with_opened(common, [&](const app::Opened& at) { return list(at, common.terminal, limit); });
}

int command_links_revoke(const Common& common, const std::string& link) {
  return with_opened(common, [&](const app::Opened& at) { return revoke(at, common.terminal, link); });
}

}  // namespace rowgate::cli

#include "api/core/lookups.h"
#include "api/core/paging.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/json.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::api {
namespace {

std::string links_json(const std::string& name) {
  const std::string encoded = percent_encoded(name);
  const std::string self = "/v1/tables/" + encoded;
  return fmt::format(
      R"({{"self":"{0}","schema":"{0}/schema","rows":"{0}/rows","template":"{0}/template.csv",)"
      R"("loads":"{0}/loads","runs":"/v1/runs?table={1}"}})",
      self, encoded);
}

Result<std::string> last_run_json(const Call& call, const db::TableName& table) {
  TRY_ASSIGN(const std::vector<runs::RunView> runs, call.service.queue.list(table, std::nullopt, 1));
  if (runs.empty()) return std::string("null");
  const db::RunRecord& run = runs.front().run;
  return fmt::format(R"({{"id":"{}","status":"{}","finished_at":{}}})", run.id, db::name(run.status),
                     json_time_or_null(run.finished_at));
}

/// All but the closing brace.
Result<std::string> open_json(const Call& call, const FoundTable& table) {
  TRY_ASSIGN(const std::string last_run, last_run_json(call, table.name));
  return fmt::format(
      R"({{"name":{},"title":{},"configured":{},"exists":{},"rows":{},"version":{},"last_run":{},"links":{})",
      json_text(table.name.name), json_text_or_null(table.config != nullptr ? table.config->title : ""),
      table.config != nullptr, table.state.has_value(), table.state ? table.state->rows : 0,
      table.state ? table.state->version : 0, last_run, links_json(table.name.name));
}

Result<std::vector<std::string>> differences_of(const Call& call, const FoundTable& table) {
  if (table.config == nullptr || !table.state) return std::vector<std::string>{};
  return call.service.database.differences({.table = table.name,
                                            .schema = &table.config->schema,
                                            .enforce_keys = table.config->enforce_keys,
                                            .database_checks = table.config->database_checks});
}

}  // namespace

Result<http::Reply> list_tables(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  TRY_ASSIGN(const std::vector<FoundTable> tables, visible_tables(call, db::Rows::Counted));
  auto table = tables.begin();
  if (page.position) {
    table = std::ranges::find(tables, *page.position, [](const FoundTable& each) { return each.name.name; });
    if (table == tables.end())
      return fail(Code::RequestBadCursor, "the table where the page before ended is no more",
                  "begin with the first page again");
    ++table;
  }
  std::vector<std::string> items;
  std::optional<std::string> next;
  for (; table != tables.end() && items.size() < page.limit; ++table) {
    TRY_ASSIGN(std::string item, open_json(call, *table));
    items.push_back(std::move(item) + "}");
  }
  if (table != tables.end()) next = std::prev(table)->name.name;
  return page_response(call, items, next);
}

Result<http::Reply> show_table(Call& call, Body) {
  TRY_ASSIGN(const FoundTable table, find_table(call, db::Rows::Counted));
  TRY_ASSIGN(std::string json, open_json(call, table));
  TRY_ASSIGN(const std::vector<std::string> differences, differences_of(call, table));
  json += ",\"differences\":[";
  for (const std::string& difference : differences)
    json += (json.back() == '[' ? "" : ",") + json_text(difference);
  http::Response response = json_response(200, json + "]}\n");
  const std::string etag = fmt::format("\"{}\"", io::sha256_hex(response.text).substr(0, 32));
  return unless_known(call.request, etag, std::move(response));
}

}  // namespace rowgate::api

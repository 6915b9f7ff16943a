#include "api/core/answer_spool.h"
#include "api/core/lookups.h"
#include "api/core/metrics.h"
#include "api/core/paging.h"
#include "api/core/problem.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

/// How many links are looked through for a report's last result.
constexpr std::size_t kMostLinks = 500;

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json params_json(const report::Definition& report) {
  Json list = Json::array();
  for (const report::Parameter& param : report.params)
    list.push_back({{"name", param.name},
                    {"type", table::name(param.type)},
                    {"default", param.default_text ? Json(*param.default_text) : Json(nullptr)}});
  return list;
}

Json last_result_json(const report::Definition& report, const std::vector<db::LinkRecord>& links) {
  const auto last = std::ranges::find(links, report.name, &db::LinkRecord::report);
  if (last == links.end()) return nullptr;
  return {{"run", last->run},
          {"rows", last->rows},
          {"bytes", last->bytes},
          {"sha256", last->sha256},
          {"computed_at", to_rfc3339(last->computed_at)}};
}

std::string report_json(const report::Definition& report, const std::vector<db::LinkRecord>& links) {
  const std::string self = "/v1/reports/" + percent_encoded(report.name);
  Json columns = Json::array();
  for (const report::Column& column : report.columns) columns.push_back(column.name);
  const Json json{
      {"name", report.name},
      {"title", or_null(report.title)},
      {"filename", report.filename},
      {"columns", columns},
      {"params", params_json(report)},
      {"timeout", static_cast<double>(report.timeout.count()) / 1000.0},
      {"max_rows", report.max_rows},
      {"last_result", last_result_json(report, links)},
      {"links",
       {{"self", self}, {"csv", self + ".csv"}, {"json", self + ".json"}, {"links", self + "/links"}}}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Whether the query's escape_formulas is about the CSV: not where the report has a parameter of that name.
bool is_about_csv(const report::Definition& report, std::string_view ending) {
  return ending == ".csv" &&
         std::ranges::find(report.params, kEscapeFormulas, &report::Parameter::name) == report.params.end();
}

/// The parameters of the query, each at most once.
Result<std::vector<std::pair<std::string, std::string>>> given_params(const Call& call) {
  std::vector<std::pair<std::string, std::string>> given;
  for (const auto& [name, value] : call.request.query) {
    if (std::ranges::find(given, name, &http::Fields::value_type::first) != given.end())
      return fail(Code::ReportBadParameter, fmt::format("the parameter \"{}\" stands twice", name),
                  "give it once");
    given.emplace_back(name, value);
  }
  return given;
}

Result<report::Outcome> run_into(const Call& call, const report::Definition& report,
                                 std::span<const std::pair<std::string, std::string>> given,
                                 report::RowWriter& writer) {
  const auto began = std::chrono::steady_clock::now();
  Result<report::Outcome> outcome = report::run(call.service.database, report, given, writer,
                                                call.service.spool, {.stop = call.request.stop});
  const auto took = std::chrono::steady_clock::now() - began;
  call.service.metrics.report_ran(report.name, std::chrono::duration_cast<std::chrono::microseconds>(took),
                                  outcome ? std::optional<std::uint64_t>(outcome->rows) : std::nullopt);
  return outcome;
}

/// report.csv as report.json.
std::string with_ending(std::string filename, std::string_view ending) {
  return filename.substr(0, filename.rfind('.')) + std::string(ending);
}

Result<http::Reply> run_as(const Call& call, std::string_view type, std::string_view ending) {
  TRY_ASSIGN(const report::Definition* report, find_report(call));
  TRY_ASSIGN(auto given, given_params(call));
  bool escapes = false;
  if (is_about_csv(*report, ending)) {
    TRY_ASSIGN(escapes, read_yes_or_no(call.request, kEscapeFormulas));
    std::erase_if(given, [](const auto& each) { return each.first == kEscapeFormulas; });
  }

  TRY_ASSIGN(const Lane::Place place, place_for_long_work(call));
  AnswerSpool spool(call.service.spool);
  const auto append = [&spool](std::string_view bytes) { return spool.append(bytes); };
  const auto writer = ending == ".csv" ? report::csv_writer(append, escapes) : report::json_writer(append);
  TRY(run_into(call, *report, given, *writer));
  http::Response response = text_response(200, type, {});
  response.set(
      "Content-Disposition",
      attachment(with_ending(report->filename.empty() ? report->name + ".csv" : report->filename, ending)));
  response.set("Repr-Digest", repr_digest(spool.sha256()));
  TRY(spool.move_into(response));
  return response;
}

}  // namespace

Result<http::Reply> list_reports(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  TRY_ASSIGN(const std::vector<db::LinkRecord> links, call.service.links.list(std::nullopt, kMostLinks));
  std::vector<std::string> items;
  std::optional<std::string> next;
  std::string last;
  bool is_behind = !page.position;
  for (const report::Definition& report : call.service.reports) {
    if (is_behind && call.may_see_report(report.name)) {
      if (items.size() == page.limit) {
        next = last;
        break;
      }
      items.push_back(report_json(report, links));
      last = report.name;
    }
    if (page.position && report.name == *page.position) is_behind = true;
  }
  return page_response(call, items, next);
}

Result<http::Reply> show_report(Call& call, Body) {
  TRY_ASSIGN(const report::Definition* report, find_report(call));
  TRY_ASSIGN(const std::vector<db::LinkRecord> links, call.service.links.list(std::nullopt, kMostLinks));
  return json_response(200, report_json(*report, links) + "\n");
}

Result<http::Reply> run_report_as_csv(Call& call, Body) {
  return run_as(call, "text/csv", ".csv");
}

Result<http::Reply> run_report_as_json(Call& call, Body) {
  return run_as(call, "application/json", ".json");
}

}  // namespace rowgate::api

// The three endpoints of the original API. Its callers match on every byte of these texts, so their spelling
// stays.

#include "api/core/lookups.h"
#include "api/core/metrics.h"
#include "api/core/problem.h"
#include "api/core/replies.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "api/handlers/load_body.h"
#include "api/handlers/run_answers.h"
#include "base/json.h"
#include "base/text.h"
#include "io/files.h"
#include "io/stored_file.h"
#include "load/count_records.h"
#include "table/schema.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

constexpr std::string_view kLoaded = "Data loaded succesfully!";
constexpr std::string_view kNoData = "Cannot find data to upload";
constexpr std::string_view kSourceTooLarge = "the source ";
constexpr std::string_view kWayOut = " POST /v1/sources tells where to put it; then load it by ?source=KEY.";
constexpr std::uint64_t kReadPast = 16 * kMiB;

http::Response line(int status, std::string text) {
  return text_response(status, "text/plain", std::move(text));
}

std::unexpected<Error> refused(std::string message) {
  return fail(Code::RequestInvalid, std::move(message));
}

Result<void> check_names_given(const http::Request& request) {
  const bool table = !request.parameter("table").value_or("").empty();
  const bool schema = !request.parameter("schema").value_or("").empty();
  if (!table && !schema) return refused("Table and schema are required parameters");
  if (!schema) return refused("Schema is a required parameter");
  if (!table) return refused("Table is a required parameter");
  return {};
}

Result<void> check_schema(const Call& call) {
  const std::string_view schema = *call.request.parameter("schema");
  if (call.service.settings.compat.schemas.contains(std::string(schema))) return {};
  return refused(fmt::format("Unknown schema: {}", shown(schema)));
}

/// The database's namespace that `schema` means; empty for its own.
std::string space_of(const Call& call) {
  const auto found =
      call.service.settings.compat.schemas.find(std::string(*call.request.parameter("schema")));
  return found == call.service.settings.compat.schemas.end() || found->second == "default" ? ""
                                                                                           : found->second;
}

/// Whether it may append to a table of the database, or replace it.
bool may_be_loaded(const CompatSettings& compat, const NamedTable& table) {
  if (table.config != nullptr || compat.tables == CompatSettings::Tables::Any) return true;
  return compat.tables == CompatSettings::Tables::Known && table.state->schema_json.has_value();
}

/// Configured, or known to the database, or one that may be made.
Result<db::TableName> find_or_name_table(const Call& call) {
  const CompatSettings& compat = call.service.settings.compat;
  const db::TableName wanted{space_of(call), std::string(*call.request.parameter("table"))};
  const auto unknown = [&] { return refused(fmt::format("Unknown table: {}", shown(wanted.name))); };
  if (!call.may_see_table(wanted.name) || !table::why_not_a_name(wanted.name, false).empty())
    return unknown();

  TRY_ASSIGN(const NamedTable table, resolve_table(call, wanted));
  if (table.is_other_case || table.name.space != wanted.space) return unknown();
  if (table.is_known()) {
    if (!may_be_loaded(compat, table)) return unknown();
    return table.name;
  }
  if (!compat.create_tables) return unknown();
  return table.name;
}

Result<std::uint64_t> data_rows(const Call& call, const runs::NewLoad& load,
                                std::optional<std::uint64_t> enough) {
  const load::Catalog& catalog = call.service.catalog;
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file,
             io::open_own_file(load.file.file.path(), load.run.file_name));
  TRY_ASSIGN(
      const load::LoadRequest request,
      load::make_request(catalog, {load.run.space, load.run.table}, load.options, file,
                         io::UnpackLimits{catalog.limits.max_unpacked_bytes, catalog.limits.max_ratio}));
  return load::count_records(*request.file, request.dialect, enough);
}

/// A file without a data row is refused before it could replace a table by nothing. What else is wrong with
/// the file is told by its load.
Result<void> check_rows(const Call& call, const runs::NewLoad& load) {
  const std::optional<std::uint64_t> most = call.service.settings.compat.max_rows;
  const Result<std::uint64_t> rows =
      data_rows(call, load, most ? std::nullopt : std::optional<std::uint64_t>(1));
  if (!rows && rows.error().code != Code::FileEmpty) return {};
  if (!rows || *rows == 0) return refused(std::string(kNoData));
  if (most && *rows > *most)
    return refused(
        fmt::format("Batch insert available for files from 1 up to {} rows. The file provided has {} rows.",
                    *most, *rows));
  return {};
}

std::string first_refusal(const runs::RunView& view) {
  if (view.first_rejects.empty() || view.first_rejects[0].problems.empty()) return "";
  const load::RejectProblem& first = view.first_rejects[0].problems[0];
  const std::string field = first.field.empty() ? "" : fmt::format(", {}", first.field);
  return fmt::format(" First: line {}{}: {}.", view.first_rejects[0].line, field, first.title);
}

http::Response ended(const Call& call, const runs::RunView& view) {
  const db::RunRecord& run = view.run;
  if (run.error && run.error->code == Code::LimitRejects)
    return line(422, fmt::format("{} of {} rows were refused; nothing was loaded.{}", run.rows_rejected,
                                 run.rows_read - run.rows_skipped, first_refusal(view)));
  if (!db::has_loaded(run)) return problem_response(call, problem_of(view));
  return line(200, std::string(kLoaded));
}

http::Response answer_for(const Call& call, const Submitted& submitted) {
  const Result<runs::RunView> view = answering_run(call, submitted.run_id);
  if (!view) return problem_response(call, {.error = view.error()});
  http::Response response = ended(call, *view);
  const db::RunRecord& run = view->run;
  response.set("Rowgate-Run", run.id);
  response.set("Rowgate-Rows", fmt::format("read={}, accepted={}, rejected={}", run.rows_read,
                                           run.rows_accepted, run.rows_rejected));
  response.set("Link", fmt::format("</v1/runs/{}>; rel=\"status\", </v1/tables/{}/loads>; rel=\"alternate\"",
                                   run.id, percent_encoded(run.table)));
  if (submitted.is_replay || run.id != submitted.run_id) response.set("Idempotency-Replayed", "true");
  return response;
}

Result<LoadBody::Plan> plan_of(const Call& call) {
  TRY(check_names_given(call.request));
  TRY(check_schema(call));
  TRY_ASSIGN(const db::TableName table, find_or_name_table(call));
  const std::string_view append = call.request.parameter("append").value_or("");
  LoadBody::Plan plan;
  plan.run.table = table.name;
  plan.run.space = table.space;
  plan.options.mode = append == "true" || append == "True" || append == "1" ? "append" : "replace";
  plan.run.mode = plan.options.mode;
  return plan;
}

std::unexpected<Error> source_error(const Call& call, const Error& error) {
  if (error.code != Code::SourceUnknown) return std::unexpected(error);
  return refused(fmt::format("Unknown source: {}", shown(*call.request.parameter("source"))));
}

/// What came as the body, or lies in the bucket.
Result<runs::NewLoad> original_file(const Call& call, http::BodyReceiver* body) {
  if (body != nullptr) return new_load(call, static_cast<LoadBody&>(*body));
  TRY_ASSIGN(LoadBody::Plan plan, plan_of(call));
  Result<runs::NewLoad> load = load_of_source(call, std::move(plan));
  if (!load) return source_error(call, load.error());
  return load;
}

/// "4 MB", "4.3 MB".
std::string megabytes(std::uint64_t bytes) {
  if (bytes % kMiB == 0) return fmt::format("{} MB", bytes / kMiB);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

}  // namespace

Result<http::Accepted> prepare_original_load(Call& call) {
  TRY_ASSIGN(LoadBody::Plan plan, plan_of(call));
  if (call.request.parameter("source")) {
    Result<http::Accepted> accepted = accept_source(call, plan);
    if (!accepted) return source_error(call, accepted.error());
    return accepted;
  }
  TRY_ASSIGN(http::Accepted accepted,
             accept_file(call, std::move(plan), true, call.service.settings.original_limit()));
  accepted.read_past_bytes = kReadPast;
  return accepted;
}

Result<http::Reply> original_load(Call& call, Body body) {
  Result<runs::NewLoad> load = original_file(call, body.get());
  if (!load && load.error().code == Code::FileEmpty) return refused(std::string(kNoData));
  if (!load) return std::unexpected(std::move(load).error());
  TRY(check_rows(call, *load));
  TRY_ASSIGN(const Submitted submitted, submit(call, *std::move(load)));
  if (submitted.refusal) return http::Reply(*submitted.refusal);
  return http::Reply(after_run(call.service.queue, submitted.run_id, runs::Wait::ForEnd, std::nullopt,
                               [call, submitted] { return answer_for(call, submitted); }));
}

std::string original_error_line(const Settings& settings, const Error& error) {
  if (error.code == Code::LimitBytes && error.message.starts_with(kSourceTooLarge)) return error.message;
  if (error.code == Code::LimitBytes)
    return fmt::format("The file is larger than {}.{}", megabytes(settings.original_limit()),
                       settings.offers_sources ? kWayOut : std::string_view());
  if (error.code == Code::FileEmpty) return std::string(kNoData);
  return told_message(error);
}

/// The report that has the request's path as its `route`.
Result<http::Reply> original_report(Call& call, Body) {
  const std::string path = call.request.target.substr(0, call.request.target.find('?'));
  for (const report::Definition& report : call.service.reports) {
    if (report.route != path) continue;
    if (!call.may_see_report(report.name)) break;
    TRY_ASSIGN(const Lane::Place place, place_for_long_work(call));
    TRY_ASSIGN(const report::MadeLink made, call.service.links.make({.report = &report,
                                                                     .expires_in = report.expires,
                                                                     .principal = call.request.principal,
                                                                     .stop = call.request.stop}));
    call.service.metrics.link_created(report.name);
    const std::string url = report::url_of(call.service.settings.url_for(&call.request), made.address);
    return http::Reply(
        json_response(200, fmt::format("{{\"message\": {}, \"presigned-url\": {}}}\n",
                                       json_text("Report generated succesfully!"), json_text(url))));
  }
  // A report that the key may not see is told as any path where nothing is.
  const Problem nothing{.error = {Code::RequestNotFound, fmt::format("there is nothing at {}", shown(path))}};
  return http::Reply(problem_response(call.service.settings, &call.request, nullptr, nothing));
}

}  // namespace rowgate::api

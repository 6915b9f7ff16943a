#pragma once

// The handlers of the route table (router.cc), one file for each group of addresses. All of them block, and
// are called on worker threads.

#include "api/core/call.h"

#include <memory>

namespace rowgate::api {

using Body = std::unique_ptr<http::BodyReceiver>;

// service.cc
Result<http::Reply> show_service(Call& call, Body body);
Result<http::Reply> show_version(Call& call, Body body);
// tables.cc
Result<http::Reply> list_tables(Call& call, Body body);
Result<http::Reply> show_table(Call& call, Body body);
// schema.cc
Result<http::Reply> show_schema(Call& call, Body body);
Result<http::Reply> show_template(Call& call, Body body);
// rows.cc
Result<http::Reply> list_rows(Call& call, Body body);
// runs.cc
Result<http::Reply> list_runs(Call& call, Body body);
Result<http::Reply> show_run(Call& call, Body body);
// rejects.cc
Result<http::Reply> list_rejects(Call& call, Body body);
// source.cc
Result<http::Reply> download_source(Call& call, Body body);
// reports.cc
Result<http::Reply> list_reports(Call& call, Body body);
Result<http::Reply> show_report(Call& call, Body body);
Result<http::Reply> run_report_as_csv(Call& call, Body body);
Result<http::Reply> run_report_as_json(Call& call, Body body);
// new_link.cc
Result<http::Accepted> prepare_link(Call& call);
Result<http::Reply> create_link(Call& call, Body body);
// sources.cc
Result<http::Accepted> prepare_source(Call& call);
Result<http::Reply> create_source(Call& call, Body body);
// links.cc
Result<http::Reply> list_links(Call& call, Body body);
Result<http::Reply> revoke_link(Call& call, Body body);
// download.cc
Result<http::Reply> download(Call& call, Body body);
// loads.cc
Result<http::Accepted> prepare_load(Call& call);
Result<http::Accepted> prepare_validation(Call& call);
Result<http::Reply> load_file(Call& call, Body body);
// original_api.cc
Result<http::Accepted> prepare_original_load(Call& call);
Result<http::Reply> original_load(Call& call, Body body);
Result<http::Reply> original_report(Call& call, Body body);
std::string original_error_line(const Settings& settings, const Error& error);
// problems.cc
Result<http::Reply> show_problem(Call& call, Body body);
// openapi.cc
Result<http::Reply> openapi_yaml(Call& call, Body body);
Result<http::Reply> openapi_json(Call& call, Body body);
// health.cc
Result<http::Reply> livez(Call& call, Body body);
Result<http::Reply> readyz(Call& call, Body body);
// operations.cc
Result<http::Reply> show_metrics(Call& call, Body body);
Result<http::Reply> discover_loads(Call& call, Body body);
Result<http::Reply> reload_configuration(Call& call, Body body);

}  // namespace rowgate::api

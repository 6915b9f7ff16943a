#pragma once

// The handlers of the route table (router.cc), one file for each group of addresses. All of them block, and
// are called on worker threads.

#include "http/router.h"

#include <memory>

namespace rowgate::http {

using Body = std::unique_ptr<BodyReceiver>;

// service.cc
Result<Reply> show_service(Call& call, Body body);
Result<Reply> show_version(Call& call, Body body);
// tables.cc
Result<Reply> list_tables(Call& call, Body body);
Result<Reply> show_table(Call& call, Body body);
// schema.cc
Result<Reply> show_schema(Call& call, Body body);
Result<Reply> show_template(Call& call, Body body);
// rows.cc
Result<Reply> list_rows(Call& call, Body body);
// runs.cc
Result<Reply> list_runs(Call& call, Body body);
Result<Reply> show_run(Call& call, Body body);
// rejects.cc
Result<Reply> list_rejects(Call& call, Body body);
// source.cc
Result<Reply> download_source(Call& call, Body body);
// reports.cc
Result<Reply> list_reports(Call& call, Body body);
Result<Reply> show_report(Call& call, Body body);
Result<Reply> run_report_as_csv(Call& call, Body body);
Result<Reply> run_report_as_json(Call& call, Body body);
// new_link.cc
Result<Accepted> prepare_link(Call& call);
Result<Reply> create_link(Call& call, Body body);
// sources.cc
Result<Accepted> prepare_source(Call& call);
Result<Reply> create_source(Call& call, Body body);
// links.cc
Result<Reply> list_links(Call& call, Body body);
Result<Reply> revoke_link(Call& call, Body body);
// download.cc
Result<Reply> download(Call& call, Body body);
// loads.cc
Result<Accepted> prepare_load(Call& call);
Result<Accepted> prepare_validation(Call& call);
Result<Reply> load_file(Call& call, Body body);
// original_api.cc
Result<Accepted> prepare_original_load(Call& call);
Result<Reply> original_load(Call& call, Body body);
Result<Reply> original_report(Call& call, Body body);
std::string original_error_line(const Settings& settings, const Error& error);
// problems.cc
Result<Reply> show_problem(Call& call, Body body);
// openapi.cc
Result<Reply> openapi_yaml(Call& call, Body body);
Result<Reply> openapi_json(Call& call, Body body);
// health.cc
Result<Reply> livez(Call& call, Body body);
Result<Reply> readyz(Call& call, Body body);
// operations.cc
Result<Reply> show_metrics(Call& call, Body body);
Result<Reply> discover_loads(Call& call, Body body);
Result<Reply> reload_configuration(Call& call, Body body);

}  // namespace rowgate::http

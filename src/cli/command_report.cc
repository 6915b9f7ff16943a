#include "cli/command_report.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/row_output.h"
#include "cli/terminal/text_table.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

Result<Params> read_params(const std::vector<std::string>& given) {
  Params params;
  for (const std::string& one : given) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Code::ReportBadParameter, fmt::format("\"{}\" is not a parameter", shown(one)),
                  "write --param name=value, for example --param year=2021");
    params.emplace_back(one.substr(0, equals), one.substr(equals + 1));
  }
  return params;
}

Error unknown_report(const config::Config& config, const std::string& name) {
  std::vector<std::string> known;
  for (const report::Definition& report : config.reports) known.push_back(report.name);
  const std::string near = nearest(name, known);
  std::string hint =
      near.empty() ? "rowgate report lists all reports" : fmt::format("did you mean {}?", near);
  if (known.empty()) hint = "add it under `reports:` in rowgate.yaml";
  return Error{Code::ReportUnknown, fmt::format("there is no report \"{}\"", shown(name)), std::move(hint)};
}

/// --output sales.csv means CSV where no other format than the default was asked for.
std::string format_of(const ReportArguments& arguments) {
  if (arguments.format != "text" || !arguments.output) return arguments.format;
  for (const std::string_view format : {"csv", "json"})
    if (arguments.output->ends_with(fmt::format(".{}", format))) return std::string(format);
  return arguments.format;
}

/// A link's file is CSV, and it is not written here.
Result<void> check_link_flags(const ReportArguments& arguments) {
  if (arguments.format == "text" && !arguments.output && !arguments.escape_formulas) return {};
  return fail(Code::RequestInvalid, "--link goes with --param only", "a link gives the report as CSV");
}

std::string param_text(const report::Parameter& param) {
  return fmt::format("{}={}", param.name, param.default_text ? *param.default_text : "(required)");
}

std::string as_json(const report::Definition& report) {
  std::string out =
      fmt::format(R"({{"name": {}, "title": {}, "filename": {}, "params": [)", json_text(report.name),
                  json_text_or_null(report.title), json_text_or_null(report.filename));
  for (const report::Parameter& param : report.params)
    out += fmt::format(R"({}{{"name": {}, "type": "{}", "default": {}}})", out.back() == '[' ? "" : ", ",
                       json_text(param.name), table::name(param.type),
                       param.default_text ? json_text(*param.default_text) : "null");
  return out + "]}";
}

}  // namespace

int command_report(const Common& common, const ReportArguments& arguments) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const report::Definition* report = at->config().find_report(arguments.report);
  if (report == nullptr) return report_error(terminal, unknown_report(at->config(), arguments.report));
  const Result<Params> params = read_params(arguments.params);
  if (!params) return report_error(terminal, params.error());
  if (arguments.link) {
    Result<void> made = check_link_flags(arguments);
    if (made) made = make_link(*at, terminal, *report, {.params = *params, .life = *arguments.link});
    return made ? 0 : report_error(terminal, made.error());
  }

  report::Outcome outcome;
  const auto written =
      write_output(terminal, arguments.output, [&](const report::Output& out) -> Result<void> {
        TRY_ASSIGN(const auto writer,
                   row_writer(format_of(arguments), terminal, out, arguments.escape_formulas));
        TRY_ASSIGN(outcome, report::run(*at->database, *report, *params, *writer, at->config().spool_path));
        return {};
      });
  if (!written) return report_error(terminal, written.error());
  terminal.say(fmt::format("{}, {} ms", counted(outcome.rows, "row"), outcome.took.count()));
  return 0;
}

int command_report_list(const Common& common) {
  const Terminal& terminal = common.terminal;
  const std::optional<config::LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const std::vector<report::Definition>& reports = loaded->config.reports;
  if (terminal.json) {
    std::string out = "{\"items\": [";
    for (const report::Definition& report : reports)
      out += (out.back() == '[' ? "\n" : ",\n") + as_json(report);
    terminal.out(out + "\n]}\n");
    return 0;
  }
  if (reports.empty()) {
    terminal.say("no reports are configured: add them under `reports:` in rowgate.yaml");
    return 0;
  }
  TextTable table{{"report", "title", "parameters"}, {}, {false, false, false}};
  for (const report::Definition& report : reports) {
    std::string params;
    for (const report::Parameter& param : report.params)
      params += (params.empty() ? "" : ", ") + param_text(param);
    table.rows.push_back({report.name, report.title, params});
  }
  terminal.out(to_text(table, out_width(terminal)));
  return 0;
}

}  // namespace rowgate::cli

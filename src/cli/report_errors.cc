#include "cli/commands.h"
#include "cli/terminal/render.h"
#include "db/run_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::cli {
namespace {

std::string as_json(const Error& error) {
  db::RunRecord run;
  run.error = error;
  return db::error_to_json(run);
}

}  // namespace

int report_error(const Terminal& terminal, const Error& error) {
  if (terminal.json)
    terminal.out(fmt::format("{{\"error\": {}}}\n", as_json(error)));
  else
    terminal.warn(render(terminal, error_diagnostic(error)));
  return info(error.code).exit_code;
}

int report_errors(const Terminal& terminal, const std::vector<Error>& errors) {
  if (errors.size() == 1) return report_error(terminal, errors.front());
  int exit_code = 0;
  std::string json;
  for (const Error& error : errors) {
    exit_code = std::max(exit_code, info(error.code).exit_code);
    if (terminal.json)
      json += (json.empty() ? "\n" : ",\n") + as_json(error);
    else
      terminal.warn((&error == &errors.front() ? "" : "\n") + render(terminal, error_diagnostic(error)));
  }
  if (terminal.json) terminal.out(fmt::format("{{\"errors\": [{}\n]}}\n", json));
  return exit_code;
}

std::optional<config::LoadedConfig> configured(const Common& common) {
  if (common.to && common.config_file) {
    report_error(common.terminal, {Code::RequestInvalid, "give either --to or --config, not both",
                                   "--to works without a configuration"});
    return std::nullopt;
  }
  auto loaded = common.to ? config::adhoc_config(*common.to) : config::load_config(common.config_file);
  if (loaded) return *std::move(loaded);
  report_errors(common.terminal, loaded.error());
  return std::nullopt;
}

}  // namespace rowgate::cli

#include "app/opened.h"
#include "app/text_table.h"
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::app {
namespace {

/// Where a table in the database is not as it is configured. A database that cannot be asked is a warning
/// too: the configuration may be right while the database is away.
std::vector<std::string> table_warnings(const Config& config) {
  std::vector<std::string> warnings;
  const std::unique_ptr<db::Database> database = make_database(config);
  if (!database->exists()) return warnings;
  for (const TableConfig& table : config.tables()) {
    const Result<std::vector<std::string>> differences = database->differences(target_of(table));
    if (!differences) {
      warnings.push_back(fmt::format("{}: {}", database->describe(), differences.error().message));
      return warnings;
    }
    for (const std::string& difference : *differences)
      warnings.push_back(fmt::format("table {} in the database differs: {}", table.name.name, difference));
  }
  return warnings;
}

std::string file_text(const Config& config) {
  return config.file.empty() ? std::string("the configuration (no file, defaults only)")
                             : config.file.string();
}

std::string check_json(const Config& config, const std::vector<std::string>& warnings) {
  std::string out =
      fmt::format(R"({{"valid": true, "file": {}, "tables": {}, "reports": {}, "warnings": [)",
                  json_or_null(config.file.string()), config.tables().size(), config.reports.size());
  for (const std::string& warning : warnings) out += (out.back() == '[' ? "" : ", ") + json_text(warning);
  return out + "]}\n";
}

bool is_in_section(const Setting& setting, const std::string& section) {
  return setting.path == section || setting.path.starts_with(section + ".");
}

/// The settings asked for, or the error for a section that does not exist.
Result<std::vector<Setting>> chosen_settings(const LoadedConfig& loaded,
                                             const std::optional<std::string>& section) {
  if (!section) return loaded.settings;
  std::vector<Setting> chosen;
  std::vector<std::string> sections;
  for (const Setting& setting : loaded.settings) {
    if (is_in_section(setting, *section)) chosen.push_back(setting);
    const std::string first = setting.path.substr(0, setting.path.find('.'));
    if (std::ranges::find(sections, first) == sections.end()) sections.push_back(first);
  }
  if (!chosen.empty()) return chosen;
  const std::string near = nearest(*section, sections);
  return fail(
      Code::RequestInvalid, fmt::format("there is no setting \"{}\"", shown(*section)),
      near.empty() ? "rowgate config show lists all settings" : fmt::format("did you mean {}?", near));
}

/// SQL over several lines, with every run of spaces and line ends as one space.
std::string on_one_line(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!is_space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return std::string(trim_spaces(out));
}

std::string settings_json(const std::vector<Setting>& settings) {
  std::string out = "{\"items\": [";
  for (const Setting& setting : settings)
    out += fmt::format(R"({}{{"path": {}, "value": {}, "origin": {}}})", out.back() == '[' ? "\n" : ",\n",
                       json_text(setting.path), json_text(setting.value), json_text(setting.origin));
  return out + "\n]}\n";
}

}  // namespace

int command_config_check(const Common& common) {
  const Terminal& terminal = common.terminal;
  const std::optional<LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const Config& config = loaded->config;
  const std::vector<std::string> warnings = table_warnings(config);
  if (terminal.json) {
    terminal.out(check_json(config, warnings));
    return 0;
  }
  for (const std::string& warning : warnings)
    terminal.warn(fmt::format("{} {}", terminal.mark_warn(), warning));
  terminal.out(fmt::format("{} is valid: {}, {}\n", file_text(config),
                           counted(config.tables().size(), "table"),
                           counted(config.reports.size(), "report")));
  return 0;
}

int command_config_show(const Common& common, bool origin, const std::optional<std::string>& section) {
  const Terminal& terminal = common.terminal;
  const std::optional<LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const Result<std::vector<Setting>> settings = chosen_settings(*loaded, section);
  if (!settings) return report_error(terminal, settings.error());
  if (terminal.json) {
    terminal.out(settings_json(*settings));
    return 0;
  }
  TextTable table{{"setting"}, {}, {}};
  if (origin) table.header.emplace_back("from");
  table.header.emplace_back("value");  // the last one, since some are long
  for (const Setting& setting : *settings) {
    table.rows.push_back({setting.path});
    if (origin) table.rows.back().push_back(setting.origin);
    table.rows.back().push_back(on_one_line(setting.value));
  }
  terminal.out(to_text(table, out_width(terminal)));
  return 0;
}

}  // namespace rowgate::app

#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/terminal/text_table.h"
#include "table/numbers.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::cli {
namespace {

/// Where a table in the database is not as it is configured. A database that cannot be asked is a warning
/// too: the configuration may be right while the database is away.
std::vector<std::string> table_warnings(const config::Config& config) {
  std::vector<std::string> warnings;
  const std::unique_ptr<db::Database> database = app::make_database(config);
  if (!database->exists()) return warnings;
  for (const load::TableConfig& table : config.tables()) {
    const Result<std::vector<std::string>> differences = database->differences(app::target_of(table));
    if (!differences) {
      warnings.push_back(fmt::format("{}: {}", database->describe(), differences.error().message));
      return warnings;
    }
    for (const std::string& difference : *differences)
      warnings.push_back(fmt::format("table {} in the database differs: {}", table.name.name, difference));
  }
  return warnings;
}

bool is_name_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The SQL without its texts, comments, COUNT(*) and the like.
std::string bare_sql(std::string_view sql) {
  std::string bare;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const std::string_view rest = sql.substr(i);
    std::size_t end = std::string_view::npos;
    if (rest.starts_with('\''))
      end = sql.find('\'', i + 1);
    else if (rest.starts_with("--"))
      end = sql.find('\n', i);
    else if (rest.starts_with("/*"))
      end = sql.find("*/", i + 2);
    else if (!rest.starts_with("*")) {
      bare += sql[i];
      continue;
    } else {
      const std::size_t before = bare.find_last_not_of(" \n\t");
      const bool is_factor = before != std::string::npos &&
                             (is_name_part(bare[before]) || bare[before] == ')') &&
                             !lower_ascii(bare.substr(0, before + 1)).ends_with("select");
      if (is_factor) bare += '*';
      continue;
    }
    if (end == std::string_view::npos) break;
    i = end + (rest.starts_with("/*") ? 1 : 0);
  }
  return bare;
}

bool names(std::string_view sql, std::string_view name) {
  for (std::size_t at = sql.find(name); at != sql.npos; at = sql.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_name_part(sql[at - 1])) && (end == sql.size() || !is_name_part(sql[end])))
      return true;
  }
  return false;
}

/// What a report over decimals would tell otherwise on SQLite than on a server.
void add_decimal_warnings(const report::Definition& report, const table::Field& field,
                          std::vector<std::string>& warnings) {
  const std::string sql = lower_ascii(bare_sql(report.sql));
  if (!names(sql, lower_ascii(field.name))) return;
  if (sql.find_first_of("*/+-%") != sql.npos)
    warnings.push_back(fmt::format(
        "report {} computes where the decimal `{}` is read: SQLite does that in doubles (SUM, AVG, MIN and "
        "MAX of the column alone are exact)",
        report.name, field.name));
  const bool orders = sql.find_first_of("<>=") != sql.npos || sql.contains("order by") ||
                      sql.contains("min(") || sql.contains("max(") || sql.contains("between");
  if (field.decimal->precision > table::kDoubleDigits && orders)
    warnings.push_back(fmt::format(
        "report {} may compare the decimal `{}`, which has more than {} digits and is a text on SQLite: "
        "write CAST({} AS REAL) there",
        report.name, field.name, table::kDoubleDigits, field.name));
}

std::vector<std::string> report_warnings(const config::Config& config) {
  std::vector<std::string> warnings;
  if (config.server) return warnings;
  for (const report::Definition& report : config.reports)
    for (const load::TableConfig& table : config.tables())
      for (const table::Field& field : table.schema.fields)
        if (field.type == table::Type::Number && field.decimal) add_decimal_warnings(report, field, warnings);
  return warnings;
}

std::string file_text(const config::Config& config) {
  return config.file.empty() ? std::string("the configuration (no file, defaults only)")
                             : config.file.string();
}

std::string check_json(const config::Config& config, const std::vector<std::string>& warnings) {
  std::string out =
      fmt::format(R"({{"valid": true, "file": {}, "tables": {}, "reports": {}, "warnings": [)",
                  json_text_or_null(config.file.string()), config.tables().size(), config.reports.size());
  for (const std::string& warning : warnings) out += (out.back() == '[' ? "" : ", ") + json_text(warning);
  return out + "]}\n";
}

bool is_in_section(const config::Setting& setting, const std::string& section) {
  return setting.path == section || setting.path.starts_with(section + ".");
}

/// The settings asked for, or the error for a section that does not exist.
Result<std::vector<config::Setting>> chosen_settings(const config::LoadedConfig& loaded,
                                                     const std::optional<std::string>& section) {
  if (!section) return loaded.settings;
  std::vector<config::Setting> chosen;
  std::vector<std::string> sections;
  for (const config::Setting& setting : loaded.settings) {
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

std::string settings_json(const std::vector<config::Setting>& settings) {
  std::string out = "{\"items\": [";
  for (const config::Setting& setting : settings)
    out += fmt::format(R"({}{{"path": {}, "value": {}, "origin": {}}})", out.back() == '[' ? "\n" : ",\n",
                       json_text(setting.path), json_text(setting.value), json_text(setting.origin));
  return out + "\n]}\n";
}

}  // namespace

int command_config_check(const Common& common) {
  const Terminal& terminal = common.terminal;
  const std::optional<config::LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const config::Config& config = loaded->config;
  std::vector<std::string> warnings = table_warnings(config);
  std::ranges::move(report_warnings(config), std::back_inserter(warnings));
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
  const std::optional<config::LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const Result<std::vector<config::Setting>> settings = chosen_settings(*loaded, section);
  if (!settings) return report_error(terminal, settings.error());
  if (terminal.json) {
    terminal.out(settings_json(*settings));
    return 0;
  }
  TextTable table{{"setting"}, {}, {}};
  if (origin) table.header.emplace_back("from");
  table.header.emplace_back("value");  // the last one, since some are long
  for (const config::Setting& setting : *settings) {
    table.rows.push_back({setting.path});
    if (origin) table.rows.back().push_back(setting.origin);
    table.rows.back().push_back(on_one_line(setting.value));
  }
  terminal.out(to_text(table, out_width(terminal)));
  return 0;
}

}  // namespace rowgate::cli

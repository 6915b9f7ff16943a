// What an administrator of the database needs: the SQL that rowgate would want to be run, and the rights that
// it needs. Both only print.

#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "db/grants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace rowgate::cli {
namespace {

/// Of one table.
struct TablePlan {
  std::string table;
  std::vector<std::string> differences, statements;
};

/// The configured tables of these names (all without any), parents first.
Result<std::vector<const load::TableConfig*>> chosen_tables(const config::Config& config,
                                                            const std::vector<std::string>& names) {
  std::vector<const load::TableConfig*> all, chosen;
  std::vector<std::string> known;
  for (const load::TableConfig& table : config.tables()) {
    all.push_back(&table);
    known.push_back(table.name.name);
  }
  for (const std::string& name : names)
    if (config.find_table(name) == nullptr) return std::unexpected(unknown_table(name, known));
  for (const std::size_t i : config::parents_first(all))
    if (names.empty() || std::ranges::find(names, all[i]->name.name) != names.end()) chosen.push_back(all[i]);
  return chosen;
}

Result<std::vector<TablePlan>> plans(const app::Opened& at, const std::vector<std::string>& names) {
  TRY_ASSIGN(const std::vector<const load::TableConfig*> tables, chosen_tables(at.config(), names));
  std::vector<TablePlan> all;
  for (const load::TableConfig* table : tables) {
    const db::LoadTarget target = app::target_of(*table);
    TablePlan plan{table->name.name, {}, {}};
    TRY_ASSIGN(plan.statements, at.database->plan(target));
    if (plan.statements.empty()) continue;
    TRY_ASSIGN(plan.differences, at.database->differences(target));
    if (plan.differences.empty())
      plan.differences.emplace_back("there is no such table; the first load makes it");
    all.push_back(std::move(plan));
  }
  return all;
}

std::string as_json(const std::vector<TablePlan>& all) {
  const auto list = [](const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    for (const std::string& text : texts) quoted.push_back(json_text(text));
    return fmt::format("[{}]", fmt::join(quoted, ", "));
  };
  std::string out = "{\"items\": [";
  for (const TablePlan& plan : all)
    out += fmt::format(R"({}{{"table": {}, "differences": {}, "statements": {}}})",
                       out.back() == '[' ? "\n" : ",\n", json_text(plan.table), list(plan.differences),
                       list(plan.statements));
  return out + "\n]}\n";
}

std::string as_sql(const std::string& head, const std::vector<TablePlan>& all) {
  std::string out = head;
  for (const TablePlan& plan : all) {
    out += out.empty() ? "" : "\n";
    for (const std::string& difference : plan.differences)
      out += fmt::format("-- {}: {}\n", plan.table, difference);
    for (const std::string& statement : plan.statements) out += statement;
  }
  return out;
}

/// All databases or schemas of the server that this configuration can write to.
std::vector<std::string> spaces_of(const config::Config& config, const std::string& own) {
  std::set<std::string> others;
  for (const load::TableConfig& table : config.tables())
    if (!table.name.space.empty()) others.insert(table.name.space);
  if (config.service.compat.enabled)
    for (const auto& [alias, space] : config.service.compat.schemas)
      if (space != "default") others.insert(space);
  others.erase(own);
  std::vector<std::string> spaces{own};
  spaces.insert(spaces.end(), others.begin(), others.end());
  return spaces;
}

}  // namespace

int command_db_plan(const Common& common, const std::vector<std::string>& tables) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<std::vector<TablePlan>> all = plans(*at, tables);
  if (!all) return report_error(terminal, all.error());
  if (terminal.json)
    terminal.out(as_json(*all));
  else if (!all->empty())
    terminal.out(as_sql(at->database->script_head(), *all));
  else
    terminal.say("nothing to do: the database is as the configuration says");
  return all->empty() ? 0 : kPlanHasStatements;
}

int command_db_grants(const Common& common, const std::optional<std::string>& host) {
  const Terminal& terminal = common.terminal;
  const std::optional<config::LoadedConfig> loaded = configured(common);
  if (!loaded) return kConfigFailed;
  const config::Config& config = loaded->config;
  if (!config.server) {
    terminal.out(fmt::format("-- SQLite has no users: rowgate needs the right to write {} and its folder.\n",
                             config.database_path.string()));
    return 0;
  }
  const db::ServerAddress& loader = config.server->address;
  const std::string& own = loader.kind == db::ServerKind::MySql ? loader.database : loader.schema;
  db::GrantsRequest request{.loader = loader, .spaces = spaces_of(config, own)};
  if (config.server->reader && config.server->reader->user != loader.user)
    request.reader = *config.server->reader;
  request.enforce_keys = std::ranges::any_of(config.tables(), &load::TableConfig::enforce_keys);
  if (host) request.host = *host;
  terminal.out(db::grants_sql(request));
  return 0;
}

}  // namespace rowgate::cli

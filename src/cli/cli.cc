#include "cli/cli.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace rowgate::cli {
namespace {

constexpr int kUsage = 2;

Parting wrong(std::string_view message) {
  return {kUsage, {}, fmt::format("error[{}]: {}", text(Code::RequestInvalid), message)};
}

const CLI::App& deepest(const CLI::App& root) {
  const std::vector<CLI::App*> chosen = root.get_subcommands();
  return chosen.empty() ? root : deepest(*chosen.back());
}

std::string path_of(const CLI::App& root) {
  const std::string command = chosen_command(root);
  return command.empty() ? "rowgate" : "rowgate " + command;
}

std::string with_suggestion(std::string message, std::string_view word, const std::vector<std::string>& known,
                            std::string_view path) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return fmt::format("{}; did you mean `{}`?", message, near);
  return fmt::format("{}; see {} -h", message, path);
}

/// Every flag that may stand with `command`: its own and those of the commands above it.
std::vector<std::string> known_flags(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent())
    for (const CLI::Option* option : at->get_options())
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

/// What to say about words that belong nowhere.
Parting unknown_word(const CLI::App& root, const std::string& word) {
  const CLI::App& command = deepest(root);
  const std::string path = path_of(root);
  if (word.size() > 1 && word.starts_with('-')) {
    const std::string flag = word.substr(0, word.find('='));
    return wrong(with_suggestion(fmt::format("no flag `{}`", shown(flag)), flag, known_flags(command), path));
  }
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  if (names.empty()) return wrong(fmt::format("`{}` is one argument too many; see {} -h", shown(word), path));
  const std::string prefix = command.get_parent() == nullptr ? "" : path.substr(sizeof "rowgate") + " ";
  return wrong(with_suggestion(fmt::format("no command `{}{}`", prefix, shown(word)), word, names, path));
}

std::string lowered_first(std::string text) {
  if (!text.empty()) text[0] = lower_ascii(text.substr(0, 1))[0];
  return text;
}

/// CLI11's exception as the text for the user.
Parting parting_of(const CLI::App& root, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::CallForAllHelp*>(&error) != nullptr)
    return {0, help_text(deepest(root), path_of(root), true)};
  if (dynamic_cast<const CLI::CallForHelp*>(&error) != nullptr)
    return {0, help_text(deepest(root), path_of(root), false)};
  const std::vector<std::string> extra = root.remaining(true);
  const auto flag =
      std::ranges::find_if(extra, [](const std::string& word) { return word.starts_with('-'); });
  if (flag != extra.end() && *flag != "-") return unknown_word(root, *flag);
  if (!extra.empty()) return unknown_word(root, extra.front());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const CLI::App& command = deepest(root);
    for (const CLI::Option* option : command.get_options())
      if (option->get_required() && option->count() == 0)
        return wrong(fmt::format("{} needs {}; see {} -h", chosen_command(root), option->get_type_name(),
                                 path_of(root)));
    return wrong(fmt::format("{} needs a command behind it; see {} -h", chosen_command(root), path_of(root)));
  }
  std::string what = lowered_first(error.what());
  if (const std::size_t twice = what.find(": At Most 1 required"); twice != std::string::npos)
    what = what.substr(0, twice) + " is given more than once";
  return wrong(fmt::format("{}; see {} -h", what, path_of(root)));
}

/// Commands that stand for one of their sub-commands when used alone.
Parting finish(const CLI::App& root, CommandLine& line, bool version) {
  line.command = chosen_command(root);
  if (line.command.empty() && version) line.command = "version";
  if (line.command.empty() && std::getenv(kRuntimeVariable) != nullptr) line.command = "lambda";
  if (line.command.empty()) return {kUsage, {}, help_text(root, "rowgate", false)};
  if (line.command == "runs") line.command = "runs list";
  if (line.command == "report") line.command = line.report.report.empty() ? "report list" : "report run";
  if (line.command == "report links") line.command = "report links list";
  if (line.command == "rejects") {
    if (line.run.empty()) return wrong("rejects needs RUN; see rowgate rejects -h");
    line.command = line.format.empty() && !line.output ? "rejects show" : "rejects export";
  }
  if (line.format.empty()) line.format = line.command == "rejects export" ? "csv" : "yaml";
  return {};
}

Parting as_json(const Parting& parting) {
  std::string message;
  append_json_string(message, parting.to_stderr.substr(parting.to_stderr.find(' ') + 1));
  return {parting.exit_code, fmt::format("{{\"error\": {{\"code\": \"{}\", \"message\": {}}}}}\n",
                                         text(Code::RequestInvalid), message)};
}

/// CLI11 reports by exceptions; none gets out of here.
Parting parse(CLI::App& root, CommandLine& line, std::vector<std::string> words) {
  bool version = false;
  root.add_flag("--version", version, "Print version, build and database library versions");
  const bool json = std::ranges::find(words, "--json") != words.end();
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    root.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    const Parting parting = parting_of(root, error);
    return json && parting.exit_code != 0 ? as_json(parting) : parting;
  }
  return finish(root, line, version);
}

}  // namespace

std::expected<CommandLine, Parting> read_command_line(std::vector<std::string> words) {
  CommandLine line;
  CLI::App root("rowgate: load CSV files into SQL tables, keep the bad rows, run reports", "rowgate");
  declare_commands(root, line);
  Parting parting = parse(root, line, std::move(words));
  if (!parting.to_stdout.empty() || !parting.to_stderr.empty()) return std::unexpected(std::move(parting));
  return line;
}

int run_command(const CommandLine& line) {
  Common common{detect_terminal(line.color)};
  common.terminal.json = line.json;
  common.terminal.quiet = line.quiet;
  common.terminal.no_input = line.no_input;
  common.terminal.verbose = line.verbose;
  if (line.config_file) common.config_file = *line.config_file;
  common.to = line.to;
  if (line.to)
    common.terminal.to_flags = " --to " + shell_word(*line.to);
  else if (line.config_file)
    common.terminal.to_flags = " -c " + shell_word(*line.config_file);

  const std::string& command = line.command;
  if (command == "load") return command_load(common, line.load);
  if (command == "validate") return command_validate(common, line.load);
  if (command == "tables") return command_tables(common, line.table);
  if (command == "rows") return command_rows(common, line.rows);
  if (command == "schema show") return command_schema_show(common, *line.table, line.format);
  if (command == "schema infer") return command_schema_infer(common, line.files, line.format, line.delimiter);
  if (command == "runs list") return command_runs_list(common, line.table, line.limit);
  if (command == "runs show") return command_runs_show(common, line.run);
  if (command == "runs settle") return command_runs_settle(common, line.settle);
  if (command == "rejects show") return command_rejects_show(common, line.run, line.all);
  if (command == "rejects export") return command_rejects_export(common, line.run, line.format, line.output);
  if (command == "report run") return command_report(common, line.report);
  if (command == "report links list") return command_links_list(common, line.limit);
  if (command == "report links revoke") return command_links_revoke(common, line.link);
  if (command == "report list") return command_report_list(common);
  if (command == "init") return command_init(common, line.init);
  if (command == "config check") return command_config_check(common);
  if (command == "config show") return command_config_show(common, line.origin, line.section);
  if (command == "db plan") return command_db_plan(common, line.tables);
  if (command == "db grants") return command_db_grants(common, line.host);
  if (command == "doctor") return command_doctor(common);
  if (command == "explain") return command_explain(common, line.code, line.markdown);
  if (command == "serve") return command_serve(common, line.listen);
  if (command == "lambda") return command_lambda(common);
  if (command == "version") return command_version(common);
  return report_error(common.terminal, Error{Code::InternalError, fmt::format("no code for `{}`", command)});
}

}  // namespace rowgate::cli

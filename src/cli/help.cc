#include "cli/help.h"

#include "cli/terminal/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace rowgate::cli {
namespace {

constexpr std::string_view kFlagsEverywhere =
    "Flags everywhere: -c/--config FILE  --to sqlite:FILE  --json  -q/--quiet  -v/--verbose\n"
    "                  --color auto|always|never  --no-input  -h/--help\n";

std::string option_name(const CLI::Option& option) {
  if (!option.get_positional() || option.nonpositional()) {
    std::string name = option.get_name(false, true);
    const std::size_t comma = name.find(',');
    if (comma != std::string::npos) name.insert(comma + 1, " ");
    if (comma == std::string::npos && name.starts_with("--")) name.insert(0, "    ");
    const std::string type = option.get_type_name();
    const bool takes_value = option.get_items_expected_max() > 0;
    return takes_value && !type.empty() ? name + " " + type : name;
  }
  return option.get_type_name();
}

std::string rows_of(const std::vector<std::pair<std::string, std::string>>& rows) {
  TextTable table;
  for (const auto& [name, about] : rows) table.rows.push_back({" " + name, about});
  return to_text(table, std::numeric_limits<std::size_t>::max());
}

std::string usage_line(const CLI::App& command, const std::string& path) {
  std::string line = path;
  const bool has_commands = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (has_commands) line += command.get_require_subcommand_min() > 0 ? " COMMAND" : " [COMMAND]";
  for (const CLI::Option* option :
       command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string name = option->get_type_name() + (option->get_items_expected_max() > 1 ? "..." : "");
    line += option->get_required() ? " " + name : " [" + name + "]";
  }
  return "Usage: " + line + " [flags]\n";
}

std::string flags_of(const CLI::App& command) {
  std::vector<std::pair<std::string, std::string>> arguments, flags;
  for (const CLI::Option* option : command.get_options()) {
    if (option == command.get_help_ptr() || option == command.get_help_all_ptr()) continue;
    (option->get_positional() ? arguments : flags)
        .emplace_back(option_name(*option), option->get_description());
  }
  std::string out;
  if (!arguments.empty()) out += "\nArguments:\n" + rows_of(arguments);
  if (!flags.empty()) out += "\nFlags:\n" + rows_of(flags);
  return out;
}

/// Sub-commands by group, in the order in which they were declared.
std::string commands_of(const CLI::App& command) {
  const auto commands = command.get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> groups;
  for (const CLI::App* sub : commands)
    if (std::ranges::find(groups, sub->get_group()) == groups.end()) groups.push_back(sub->get_group());
  std::size_t widest = 0;
  for (const CLI::App* sub : commands) widest = std::max(widest, sub->get_name().size());
  std::string out;
  for (const std::string& group : groups) {
    out += "\n" + (command.get_parent() == nullptr ? group : std::string("Commands:")) + "\n";
    for (const CLI::App* sub : commands)
      if (sub->get_group() == group)
        out += fmt::format("  {:<{}}  {}\n", sub->get_name(), widest, sub->get_description());
  }
  return out;
}

std::string root_help(const CLI::App& root, bool full) {
  std::string out = root.get_description() + "\n" + commands_of(root) + "\n";
  if (!full) return out + std::string(kFlagsEverywhere) + "Help on a command: rowgate COMMAND -h\n";
  return out + usage_line(root, "rowgate") + flags_of(root) + "\nHelp on a command: rowgate COMMAND --help\n";
}

}  // namespace

std::string help_text(const CLI::App& command, const std::string& path, bool full) {
  if (command.get_parent() == nullptr) return root_help(command, full);
  std::string out = command.get_description() + "\n\n" + command.get_footer() + "\n\n";
  out += usage_line(command, path) + commands_of(command);
  if (!full) return out + fmt::format("\nAll flags: {} --help\n", path);
  return out + flags_of(command) + "\n" + std::string(kFlagsEverywhere);
}

}  // namespace rowgate::cli

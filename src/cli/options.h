#pragma once

#include "cli/cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace rowgate::cli {

/// Describes all commands and flags to `root`, so that parsing fills `line`, which must stay where it is.
void declare_commands(CLI::App& root, CommandLine& line);

/// The name of the command that was chosen, with those of its parents ("rejects show"); empty without one. A
/// command that was named without the sub-command it needs is given too.
std::string chosen_command(const CLI::App& root);

}  // namespace rowgate::cli

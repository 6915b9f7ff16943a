#pragma once

#include "cli/commands.h"

#include <expected>
#include <string>
#include <vector>

namespace rowgate::cli {

/// A command line, read. Only the arguments of its own command are filled in.
struct CommandLine {
  std::string command;  ///< "load", "rejects show"

  ColorChoice color = ColorChoice::Auto;
  bool json = false, quiet = false, no_input = false;
  int verbose = 0;
  std::optional<std::string> config_file = {}, to = {};

  LoadArguments load = {};  ///< load and validate
  RowsArguments rows = {};
  ReportArguments report = {};
  InitArguments init = {};
  std::optional<std::string> table = {};  ///< tables, runs list, schema show
  std::size_t limit = 20;                 ///< runs list, report links
  std::string run = {};                   ///< runs show, rejects
  SettleArguments settle = {};
  std::string link = {};    ///< report links revoke
  std::string format = {};  ///< rejects export (csv without a flag), schema (yaml)
  std::optional<std::string> output = {};
  bool all = false;  ///< rejects show
  std::vector<std::string> files = {};
  std::vector<std::string> tables = {};  ///< db plan
  std::optional<std::string> host = {};  ///< db grants
  std::optional<std::string> delimiter = {};
  bool origin = false;  ///< config show
  std::optional<std::string> section = {};
  std::optional<std::string> code = {};  ///< explain
  bool markdown = false;
  std::optional<std::string> listen = {};  ///< serve
};

/// A command line that no command follows from: help was asked for, or it is wrong.
struct Parting {
  int exit_code = 0;
  std::string to_stdout = {};
  std::string to_stderr = {};  ///< one line
};

/// `words` without the program's name.
std::expected<CommandLine, Parting> read_command_line(std::vector<std::string> words);

/// Does what the line says; gives the exit code.
int run_command(const CommandLine& line);

}  // namespace rowgate::cli

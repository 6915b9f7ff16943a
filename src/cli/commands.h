#pragma once

// One function per command; each returns the exit code. cli.cc fills the argument structs from the command
// line.

#include "cli/terminal/terminal.h"
#include "config/config.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::cli {

/// Flags that every command takes.
struct Common {
  Terminal terminal;
  std::optional<std::filesystem::path> config_file = {};
  std::optional<std::string> to = {};  ///< --to sqlite:FILE
};

/// Prints the error in the form of the command line (or as JSON under --json) and gives its exit code.
int report_error(const Terminal& terminal, const Error& error);
int report_errors(const Terminal& terminal, const std::vector<Error>& errors);
/// The configuration by --to or --config; on failure all problems are printed and nothing is returned.
std::optional<config::LoadedConfig> configured(const Common& common);

struct LoadArguments {
  std::vector<std::string> files;  ///< "-" = standard input
  std::optional<std::string> table = {}, mode = {}, on_reject = {}, max_rejects = {}, delimiter = {},
                             encoding = {}, parent = {}, confirm = {};
  std::optional<std::string> map = {};  ///< "a:b,c:d"
  bool strict = false, dry_run = false, yes = false, all = false;
};
int command_load(const Common&, const LoadArguments&);
int command_validate(const Common&, const LoadArguments&);

struct RowsArguments {
  std::string table, format = "text";
  std::optional<std::uint64_t> limit = {};
  bool escape_formulas = false;
};
int command_rows(const Common&, const RowsArguments&);
int command_tables(const Common&, const std::optional<std::string>& table);
int command_runs_list(const Common&, const std::optional<std::string>& table, std::size_t limit);
int command_runs_show(const Common&, const std::string& run);
struct SettleArguments {
  std::string run;
  bool failed = false;                      ///< give the run up where the database does not answer
  std::optional<std::string> confirm = {};  ///< the run's id, instead of typing it
};
int command_runs_settle(const Common&, const SettleArguments&);
int command_rejects_show(const Common&, const std::string& run, bool all);
int command_rejects_export(const Common&, const std::string& run, const std::string& format,
                           const std::optional<std::string>& output);

struct ReportArguments {
  std::string report, format = "text";
  std::vector<std::string> params = {};  ///< "year=2021"
  std::optional<std::string> output = {};
  bool escape_formulas = false;
  std::optional<std::string> link = {};  ///< "24h": make a link that lives so long
};
int command_report(const Common&, const ReportArguments&);
int command_report_list(const Common&);
int command_links_list(const Common&, std::size_t limit);
int command_links_revoke(const Common&, const std::string& link);

struct InitArguments {
  std::optional<std::string> example = {};  ///< "hr"
  bool strict = false, force = false;
  std::vector<std::string> files = {};  ///< CSV files to infer tables from
};
int command_init(const Common&, const InitArguments&);
int command_config_check(const Common&);
int command_config_show(const Common&, bool origin, const std::optional<std::string>& section);
int command_schema_show(const Common&, const std::string& table,
                        const std::string& as);  ///< as: yaml | json | sql
int command_schema_infer(const Common&, const std::vector<std::string>& files, const std::string& as,
                         const std::optional<std::string>& delimiter);
/// SQL that would make the database as the configuration says; no names: all tables. Gives
/// kPlanHasStatements where there is any.
int command_db_plan(const Common&, const std::vector<std::string>& tables);
inline constexpr int kPlanHasStatements = 5;  ///< as for table.differs
int command_db_grants(const Common&, const std::optional<std::string>& host);
int command_doctor(const Common&);
int command_explain(const Common&, const std::optional<std::string>& code,
                    bool markdown);                                          ///< no code: all of them
int command_serve(const Common&, const std::optional<std::string>& listen);  ///< "HOST:PORT"
/// Set where the program runs as a function of AWS Lambda; then `lambda` is its command if there is no other.
inline constexpr auto kRuntimeVariable = "AWS_LAMBDA_RUNTIME_API";
int command_lambda(const Common&);
int command_version(const Common&);

}  // namespace rowgate::cli

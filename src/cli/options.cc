#include "cli/options.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

constexpr auto kStart = "Start here";
constexpr auto kData = "Data";
constexpr auto kOperate = "Operate";
constexpr auto kHelp = "Help";

CLI::App& add(CLI::App& parent, const std::string& name, const std::string& about,
              const std::string& examples) {
  CLI::App& command = *parent.add_subcommand(name, about);
  command.fallthrough();
  command.footer("Examples:\n" + examples);
  return command;
}

CLI::App& add(CLI::App& parent, const char* group, const std::string& name, const std::string& about,
              const std::string& examples) {
  CLI::App& command = add(parent, name, about, examples);
  command.group(group);
  return command;
}

/// For counts; CLI11 itself would take "-3" for an unsigned number.
std::string not_a_count(const std::string& word) {
  const bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : fmt::format("`{}` is no whole number", shown(word));
}

std::string not_a_color(const std::string& word) {
  const bool known = word == "auto" || word == "always" || word == "never";
  return known ? "" : fmt::format("`{}` is not auto, always or never", shown(word));
}

void add_global_flags(CLI::App& root, CommandLine& line) {
  root.add_option("-c,--config", line.config_file, "The configuration instead of ./rowgate.yaml")
      ->type_name("FILE");
  root.add_option("--to", line.to,
                  "Work on this database without a configuration, for example sqlite:people.db")
      ->type_name("URL");
  root.add_flag("--json", line.json, "Print one JSON document on standard output");
  root.add_flag("-q,--quiet", line.quiet, "Say nothing but errors");
  root.add_flag("-v,--verbose", line.verbose, "Say more; load -v shows every kind of bad row");
  root.add_option_function<std::string>(
          "--color",
          [&line](const std::string& word) {
            line.color = word == "always"  ? ColorChoice::Always
                         : word == "never" ? ColorChoice::Never
                                           : ColorChoice::Auto;
          },
          "auto (default), always or never")
      ->check(not_a_color)
      ->type_name("WHEN");
  root.add_flag("--no-input", line.no_input, "Never ask; what would be asked is an error");
}

void add_check_flags(CLI::App& command, LoadArguments& load) {
  command.add_option("files", load.files, "CSV files, also gzip or zstd; - is standard input")
      ->type_name("FILE")
      ->required();
  command.add_option("-t,--table", load.table, "The table; otherwise the file's name tells it")
      ->type_name("TABLE");
  command.add_option("--mode", load.mode, "append (default), replace or upsert")->type_name("MODE");
  command
      .add_option("--on-reject", load.on_reject,
                  "skip (default): set bad rows aside; abort: load nothing then")
      ->type_name("WHAT");
  command
      .add_option("--max-rejects", load.max_rejects,
                  "More bad rows than this and nothing is loaded: 100 or 5%")
      ->type_name("LIMIT");
  command
      .add_option("-d,--delimiter", load.delimiter, "What stands between the fields: one character, or tab")
      ->type_name("CHAR");
  command
      .add_option("--encoding", load.encoding,
                  "How the file is encoded: utf-8 (default), utf-16, iso-8859-1, windows-1252")
      ->type_name("NAME");
  command
      .add_option("--map", load.map,
                  "Which column is which field, for example full_name:name,dept:department_id")
      ->type_name("COLUMN:FIELD,...");
  command.add_flag("--strict", load.strict, "The same as --on-reject abort");
  command.add_flag("--all", load.all, "Show every bad row, not only the first of each kind");
}

void add_load(CLI::App& root, LoadArguments& load) {
  CLI::App& command = add(root, kStart, "load", "Load CSV files into tables",
                          "  rowgate load departments.csv jobs.csv hired_employees.csv\n"
                          "  rowgate load hires.csv.gz --table hired_employees --max-rejects 5%\n"
                          "  cat people.csv | rowgate load - --table people --to sqlite:people.db");
  add_check_flags(command, load);
  command.add_option("--parent", load.parent, "The run whose bad rows this file repairs")->type_name("RUN");
  command.add_flag("-n,--dry-run", load.dry_run, "Judge as the load would, then write nothing");
  command.add_flag("-y,--yes", load.yes, "Replace a table's rows without being asked");
  command.add_option("--confirm", load.confirm, "The same, and only if this is the table's name")
      ->type_name("TABLE");
}

void add_validate(CLI::App& root, LoadArguments& load) {
  add_check_flags(add(root, kData, "validate", "Check CSV files against their tables; write nothing",
                      "  rowgate validate new_hires.csv --table hired_employees\n"
                      "  rowgate validate *.csv --all"),
                  load);
}

void add_rows(CLI::App& root, RowsArguments& rows) {
  CLI::App& command = add(root, kData, "rows", "Print rows of a table as text, CSV or JSON",
                          "  rowgate rows departments\n"
                          "  rowgate rows hired_employees --limit 10 --format csv");
  command.add_option("table", rows.table, "The table")->type_name("TABLE")->required();
  command.add_option("-f,--format", rows.format, "text (default), csv or json")->type_name("FORMAT");
  command.add_option("-l,--limit", rows.limit, "At most so many rows")
      ->check(not_a_count)
      ->type_name("COUNT");
  command.add_flag("--escape-formulas", rows.escape_formulas,
                   "Put ' before cells that a spreadsheet would execute");
}

void add_schema(CLI::App& root, CommandLine& line) {
  CLI::App& command = add(root, kData, "schema", "Show or infer table schemas",
                          "  rowgate schema show hired_employees --as sql\n"
                          "  rowgate schema infer people.csv");
  command.require_subcommand(1);
  CLI::App& show =
      add(command, "show", "Show the schema of a table", "  rowgate schema show departments --as json");
  show.add_option_function<std::string>(
          "table", [&line](const std::string& name) { line.table = name; }, "The table")
      ->type_name("TABLE")
      ->required();
  show.add_option("--as", line.format, "yaml (default), json or sql")->type_name("FORM");
  CLI::App& infer =
      add(command, "infer", "Work out the schema of CSV files", "  rowgate schema infer people.csv");
  infer.add_option("files", line.files, "CSV files; - is standard input")->type_name("FILE")->required();
  infer.add_option("--as", line.format, "yaml (default) or json")->type_name("FORM");
  infer.add_option("-d,--delimiter", line.delimiter, "One character, or tab")->type_name("CHAR");
}

void add_runs(CLI::App& root, CommandLine& line) {
  CLI::App& command = add(root, kData, "runs", "List, show or settle runs",
                          "  rowgate runs\n"
                          "  rowgate runs list --table jobs --limit 5\n"
                          "  rowgate runs show run_06FAQ3T9Z8V4N");
  CLI::App& list =
      add(command, "list", "List the newest runs (as runs alone does)", "  rowgate runs list --table jobs");
  for (CLI::App* either : {&command, &list}) {
    either->add_option("-t,--table", line.table, "Only runs of this table")->type_name("TABLE");
    either->add_option("-l,--limit", line.limit, "At most so many, 20 by default")
        ->check(not_a_count)
        ->type_name("COUNT");
  }
  CLI::App& show = add(command, "show", "Show one run", "  rowgate runs show run_06FAQ3T9Z8V4N");
  show.add_option("run", line.run, "The run's id, or the beginning of it")->type_name("RUN")->required();
  CLI::App& settle =
      add(command, "settle", "Settle a run whose commit lost its answer",
          "  rowgate runs settle run_06FAQ3T9Z8V4N\n"
          "  rowgate runs settle run_06FAQ3T9Z8V4N --failed     the database is gone for good");
  settle.add_option("run", line.settle.run, "The run's id, or the beginning of it")
      ->type_name("RUN")
      ->required();
  settle.add_flag("--failed", line.settle.failed, "End it as failed where the database does not answer");
  settle.add_option("--confirm", line.settle.confirm, "The run's whole id, instead of typing it")
      ->type_name("RUN");
}

void add_rejects(CLI::App& root, CommandLine& line) {
  CLI::App& command = add(root, kData, "rejects", "Show or export the rows that a run refused",
                          "  rowgate rejects run_06FAQ3T9Z8V4N\n"
                          "  rowgate rejects export run_06FAQ3T9Z8V4N --output repair.csv");
  CLI::App& show =
      add(command, "show", "Show them (as rejects RUN does)", "  rowgate rejects show run_06FAQ3T9Z8V4N");
  for (CLI::App* either : {&command, &show}) {
    CLI::Option* run =
        either->add_option("run", line.run, "The run's id, or the beginning of it")->type_name("RUN");
    if (either == &show) run->required();
    either->add_flag("--all", line.all, "All of them");
  }
  CLI::App& exported = add(command, "export", "Write them as a file that can be repaired and loaded again",
                           "  rowgate rejects export run_06FAQ3T9Z8V4N --output repair.csv\n"
                           "  rowgate rejects export run_06FAQ3T9Z8V4N --format jsonl");
  exported.add_option("run", line.run, "The run's id, or the beginning of it")->type_name("RUN")->required();
  for (CLI::App* either : {&command, &exported}) {
    either->add_option("-f,--format", line.format, "Export as csv (default) or jsonl")->type_name("FORMAT");
    either->add_option("-o,--output", line.output, "The file to export to; standard output otherwise")
        ->type_name("FILE");
  }
}

void add_report_flags(CLI::App& command, ReportArguments& report, bool required) {
  CLI::Option* name = command.add_option("report", report.report, "The report's name")->type_name("REPORT");
  if (required) name->required();
  command.add_option("-p,--param", report.params, "A parameter, for example year=2021; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  command.add_option("-f,--format", report.format, "text (default), csv or json")->type_name("FORMAT");
  command.add_option("-o,--output", report.output, "The file; standard output otherwise")->type_name("FILE");
  command.add_flag("--escape-formulas", report.escape_formulas,
                   "Put ' before cells that a spreadsheet would execute");
  command
      .add_option("--link", report.link,
                  "Store the result as CSV and print an address of the server that gives it for so long: 24h")
      ->type_name("LIFE");
}

void add_links(CLI::App& report, CommandLine& line) {
  CLI::App& command = add(report, "links", "List the links to reports, or revoke one",
                          "  rowgate report links\n"
                          "  rowgate report links revoke lnk_06FAQ3T9Z8V4N1H7");
  CLI::App& list = add(command, "list", "List the newest links (as links alone does)",
                       "  rowgate report links list --limit 5");
  for (CLI::App* either : {&command, &list})
    either->add_option("-l,--limit", line.limit, "At most so many, 20 by default")
        ->check(not_a_count)
        ->type_name("COUNT");
  CLI::App& revoke = add(command, "revoke", "End a link now and remove its file",
                         "  rowgate report links revoke lnk_06FAQ3T9Z8V4N1H7");
  revoke.add_option("link", line.link, "The link's id, or the beginning of it")
      ->type_name("LINK")
      ->required();
}

void add_report(CLI::App& root, CommandLine& line) {
  ReportArguments& report = line.report;
  CLI::App& command = add(root, kData, "report", "Run a report, or make and revoke its links",
                          "  rowgate report\n"
                          "  rowgate report departments_above_mean --param year=2021\n"
                          "  rowgate report hires_by_quarter --format csv --output hires.csv\n"
                          "  rowgate report hires_by_quarter --link 24h");
  add_report_flags(command, report, false);
  add_report_flags(
      add(command, "run", "Run a report (as report NAME does)", "  rowgate report run hires_by_quarter"),
      report, true);
  add(command, "list", "List the reports (as report alone does)", "  rowgate report list");
  add_links(command, line);
}

void add_init(CLI::App& root, InitArguments& init) {
  CLI::App& command =
      add(root, kStart, "init", "Write a rowgate.yaml (from an example, or inferred from CSV files)",
          "  rowgate init --example hr\n"
          "  rowgate init people.csv cities.csv");
  command.add_option("files", init.files, "CSV files to make tables of")->type_name("FILE");
  command.add_option("--example", init.example, "An example with its CSV files: hr")->type_name("NAME");
  command.add_flag("--strict", init.strict, "With --example: every field is required");
  command.add_flag("--force", init.force, "Overwrite files that are there");
}

void add_db(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      add(root, kOperate, "db", "Print the SQL of table changes, or the GRANTs that rowgate needs",
          "  rowgate db plan\n"
          "  rowgate db grants --host 10.1.%");
  command.require_subcommand(1);
  CLI::App& plan =
      add(command, "plan",
          "Print what would make the database as the configuration says; exit code 5 when there is "
          "something to do",
          "  rowgate db plan hired_employees > change.sql");
  plan.add_option("tables", line.tables, "Only these tables")->type_name("TABLE");
  CLI::App& grants =
      add(command, "grants", "Print the least GRANTs for the users of the database's addresses",
          "  rowgate db grants | mariadb --user root");
  grants.add_option("--host", line.host, "Where the users come from, on the MySQL family; % by default")
      ->type_name("HOST");
}

void add_config(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      add(root, kOperate, "config", "Check or show the configuration and where values come from",
          "  rowgate config check\n"
          "  rowgate config show limits --origin");
  command.require_subcommand(1);
  add(command, "check", "Check the configuration; every problem is told",
      "  rowgate config check -c other.yaml");
  CLI::App& show = add(command, "show", "Show every setting", "  rowgate config show limits --origin");
  show.add_option("section", line.section, "Only this part, for example limits")->type_name("SECTION");
  show.add_flag("--origin", line.origin, "Tell where each value comes from");
}

void add_help_commands(CLI::App& root, CommandLine& line) {
  CLI::App& explain = add(root, kHelp, "explain", "Explain an error code, for example rule.required",
                          "  rowgate explain rule.required\n"
                          "  rowgate explain");
  explain.add_option("code", line.code, "The code; all of them without it")->type_name("CODE");
  explain.add_flag("--markdown", line.markdown, "As docs/errors.md");
  add(root, kHelp, "version", "Print version, build and database library versions",
      "  rowgate version --json");
}

}  // namespace

void declare_commands(CLI::App& root, CommandLine& line) {
  root.set_help_flag("-h", "Help in short, with examples");
  root.set_help_all_flag("--help", "Help in full");
  root.fallthrough();
  add_global_flags(root, line);
  add_init(root, line.init);
  add_load(root, line.load);
  CLI::App& serve = add(root, kStart, "serve", "Start the HTTP server",
                        "  rowgate serve\n"
                        "  rowgate serve --listen 127.0.0.1:9000");
  serve.add_option("--listen", line.listen, "Where to listen, instead of server.listen")
      ->type_name("HOST:PORT");
  add_validate(root, line.load);
  CLI::App& tables = add(root, kData, "tables", "List tables, or show one (rows, versions, drift)",
                         "  rowgate tables\n"
                         "  rowgate tables hired_employees");
  tables.add_option("table", line.table, "The table; all of them without it")->type_name("TABLE");
  add_rows(root, line.rows);
  add_schema(root, line);
  add_runs(root, line);
  add_rejects(root, line);
  add_report(root, line);
  add_db(root, line);
  add_config(root, line);
  add(root, kOperate, "lambda", "Answer events as a function of AWS Lambda (by itself where it runs as one)",
      "  AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 rowgate lambda");
  add(root, kOperate, "doctor", "Look for problems and say how to fix them", "  rowgate doctor");
  add_help_commands(root, line);
}

std::string chosen_command(const CLI::App& root) {
  std::string name;
  const CLI::App* at = &root;
  while (true) {
    const std::vector<CLI::App*> chosen = at->get_subcommands();
    if (chosen.empty()) return name;
    at = chosen.back();
    name += (name.empty() ? "" : " ") + at->get_name();
  }
}

}  // namespace rowgate::cli

#include "cli/cli.h"

#include <gtest/gtest.h>

namespace rowgate::cli {
namespace {

using Words = std::vector<std::string>;

CommandLine read(Words words) {
  auto line = read_command_line(std::move(words));
  EXPECT_TRUE(line) << line.error().to_stderr;
  return line ? *std::move(line) : CommandLine{};
}

Parting parting(Words words) {
  auto line = read_command_line(std::move(words));
  EXPECT_FALSE(line) << "read as " << line->command;
  return line ? Parting{-1} : std::move(line).error();
}

TEST(Cli, NamesTheCommand) {
  const std::pair<Words, std::string_view> cases[] = {
      {{"load", "a.csv"}, "load"},
      {{"validate", "a.csv"}, "validate"},
      {{"tables"}, "tables"},
      {{"tables", "jobs"}, "tables"},
      {{"rows", "jobs"}, "rows"},
      {{"schema", "show", "jobs"}, "schema show"},
      {{"schema", "infer", "a.csv"}, "schema infer"},
      {{"runs"}, "runs list"},
      {{"runs", "list"}, "runs list"},
      {{"runs", "show", "run_1"}, "runs show"},
      {{"rejects", "run_1"}, "rejects show"},
      {{"rejects", "show", "run_1"}, "rejects show"},
      {{"rejects", "export", "run_1"}, "rejects export"},
      {{"rejects", "run_1", "--format", "jsonl"}, "rejects export"},
      {{"report"}, "report list"},
      {{"report", "list"}, "report list"},
      {{"report", "hires"}, "report run"},
      {{"report", "run", "hires"}, "report run"},
      {{"report", "links"}, "report links list"},
      {{"report", "links", "list"}, "report links list"},
      {{"report", "links", "revoke", "lnk_06"}, "report links revoke"},
      {{"report", "hires", "--link", "24h"}, "report run"},
      {{"init"}, "init"},
      {{"config", "check"}, "config check"},
      {{"config", "show", "limits"}, "config show"},
      {{"doctor"}, "doctor"},
      {{"explain", "rule.required"}, "explain"},
      {{"version"}, "version"},
      {{"lambda"}, "lambda"},
      {{"--version"}, "version"},
  };
  for (const auto& [words, command] : cases) EXPECT_EQ(read(words).command, command);
}

TEST(Cli, ReadsTheArgumentsOfLoad) {
  const CommandLine line =
      read({"load", "a.csv", "-", "--table", "people", "--mode", "upsert", "--max-rejects", "5%", "-d", ";",
            "--map", "a:b", "--parent", "run_1", "--dry-run", "--strict", "--all", "--yes"});
  EXPECT_EQ(line.load.files, (Words{"a.csv", "-"}));
  EXPECT_EQ(line.load.table, "people");
  EXPECT_EQ(line.load.mode, "upsert");
  EXPECT_EQ(line.load.max_rejects, "5%");
  EXPECT_EQ(line.load.delimiter, ";");
  EXPECT_EQ(line.load.map, "a:b");
  EXPECT_EQ(line.load.parent, "run_1");
  EXPECT_TRUE(line.load.dry_run && line.load.strict && line.load.all && line.load.yes);
  EXPECT_EQ(line.load.on_reject, std::nullopt);
}

TEST(Cli, TakesGlobalFlagsAnywhere) {
  for (const Words& words : {Words{"--json", "-q", "--to", "sqlite:a.db", "runs", "list"},
                             Words{"runs", "--json", "-q", "list", "--to", "sqlite:a.db"},
                             Words{"runs", "list", "--json", "-q", "--to=sqlite:a.db"}}) {
    const CommandLine line = read(words);
    EXPECT_TRUE(line.json && line.quiet);
    EXPECT_EQ(line.to, "sqlite:a.db");
  }
}

TEST(Cli, ReadsTheOtherGlobalFlags) {
  const CommandLine line = read({"doctor", "-vv", "--color", "never", "--no-input", "-c", "x.yaml"});
  EXPECT_EQ(line.verbose, 2);
  EXPECT_EQ(line.color, ColorChoice::Never);
  EXPECT_TRUE(line.no_input);
  EXPECT_EQ(line.config_file, "x.yaml");
}

TEST(Cli, ParametersDoNotSwallowTheReport) {
  const CommandLine line =
      read({"report", "--param", "year=2021", "-p", "name=a b,c", "hires", "--format", "csv"});
  EXPECT_EQ(line.report.report, "hires");
  EXPECT_EQ(line.report.params, (Words{"year=2021", "name=a b,c"}));
  EXPECT_EQ(line.report.format, "csv");
}

TEST(Cli, KnowsWhatEachCommandPrintsByDefault) {
  EXPECT_EQ(read({"rejects", "export", "run_1"}).format, "csv");
  EXPECT_EQ(read({"schema", "show", "jobs"}).format, "yaml");
  EXPECT_EQ(read({"schema", "show", "jobs", "--as", "sql"}).format, "sql");
  EXPECT_EQ(read({"runs"}).limit, 20U);
  EXPECT_EQ(read({"rows", "jobs", "--limit", "3"}).rows.limit, 3U);
}

TEST(Cli, SuggestsTheNearestWordInOneLine) {
  const std::pair<Words, std::string_view> cases[] = {
      {{"laod", "a.csv"}, "error[request.invalid]: no command `laod`; did you mean `load`?"},
      {{"load", "a.csv", "--tabel", "x"},
       "error[request.invalid]: no flag `--tabel`; did you mean `--table`?"},
      {{"load", "--tabel=x"}, "error[request.invalid]: no flag `--tabel`; did you mean `--table`?"},
      {{"tables", "--jsno"}, "error[request.invalid]: no flag `--jsno`; did you mean `--json`?"},
      {{"config", "chekc"}, "error[request.invalid]: no command `config chekc`; did you mean `check`?"},
      {{"frobnicate"}, "error[request.invalid]: no command `frobnicate`; see rowgate -h"},
      {{"load"}, "error[request.invalid]: load needs FILE; see rowgate load -h"},
      {{"config"}, "error[request.invalid]: config needs a command behind it; see rowgate config -h"},
      {{"rejects"}, "error[request.invalid]: rejects needs RUN; see rowgate rejects -h"},
      {{"doctor", "now"}, "error[request.invalid]: `now` is one argument too many; see rowgate doctor -h"},
  };
  for (const auto& [words, message] : cases) {
    const Parting said = parting(words);
    EXPECT_EQ(said.exit_code, 2);
    EXPECT_EQ(said.to_stderr, message);
    EXPECT_EQ(said.to_stdout, "");
  }
}

TEST(Cli, RefusesValuesOfTheWrongForm) {
  for (const Words& words : {Words{"rows", "jobs", "--limit", "many"}, Words{"rows", "jobs", "--limit", "-3"},
                             Words{"doctor", "--color", "blue"}, Words{"load", "a.csv", "--table"}}) {
    const Parting said = parting(words);
    EXPECT_EQ(said.exit_code, 2);
    EXPECT_TRUE(said.to_stderr.starts_with("error[request.invalid]: ")) << said.to_stderr;
    EXPECT_FALSE(said.to_stderr.contains('\n')) << said.to_stderr;
  }
}

TEST(Cli, HelpIsDataAndHasExamples) {
  for (const Words& words : {Words{"load", "-h"}, Words{"load", "--help"}, Words{"rejects", "export", "-h"},
                             Words{"runs", "--help"}, Words{"explain", "-h"}}) {
    const Parting said = parting(words);
    EXPECT_EQ(said.exit_code, 0);
    EXPECT_EQ(said.to_stderr, "");
    EXPECT_TRUE(said.to_stdout.contains("Examples:\n  rowgate " + words.front())) << said.to_stdout;
  }
  EXPECT_TRUE(parting({"--help"}).to_stdout.contains("--no-input"));
  EXPECT_TRUE(parting({"-h"}).to_stdout.contains("validate"));
  EXPECT_FALSE(parting({"load", "-h"}).to_stdout.contains("--on-reject"));
  EXPECT_TRUE(parting({"load", "--help"}).to_stdout.contains("--on-reject"));
}

TEST(Cli, TellsMistakesAsJsonOnRequest) {
  EXPECT_EQ(parting({"laod", "--json"}).to_stdout,
            "{\"error\": {\"code\": \"request.invalid\", \"message\": \"no command `laod`; did you mean "
            "`load`?\"}}\n");
}

TEST(Cli, NothingIsHelpAndAnError) {
  const Parting said = parting({});
  EXPECT_EQ(said.exit_code, 2);
  EXPECT_TRUE(said.to_stderr.contains("Start here"));
}

}  // namespace
}  // namespace rowgate::cli

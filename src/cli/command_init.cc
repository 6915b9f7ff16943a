#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/infer_file.h"
#include "cli/init_texts.h"
#include "hr/hr_example.h"
#include "io/files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace rowgate::cli {
namespace {

namespace hr = examples::hr;

/// A file for the current folder.
struct NewFile {
  std::string name;
  std::string bytes;
  std::string about;  ///< what is in it, in a few words
};

/// What an init writes, and what to do then.
struct Plan {
  std::vector<NewFile> files;
  std::vector<std::string> notes = {};
  std::string next;
};

Result<Plan> example_plan(const std::string& example, bool strict) {
  if (example == "hr") {
    return Plan{{{"rowgate.yaml", hr::config_yaml(strict), "3 tables, 2 reports, SQLite in ./data"},
                 {"departments.csv", hr::departments_csv(), "12 departments"},
                 {"jobs.csv", hr::jobs_csv(), "183 jobs"},
                 {"hired_employees.csv", hr::hired_employees_csv(),
                  "2,000 made-up people, some rows bad on purpose"}},
                {},
                "rowgate load departments.csv jobs.csv hired_employees.csv"};
  }
  if (example == "hr-broken-quotes")
    return Plan{{{"broken_quotes.csv", hr::broken_quotes_csv(), "hires, some with broken quotes"}},
                {},
                "rowgate validate broken_quotes.csv --table hired_employees"};
  return fail(Code::RequestInvalid, fmt::format("there is no example \"{}\"", shown(example)),
              "the example is called hr");
}

Result<Plan> inferred_plan(const std::vector<std::string>& files) {
  if (std::ranges::find(files, "-") != files.end())
    return fail(Code::RequestInvalid, "init takes no standard input",
                "rowgate schema infer - prints a schema for it");
  TRY_ASSIGN(const std::vector<InferredTable> tables, infer_files(files, {}));
  Plan plan{{}, {}, "rowgate load"};
  std::string yaml = starter_settings() + "tables:\n";
  for (const InferredTable& table : tables) {
    yaml += table_yaml(table);
    for (const std::string& note : table.outcome.notes)
      plan.notes.push_back(fmt::format("{}: {}", table.table, note));
    plan.next += " " + shell_word(table.file);
  }
  plan.files.push_back(
      {"rowgate.yaml", std::move(yaml), counted(files.size(), "table") + ", SQLite in ./data"});
  return plan;
}

Result<Plan> make_plan(const InitArguments& arguments) {
  if (arguments.example && !arguments.files.empty())
    return fail(Code::RequestInvalid, "give either --example or CSV files, not both");
  if (arguments.strict && !arguments.example)
    return fail(Code::RequestInvalid, "--strict goes with --example only",
                "rowgate init --example hr --strict");
  if (arguments.example) return example_plan(*arguments.example, arguments.strict);
  if (!arguments.files.empty()) return inferred_plan(arguments.files);
  return Plan{{{"rowgate.yaml", starter_config(), "a commented start without tables, SQLite in ./data"}},
              {},
              "rowgate init FILE.csv --force makes tables of your files; or edit rowgate.yaml"};
}

Result<void> refuse_overwriting(const Plan& plan) {
  std::vector<std::string> there;
  for (const NewFile& file : plan.files) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(file.name, ignored)))
      there.push_back(file.name);
  }
  if (there.empty()) return {};
  return fail(Code::RequestInvalid,
              fmt::format("{} {} here already", fmt::join(there, ", "), there.size() == 1 ? "is" : "are"),
              "nothing was written; --force overwrites");
}

Result<void> write_files(const Plan& plan) {
  for (const NewFile& file : plan.files) {
    TRY_ASSIGN(io::FileWriter writer, io::FileWriter::create(file.name));
    TRY(writer.write(file.bytes));
    TRY(writer.close());
  }
  return {};
}

Result<Plan> carry_out(const InitArguments& arguments) {
  TRY_ASSIGN(Plan plan, make_plan(arguments));
  if (!arguments.force) TRY(refuse_overwriting(plan));
  TRY(write_files(plan));
  return plan;
}

std::string as_json(const Plan& plan) {
  std::string out = "{\"wrote\": [";
  for (const NewFile& file : plan.files) out += (out.back() == '[' ? "" : ", ") + json_text(file.name);
  out += "], \"notes\": [";
  for (const std::string& note : plan.notes) out += (out.back() == '[' ? "" : ", ") + json_text(note);
  return fmt::format("{}], \"next\": {}}}\n", out, json_text(plan.next));
}

}  // namespace

int command_init(const Common& common, const InitArguments& arguments) {
  const Terminal& terminal = common.terminal;
  const Result<Plan> plan = carry_out(arguments);
  if (!plan) return report_error(terminal, plan.error());
  if (terminal.json) {
    terminal.out(as_json(*plan));
    return 0;
  }
  std::size_t widest = 0;
  for (const NewFile& file : plan->files) widest = std::max(widest, file.name.size());
  for (const NewFile& file : plan->files)
    terminal.say(fmt::format("  wrote {:<{}}  {}", file.name, widest, file.about));
  for (const std::string& note : plan->notes) terminal.say("  note: " + note);
  terminal.say("  next: " + plan->next);
  return 0;
}

}  // namespace rowgate::cli

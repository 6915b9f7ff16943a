#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/load_text.h"
#include "cli/row_output.h"
#include "cli/terminal/text_table.h"
#include "load/kept_files.h"
#include "load/rejects/reject_file.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

constexpr std::size_t kShownRecords = 20;

/// The run's reject file; nothing when the run refused nothing or its rejects are not kept.
Result<std::optional<load::RejectReader>> open_rejects(const app::Opened& at, const db::RunRecord& run) {
  Result<load::RejectReader> reader = load::open_rejects(*at.store, run);
  if (reader) return *std::move(reader);
  const Code code = reader.error().code;
  if (code == Code::FileNotFound || code == Code::RunRejectsExpired) return std::nullopt;
  return std::unexpected(std::move(reader).error());
}

/// Why there is nothing to show.
std::string nothing_text(const db::RunRecord& run) {
  if (run.status == db::RunStatus::Running) return fmt::format("{} is still running", run.id);
  if (run.rows_rejected == 0) return fmt::format("{} refused no rows", run.id);
  return fmt::format("the {} that {} refused are not kept", counted(run.rows_rejected, "row"), run.id);
}

std::string label(const load::RejectProblem& problem) {
  return problem.title.empty() ? std::string(info(problem.code).title) : problem.title;
}

void print_groups(const Terminal& terminal, const db::RunRecord& run) {
  terminal.out(fmt::format("{} refused of {} in {} ({})\n\n", counted(run.rows_rejected, "row"),
                           grouped(run.rows_read), shown(run.file_name), run.id));
  if (run.rejects.empty()) return;
  TextTable groups{{"count", "code", "field", "first line"}, {}, {true, false, false, true}};
  for (const db::RejectGroup& group : run.rejects)
    groups.rows.push_back(
        {grouped(group.count), std::string(text(group.code)), group.field, std::to_string(group.first_line)});
  terminal.out(to_text(groups, out_width(terminal)) + "\n");
}

/// The first records, one row for each problem; all of them with `all`. Rows are printed in pieces, each
/// aligned by itself, so that a million rejects need no more memory than twenty.
Result<std::size_t> print_records(const Terminal& terminal, load::RejectReader& reader, bool all) {
  TextTable table{
      {"line", "column", "code", "field", "found", "message"}, {}, {true, true, false, false, false, false}};
  std::size_t records = 0;
  const auto flush = [&] {
    if (!table.rows.empty()) terminal.out(to_text(table, out_width(terminal)));
    table.rows.clear();
  };
  while (all || records < kShownRecords) {
    TRY_ASSIGN(const std::optional<load::RefusedRecord> record, reader.next());
    if (!record) break;
    ++records;
    for (const load::RejectProblem& problem : record->problems)
      table.rows.push_back({std::to_string(problem.line), std::to_string(problem.column),
                            std::string(text(problem.code)), problem.field, shown(problem.found, 40),
                            label(problem)});
    if (table.rows.size() >= 1000) flush();
  }
  flush();
  return records;
}

std::string groups_json(const db::RunRecord& run) {
  return fmt::format(R"({{"run": {}, "table": {}, "rows_rejected": {}, "groups": {}, "items": [)",
                     json_text(run.id), json_text(run.table), run.rows_rejected, db::rejects_to_json(run));
}

/// One document: the groups, then the records as in the JSON Lines export.
Result<void> print_json(const Terminal& terminal, const db::RunRecord& run, load::RejectReader* reader,
                        bool all) {
  terminal.out(groups_json(run));
  std::size_t records = 0;
  if (reader != nullptr) {
    TRY(reader->head());
    while (all || records < kShownRecords) {
      TRY_ASSIGN(const std::optional<load::RefusedRecord> record, reader->next());
      if (!record) break;
      std::string line = load::record_line(*record);
      line.pop_back();  // its line end
      terminal.out((records++ == 0 ? "\n" : ",\n") + line);
    }
  }
  terminal.out("\n]}\n");
  return {};
}

Result<void> show(const app::Opened& at, const Terminal& terminal, const std::string& prefix, bool all) {
  TRY_ASSIGN(const db::RunRecord run, find_run(at, prefix));
  TRY_ASSIGN(std::optional<load::RejectReader> reader, open_rejects(at, run));
  if (terminal.json) return print_json(terminal, run, reader ? &*reader : nullptr, all);
  if (!reader) {
    terminal.say(nothing_text(run));
    return {};
  }
  TRY(reader->head());
  print_groups(terminal, run);
  TRY_ASSIGN(const std::size_t records, print_records(terminal, *reader, all));
  const std::string id = short_id(run.id, {});
  if (records < run.rows_rejected)
    terminal.say(fmt::format("{} of {}; all of them: {}", grouped(records), counted(run.rows_rejected, "row"),
                             terminal.command(fmt::format("rejects show {} --all", id))));
  terminal.say("to repair them: " + terminal.command(fmt::format("rejects export {} --output {}", id,
                                                                 repair_file_of(run.file_name))));
  return {};
}

Result<void> export_to(const app::Opened& at, const Terminal& terminal, const std::string& prefix,
                       const std::string& format, const std::optional<std::string>& output) {
  if (format != "csv" && format != "jsonl")
    return fail(Code::RequestInvalid, fmt::format("there is no format \"{}\"", shown(format)),
                "rejects are exported as csv or jsonl");
  TRY_ASSIGN(const db::RunRecord run, find_run(at, prefix));
  TRY_ASSIGN(std::optional<load::RejectReader> reader, open_rejects(at, run));
  if (!reader) {
    terminal.say(nothing_text(run));
    return {};
  }
  TRY(write_output(terminal, output, [&](const report::Output& out) {
    return format == "csv" ? load::export_csv(*reader, out) : load::export_jsonl(*reader, out);
  }));
  if (output && *output != "-" && format == "csv")
    terminal.say("repair it, then: " +
                 terminal.command(fmt::format("load {} --table {}", shell_word(*output), run.table)));
  return {};
}

}  // namespace

int command_rejects_show(const Common& common, const std::string& run, bool all) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<void> done = show(*at, common.terminal, run, all);
  return done ? 0 : report_error(common.terminal, done.error());
}

int command_rejects_export(const Common& common, const std::string& run, const std::string& format,
                           const std::optional<std::string>& output) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<void> done = export_to(*at, common.terminal, run, format, output);
  return done ? 0 : report_error(common.terminal, done.error());
}

}  // namespace rowgate::cli

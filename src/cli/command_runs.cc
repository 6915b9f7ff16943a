#include "base/text.h"
#include "base/units.h"
#include "cli/command_support.h"
#include "cli/terminal/text_table.h"
#include "load/run_moves.h"
#include "load/run_state.h"
#include "runs/known_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

namespace rowgate::cli {
namespace {

Result<std::vector<db::RunRecord>> all_runs(const app::Opened& at, const std::optional<std::string>& table,
                                            std::size_t limit) {
  runs::RunFilter filter{.limit = limit};
  if (table) filter.table = db::TableName{{}, *table};
  return runs::list_runs(at.database->ledger(), app::unsettled_runs(at), filter);
}

std::string label_of(const db::RunRecord& run) {
  return run.dry_run ? run.mode + " (dry run)" : run.mode;
}

std::string seconds_text(const db::RunRecord& run) {
  if (run.finished_at.micros == 0 || run.started_at.micros == 0) return "-";
  return fmt::format("{:.3f} s", static_cast<double>(run.finished_at.micros - run.started_at.micros) / 1e6);
}

void print_rejects(const Terminal& terminal, const db::RunRecord& run) {
  if (run.rejects.empty()) return;
  TextTable table{{"rejects", "code", "field", "first line"}, {}, {true, false, false, true}};
  for (const db::RejectGroup& group : run.rejects)
    table.rows.push_back(
        {grouped(group.count), std::string(text(group.code)), group.field, std::to_string(group.first_line)});
  terminal.out("\n" + to_text(table, out_width(terminal)));
}

void print_file(const Terminal& terminal, const db::RunRecord& run) {
  terminal.out(fmt::format("  file      {}, {}\n", shown(run.file_name), bytes_text(run.file_bytes)));
  if (!run.file_sha256.empty()) terminal.out(fmt::format("  sha256    {}\n", run.file_sha256));
  if (!run.duplicate_of.empty())
    terminal.out(fmt::format("  same as   {} (these bytes were loaded before)\n", run.duplicate_of));
  if (!run.parent.empty()) terminal.out(fmt::format("  repairs   {}\n", run.parent));
}

void print_rows(const Terminal& terminal, const db::RunRecord& run) {
  std::string line =
      fmt::format("  rows      {} read, {} accepted, {} rejected, {} skipped", grouped(run.rows_read),
                  grouped(run.rows_accepted), grouped(run.rows_rejected), grouped(run.rows_skipped));
  if (run.rows_inserted && run.rows_updated)
    line +=
        fmt::format(" ({} inserted, {} updated)", grouped(*run.rows_inserted), grouped(*run.rows_updated));
  terminal.out(line + "\n");
}

void print_run(const Terminal& terminal, const db::RunRecord& run) {
  terminal.out(fmt::format("{}\n", run.id));
  terminal.out(fmt::format("  status    {}\n", db::name(run.status)));
  terminal.out(fmt::format("  table     {}, {}, version {} -> {}\n", run.table, label_of(run),
                           run.version_before, run.version_after));
  print_file(terminal, run);
  print_rows(terminal, run);
  terminal.out(fmt::format("  created   {} UTC by {}\n", moment(run.created_at), run.principal));
  if (run.finished_at.micros != 0)
    terminal.out(fmt::format("  finished  {} UTC, took {}\n", moment(run.finished_at), seconds_text(run)));
  if (run.error) {
    terminal.out(fmt::format("  error     {}: {}\n", text(run.error->code), to_text(*run.error)));
  }
  for (const db::RunWarning& warning : run.warnings)
    terminal.out(fmt::format("  warning   {}: {} ({}, first in line {})\n", text(warning.code),
                             warning.message, counted(warning.count, "time"), warning.first_line));
  print_rejects(terminal, run);
}

/// The whole id of the one run that waits to be settled and that `prefix` means. The ledger is not asked: its
/// database may be gone.
Result<std::string> waiting_run(const std::filesystem::path& spool, std::string_view prefix) {
  std::vector<std::string> found;
  for (const load::InFlight& flying : load::in_flight(spool))
    if (runs::bare_id(flying.run.id).starts_with(runs::bare_id(prefix))) found.push_back(flying.run.id);
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(Code::RunUnknown,
                fmt::format("no run that begins with \"{}\" waits to be settled", shown(prefix)),
                "rowgate runs lists the runs");
  return fail(Code::RunUnknown, fmt::format("{} runs begin with \"{}\"", found.size(), shown(prefix)),
              "give more of the id");
}

/// To give a run up is to say that its rows are not in the table, which nobody checks: it wants the id.
Result<void> confirm_failed(const Terminal& terminal, const SettleArguments& arguments,
                            const std::string& id) {
  std::string answer = arguments.confirm.value_or("");
  const bool can_ask = terminal.stdin_is_tty && terminal.stderr_is_tty && !terminal.no_input;
  if (!arguments.confirm && can_ask) {
    terminal.warn(
        "The database is not asked whether this load was committed. Type the run's id to end it as failed:");
    std::getline(std::cin, answer);
  }
  if (answer == id) return {};
  return fail(Code::RequestInvalid, fmt::format("ending {} as failed was not confirmed", id),
              fmt::format("add --confirm {}", id));
}

}  // namespace

int command_runs_settle(const Common& common, const SettleArguments& arguments) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const std::filesystem::path& spool = at->config().spool_path;
  Result<std::string> id = waiting_run(spool, arguments.run);
  if (!id) {
    // Perhaps there is nothing left to settle.
    const Result<db::RunRecord> known = find_run(*at, arguments.run);
    if (known && load::has_ended(known->status))
      id = fail(Code::RunFinished, fmt::format("{} has ended: {}", known->id, db::name(known->status)),
                "look at it: rowgate runs show RUN");
    return report_error(terminal, id.error());
  }
  if (arguments.failed)
    if (const Result<void> confirmed = confirm_failed(terminal, arguments, *id); !confirmed)
      return report_error(terminal, confirmed.error());

  const Result<db::RunRecord> settled =
      load::settle_by_hand(spool, *id, *at->database, SystemClock(), arguments.failed);
  if (!settled) return report_error(terminal, settled.error());
  if (terminal.json)
    terminal.out(db::to_json(*settled) + "\n");
  else
    print_run(terminal, *settled);
  return 0;
}

int command_runs_list(const Common& common, const std::optional<std::string>& table, std::size_t limit) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<std::vector<db::RunRecord>> runs = all_runs(*at, table, limit);
  if (!runs) return report_error(terminal, runs.error());
  if (terminal.json) {
    std::string out = "{\"items\": [";
    for (const db::RunRecord& run : *runs) out += (out.back() == '[' ? "\n" : ",\n") + db::to_json(run);
    terminal.out(out + "\n]}\n");
    return 0;
  }
  if (runs->empty()) {
    terminal.say(table ? fmt::format("no runs of {} yet", shown(*table)) : std::string("no runs yet"));
    return 0;
  }
  TextTable text{{"run", "created (UTC)", "table", "mode", "file", "accepted", "rejected", "status"},
                 {},
                 {false, false, false, false, false, true, true, false}};
  for (const db::RunRecord& run : *runs)
    text.rows.push_back({short_id(run.id, *runs), moment(run.created_at), run.table, label_of(run),
                         shown(run.file_name), grouped(run.rows_accepted), grouped(run.rows_rejected),
                         std::string(db::name(run.status))});
  terminal.out(to_text(text, out_width(terminal)));
  return 0;
}

int command_runs_show(const Common& common, const std::string& run) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  Result<db::RunRecord> found = find_run(*at, run);
  if (found && found->status == db::RunStatus::Undecided) {
    load::recover(at->config().spool_path, *at->database, SystemClock());
    found = find_run(*at, found->id);
  }
  if (!found) return report_error(terminal, found.error());
  if (terminal.json)
    terminal.out(db::to_json(*found) + "\n");
  else
    print_run(terminal, *found);
  if (!terminal.json && found->rows_rejected > 0 && !found->dry_run)
    terminal.say("see them: " + terminal.command("rejects " + short_id(found->id, {})));
  return 0;
}

}  // namespace rowgate::cli

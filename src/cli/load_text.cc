#include "cli/load_text.h"

#include "base/text.h"
#include "cli/command_support.h"
#include "cli/terminal/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::cli {
namespace {

constexpr std::uint64_t kUsualRowBytes =
    20;  // a guess, so that the lines of most loads stand below each other
constexpr std::size_t kShownKinds = 10;

std::string took_text(const db::RunRecord& run) {
  const double seconds = static_cast<double>(run.finished_at.micros - run.started_at.micros) / 1e6;
  return seconds >= 1 ? fmt::format(" in {:.1f} s", seconds) : "";
}

/// "1,929 loaded (29 of them updated), 70 set aside"
std::string counts_text(const db::RunRecord& run) {
  std::string text = fmt::format("{} {}", grouped(run.rows_accepted), run.dry_run ? "good" : "loaded");
  if (run.rows_updated && *run.rows_updated > 0)
    text += fmt::format(" ({} of them updated)", grouped(*run.rows_updated));
  if (run.rows_rejected > 0)
    text += fmt::format(", {} {}", grouped(run.rows_rejected), run.dry_run ? "bad" : "set aside");
  return text;
}

std::string outcome_text(const Terminal& terminal, const db::RunRecord& run) {
  if (!has_loaded(run)) {
    const std::string_view what =
        run.status == db::RunStatus::Failed ? "nothing loaded" : "stopped, nothing loaded";
    return fmt::format("{} {}", terminal.styled("red", terminal.mark_error()), what);
  }
  const std::string mark = run.rows_rejected == 0 ? terminal.styled("green", terminal.mark_ok())
                                                  : terminal.styled("yellow", terminal.mark_warn());
  return fmt::format("{} {}{}", mark, counts_text(run), took_text(run));
}

}  // namespace

LoadWidths widths_of(const std::vector<load::LoadRequest>& requests) {
  LoadWidths widths;
  for (const load::LoadRequest& request : requests) {
    widths.table = std::max(widths.table, display_width(request.table.name));
    widths.file = std::max(widths.file, display_width(shown(request.file->name())));
    widths.rows = std::max(widths.rows, counted(request.file->stored_size() / kUsualRowBytes, "row").size());
  }
  return widths;
}

std::string result_line(const Terminal& terminal, const LoadWidths& widths, const db::RunRecord& run) {
  const std::string rows =
      run.rows_read == 0 && !has_loaded(run) ? "" : counted(run.rows_read - run.rows_skipped, "row");
  return fmt::format("  {}  {}  {}   {}", padded(run.table, widths.table),
                     padded(shown(run.file_name), widths.file), padded(rows, widths.rows, true),
                     outcome_text(terminal, run));
}

std::string remarks(const Terminal& terminal, const load::LoadOutcome& outcome) {
  const db::RunRecord& run = outcome.run;
  std::string text;
  const auto add = [&](std::string_view style, std::string_view kind, std::string_view what) {
    text += (text.empty() ? "    " : "\n    ") + fmt::format("{}: {}", terminal.styled(style, kind), what);
  };
  for (const db::RunWarning& warning : run.warnings) {
    std::string what = warning.message;
    if (warning.first_line > 1) what += fmt::format(", first in line {}", grouped(warning.first_line));
    add("yellow", fmt::format("warning[{}]", rowgate::text(warning.code)), what);
  }
  if (outcome.inferred && has_loaded(run))
    add("cyan", "note",
        fmt::format("the types of {} were found in the file; see them: {}",
                    counted(outcome.schema.fields.size(), "field"),
                    terminal.command("schema show " + run.table)));
  for (const std::string& note : outcome.notes) add("cyan", "note", note);
  if (!run.duplicate_of.empty())
    add("cyan", "note",
        fmt::format("a file with the same bytes was loaded before ({})", short_id(run.duplicate_of, {})));
  return text;
}

std::string repair_file_of(std::string_view file) {
  return file == "repair.csv" ? "repair2.csv" : "repair.csv";  // never the file that was repaired just now
}

std::string repair_text(const Terminal& terminal, const db::RunRecord& run) {
  if (run.rows_rejected == 0) return "";
  const std::string_view verb = has_loaded(run) ? "to repair" : "refused";
  std::string text = fmt::format("  {} {} in {}\n", counted(run.rows_rejected, "row"), verb, run.id);
  TextTable kinds{{}, {}, {true}};
  std::uint64_t others = 0;
  for (std::size_t i = kShownKinds; i < run.rejects.size(); ++i) others += run.rejects[i].count;
  for (std::size_t i = 0; i < std::min(run.rejects.size(), kShownKinds); ++i) {
    const db::RejectGroup& group = run.rejects[i];
    kinds.rows.push_back({"    " + grouped(group.count), table::group_title(group.code, group.field),
                          fmt::format("first in line {}", grouped(group.first_line))});
  }
  text += to_text(kinds, std::string::npos);
  if (others > 0) text += fmt::format("    and {} of other kinds\n", counted(others, "problem"));
  const std::string id = short_id(run.id, {});
  return text + fmt::format("  see them:     {}\n  repair them:  {}", terminal.command("rejects " + id),
                            terminal.command(fmt::format("rejects export {} --output {}", id,
                                                         repair_file_of(run.file_name))));
}

std::string verdict_line(const Terminal& terminal, const db::RunRecord& run) {
  const std::uint64_t rows = run.rows_read - run.rows_skipped;
  const std::string name = shown(run.file_name, 400);
  if (run.rows_read == 0 && !has_loaded(run))
    return fmt::format("{} {}: not judged", terminal.styled("red", terminal.mark_error()), name);
  if (run.rows_rejected == 0)
    return fmt::format("{} {}: {}, all good", terminal.styled("green", terminal.mark_ok()), name,
                       counted(rows, "row"));
  const double share =
      rows == 0 ? 0 : 100.0 * static_cast<double>(run.rows_rejected) / static_cast<double>(rows);
  std::string text =
      fmt::format("{} {}: {}, {} good, {} bad ({:.1f} %)", terminal.styled("red", terminal.mark_error()),
                  name, counted(rows, "row"), grouped(run.rows_accepted), grouped(run.rows_rejected), share);
  if (!run.rejects.empty())
    text += fmt::format("     explain a code: rowgate explain {}", rowgate::text(run.rejects.front().code));
  return text;
}

}  // namespace rowgate::cli

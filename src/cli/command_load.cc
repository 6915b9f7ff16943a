#include "base/text.h"
#include "cli/command_support.h"
#include "cli/load_plan.h"
#include "cli/load_text.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/progress_bar.h"
#include "cli/terminal/reject_preview.h"
#include "load/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <span>

namespace rowgate::cli {
namespace {

int exit_code_of(const db::RunRecord& run, bool any_reject_counts) {
  if (run.status == db::RunStatus::Interrupted || run.status == db::RunStatus::Cancelled)
    return info(Code::RunInterrupted).exit_code;
  if (run.error) return info(run.error->code).exit_code;
  return any_reject_counts && run.rows_rejected > 0 ? info(Code::LimitRejects).exit_code : 0;
}

/// One run as itself, several as {"items": [...]}.
std::string as_json(const std::vector<load::LoadOutcome>& outcomes, bool as_list) {
  if (!as_list && outcomes.size() == 1) return db::to_json(outcomes.front().run) + "\n";
  std::string out = "{\"items\": [";
  for (const load::LoadOutcome& outcome : outcomes)
    out += (out.back() == '[' ? "\n" : ",\n") + db::to_json(outcome.run);
  return out + "\n]}\n";
}

void tell_error(const Terminal& terminal, const load::LoadOutcome& outcome) {
  if (!outcome.run.error) return;
  const bool is_header = outcome.header_trouble && outcome.opening;
  terminal.warn(render(
      terminal, is_header ? header_diagnostic(terminal, outcome) : error_diagnostic(*outcome.run.error)));
}

std::vector<RejectPreview> previews_of(std::span<const load::LoadRequest> requests) {
  std::vector<RejectPreview> previews;
  for (const load::LoadRequest& request : requests) previews.emplace_back(request.file->name());
  return previews;
}

/// A load that could not even be noted as a run: it has no id, and the ledger does not know it.
load::LoadOutcome never_begun(const load::LoadRequest& request, Error error) {
  load::LoadOutcome outcome;
  outcome.run.status = db::RunStatus::Failed;
  outcome.run.table = request.table.name;
  outcome.run.mode = db::name(request.mode);
  outcome.run.file_name = request.file->name();
  outcome.run.error = std::move(error);
  return outcome;
}

/// Everything that a load and a validate share.
class LoadCommand {
 public:
  LoadCommand(const Common& common, const LoadArguments& arguments, const app::Opened& at)
      : terminal_(common.terminal),
        arguments_(arguments),
        at_(at),
        watch_(terminal_),
        loader_(*at.database, *at.store, clock_, {.spool = at.config().spool_path}) {}

  int load(const std::vector<load::LoadRequest>& requests);
  int judge(const std::vector<load::LoadRequest>& requests, bool is_validate);
  void recover() { load::recover(at_.config().spool_path, *at_.database, clock_); }

 private:
  bool shows_rows(bool is_validate) const {
    return !terminal_.json && (is_validate || arguments_.all || terminal_.verbose > 0);
  }
  load::RejectObserver observer(ProgressBar& bar, std::vector<RejectPreview>& previews,
                                std::span<const load::LoadRequest> requests, bool shows);
  load::LoadOutcome load_one(const load::LoadRequest& request, const LoadWidths& widths);
  void tell_rows(RejectPreview& preview) const;
  void tell_verdict(const load::LoadOutcome& outcome, RejectPreview& preview) const;
  void tell_load(const load::LoadOutcome& outcome, const LoadWidths& widths, RejectPreview& preview) const;
  int finish(const std::vector<load::LoadOutcome>& outcomes, std::size_t wanted,
             bool any_reject_counts) const;

  const Terminal& terminal_;
  const LoadArguments& arguments_;
  const app::Opened& at_;
  SystemClock clock_;
  InterruptWatch watch_;
  load::Loader loader_;
};

/// With --all rows are shown as they come, since all of them need not fit in memory.
load::RejectObserver LoadCommand::observer(ProgressBar& bar, std::vector<RejectPreview>& previews,
                                           std::span<const load::LoadRequest> requests, bool shows) {
  if (!shows) return {};
  return [&bar, &previews, requests, this](std::size_t index, const load::RefusedRecord& record) {
    if (!arguments_.all) return previews[index].add(record);
    bar.clear();
    for (const load::RejectProblem& problem : record.problems)
      terminal_.warn(render(terminal_, reject_diagnostic(record, problem, requests[index].file->name(), 0)) +
                     "\n");
  };
}

void LoadCommand::tell_rows(RejectPreview& preview) const {
  for (const Diagnostic& diagnostic : preview.take()) terminal_.warn(render(terminal_, diagnostic) + "\n");
}

void LoadCommand::tell_load(const load::LoadOutcome& outcome, const LoadWidths& widths,
                            RejectPreview& preview) const {
  if (terminal_.json) return;
  tell_rows(preview);
  terminal_.say(result_line(terminal_, widths, outcome.run));
  if (const std::string text = remarks(terminal_, outcome); !text.empty()) terminal_.say(text);
  if (outcome.run.error) terminal_.warn("");
  tell_error(terminal_, outcome);
}

int LoadCommand::finish(const std::vector<load::LoadOutcome>& outcomes, std::size_t wanted,
                        bool any_reject_counts) const {
  if (terminal_.json) terminal_.out(as_json(outcomes, wanted > 1));
  int exit_code = outcomes.size() < wanted ? info(Code::RunInterrupted).exit_code : 0;
  for (const load::LoadOutcome& outcome : outcomes)
    exit_code = std::max(exit_code, exit_code_of(outcome.run, any_reject_counts));
  return exit_code;
}

load::LoadOutcome LoadCommand::load_one(const load::LoadRequest& request, const LoadWidths& widths) {
  load::Progress progress;
  std::vector<RejectPreview> preview = previews_of(std::span(&request, 1));
  Result<load::LoadOutcome> outcome = load::LoadOutcome();
  {
    ProgressBar bar(terminal_, shown(request.file->name()), progress);
    const load::RejectObserver observe = observer(bar, preview, std::span(&request, 1), shows_rows(false));
    outcome = loader_.load(request, progress, observe, watch_.token());
  }
  if (!outcome) outcome = never_begun(request, std::move(outcome).error());
  tell_load(*outcome, widths, preview.front());
  return *std::move(outcome);
}

int LoadCommand::load(const std::vector<load::LoadRequest>& requests) {
  const LoadWidths widths = widths_of(requests);
  std::vector<load::LoadOutcome> outcomes;
  for (const load::LoadRequest& request : requests)
    if (!watch_.token().stop_requested()) outcomes.push_back(load_one(request, widths));
  if (!terminal_.json)
    for (const load::LoadOutcome& outcome : outcomes)
      if (const std::string text = repair_text(terminal_, outcome.run); !text.empty())
        terminal_.say("\n" + text);
  return finish(outcomes, requests.size(), false);
}

void LoadCommand::tell_verdict(const load::LoadOutcome& outcome, RejectPreview& preview) const {
  tell_rows(preview);
  tell_error(terminal_, outcome);
  terminal_.say(verdict_line(terminal_, outcome.run));
  if (const std::string text = remarks(terminal_, outcome); !text.empty()) terminal_.say(text);
}

int LoadCommand::judge(const std::vector<load::LoadRequest>& requests, bool is_validate) {
  load::Progress progress;
  std::vector<RejectPreview> previews = previews_of(requests);
  Result<std::vector<load::LoadOutcome>> outcomes = std::vector<load::LoadOutcome>();
  {
    ProgressBar bar(terminal_, "checking", progress);
    const load::RejectObserver observe = observer(bar, previews, requests, shows_rows(is_validate));
    outcomes = loader_.dry_run(requests, progress, observe, watch_.token());
  }
  if (!outcomes) return report_error(terminal_, outcomes.error());
  const LoadWidths widths = widths_of(requests);
  for (std::size_t i = 0; i < outcomes->size() && !terminal_.json; ++i) {
    if (is_validate)
      tell_verdict((*outcomes)[i], previews[i]);
    else
      tell_load((*outcomes)[i], widths, previews[i]);
  }
  if (!is_validate && !terminal_.json) terminal_.say("  dry run: nothing was written");
  return finish(*outcomes, requests.size(), is_validate);
}

/// A replace throws rows away, so it wants the table's name typed, or --yes, or --confirm with that name.
Result<void> confirm_replace(const Terminal& terminal, const LoadArguments& arguments,
                             const std::vector<load::LoadRequest>& requests) {
  if (arguments.yes || arguments.dry_run) return {};
  for (const load::LoadRequest& request : requests) {
    const std::string& table = request.table.name;
    if (request.mode != db::Mode::Replace || arguments.confirm == table) continue;
    const bool can_ask =
        terminal.stdin_is_tty && terminal.stderr_is_tty && !terminal.no_input && !arguments.confirm;
    if (!can_ask)
      return fail(Code::RequestInvalid, fmt::format("--mode replace would throw away the rows of {}", table),
                  fmt::format("add --yes, or --confirm {}", table));
    terminal.warn(fmt::format("This replaces all rows of {}. Type the table's name to go on:", table));
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != table)
      return fail(Code::RequestInvalid, fmt::format("{} was not confirmed; nothing was loaded", table));
  }
  return {};
}

}  // namespace

int command_load(const Common& common, const LoadArguments& arguments) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const auto requests = plan_loads(*at, arguments);
  if (!requests) return report_errors(common.terminal, requests.error());
  if (const auto confirmed = confirm_replace(common.terminal, arguments, *requests); !confirmed)
    return report_error(common.terminal, confirmed.error());
  LoadCommand command(common, arguments, *at);
  if (arguments.dry_run) return command.judge(*requests, false);
  command.recover();
  return command.load(*requests);
}

int command_validate(const Common& common, const LoadArguments& arguments) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const auto requests = plan_loads(*at, arguments);
  if (!requests) return report_errors(common.terminal, requests.error());
  return LoadCommand(common, arguments, *at).judge(*requests, true);
}

}  // namespace rowgate::cli

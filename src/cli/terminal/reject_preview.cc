#include "cli/terminal/reject_preview.h"

#include "base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::cli {
namespace {

constexpr std::uint64_t kShownPerCode = 10;
constexpr std::size_t kNextLines = 3;

}  // namespace

void RejectPreview::add(const load::RefusedRecord& record) {
  for (const load::RejectProblem& problem : record.problems) {
    Kind& kind = kinds_[{problem.code, problem.field}];
    std::uint64_t& of_code = shown_of_code_[problem.code];
    if (kind.count++ == 0 || of_code < kShownPerCode) {
      kind.last_shown = diagnostics_.size();
      kind.shown++;
      of_code++;
      diagnostics_.push_back(reject_diagnostic(record, problem, file_, 0));
    } else if (kind.next_lines.size() < kNextLines) {
      kind.next_lines.push_back(problem.line);
    }
  }
}

void RejectPreview::note_others(const Kind& kind) {
  const std::uint64_t others = kind.count - kind.shown;
  if (others == 0) return;
  std::string note = fmt::format(
      "{} more {} this problem; next {} {}", grouped(others), others == 1 ? "row has" : "rows have",
      kind.next_lines.size() == 1 ? "line" : "lines", fmt::join(kind.next_lines, ", "));
  diagnostics_[kind.last_shown].notes.emplace_back("note", std::move(note));
}

std::vector<Diagnostic> RejectPreview::take() {
  for (const auto& [name, kind] : kinds_) note_others(kind);
  return std::move(diagnostics_);
}

}  // namespace rowgate::cli

#pragma once

// What is said about loads that have ended, as text for stderr.

#include "cli/terminal/terminal.h"
#include "load/loader.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::cli {

/// Widths of the first columns, so that the lines of several files stand below each other.
struct LoadWidths {
  std::size_t table = 0, file = 0, rows = 10;
};
LoadWidths widths_of(const std::vector<load::LoadRequest>& requests);

/// "  jobs  jobs.csv      183 rows   (mark) 183 loaded, 2 set aside"
std::string result_line(const Terminal& terminal, const LoadWidths& widths, const db::RunRecord& run);
/// What else is worth knowing about it, a line each: what was inferred, skipped, loaded before.
std::string remarks(const Terminal& terminal, const load::LoadOutcome& outcome);
/// The name that is proposed for the refused rows of `file`.
std::string repair_file_of(std::string_view file);
/// The kinds of bad rows and how to go on with them; empty when no row was refused.
std::string repair_text(const Terminal& terminal, const db::RunRecord& run);
/// "new_hires.csv: 1,204 rows, 1,201 good, 3 bad (0.2 %)"
std::string verdict_line(const Terminal& terminal, const db::RunRecord& run);

}  // namespace rowgate::cli

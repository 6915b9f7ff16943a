#pragma once

// What several commands share: opening what they work on, finding a run, words of their output.

#include "app/opened.h"
#include "cli/commands.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::cli {

/// Exit code of a command whose configuration could not be read; configured() has told why.
inline constexpr int kConfigFailed = 2;

/// Opens all that `common` names; on failure everything is told and nothing is returned.
std::optional<app::Opened> opened(const Common& common);

/// "2 rows", "1 row", "1,204 rows".
std::string counted(std::uint64_t count, std::string_view noun);

/// The error for a table that is neither configured nor in the database, with the nearest of the known names.
Error unknown_table(std::string_view name, const std::vector<std::string>& known);

/// The one run that `prefix` means. Fails with run.unknown when there is none or more than one.
Result<db::RunRecord> find_run(const app::Opened& at, std::string_view prefix);
/// As much of a run's id as tells it from `others`: "run_" and at least 13 characters.
std::string short_id(const std::string& id, const std::vector<db::RunRecord>& others);

/// The width for tables on stdout: the terminal's; without one nothing is cut.
std::size_t out_width(const Terminal& terminal);

/// "2026-03-01 12:00:00" in UTC, or "-" for a moment that has not come.
std::string moment(Timestamp at);

}  // namespace rowgate::cli

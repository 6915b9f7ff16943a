#include "cli/command_support.h"

#include "base/text.h"
#include "runs/known_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace rowgate::cli {
namespace {

constexpr std::string_view kIdPrefix = "run_";
constexpr std::size_t kShortest =
    kIdPrefix.size() + 13;  // the whole time stamp and its counter, so rarely more is needed

std::size_t common_length(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::optional<app::Opened> opened(const Common& common) {
  std::optional<config::LoadedConfig> loaded = configured(common);
  if (!loaded) return std::nullopt;
  return app::open_loaded(*std::move(loaded));
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

Error unknown_table(std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest(name, known);
  return Error{Code::TableUnknown, fmt::format("there is no table \"{}\"", shown(name)),
               near.empty() ? "rowgate tables lists all tables" : fmt::format("did you mean {}?", near)};
}

Result<db::RunRecord> find_run(const app::Opened& at, std::string_view prefix) {
  if (runs::bare_id(prefix).empty())
    return fail(Code::RunUnknown, "no run id was given", "rowgate runs lists the runs");
  TRY_ASSIGN(std::vector<db::RunRecord> found,
             runs::find_runs(at.database->ledger(), app::unsettled_runs(at), prefix));
  if (found.empty())
    return fail(Code::RunUnknown, fmt::format("no run begins with \"{}\"", shown(prefix)),
                "rowgate runs lists the runs");
  const auto whole = std::ranges::find_if(
      found, [&](const auto& run) { return runs::bare_id(run.id) == runs::bare_id(prefix); });
  if (whole != found.end()) return std::move(*whole);
  if (found.size() == 1) return std::move(found.front());
  std::string hint = "give more of the id: ";
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 5); ++i)
    hint += (i == 0 ? "" : ", ") + short_id(found[i].id, found);
  if (found.size() > 5) hint += ", ...";
  return fail(Code::RunUnknown, fmt::format("{} runs begin with \"{}\"", found.size(), shown(prefix)),
              std::move(hint));
}

std::string short_id(const std::string& id, const std::vector<db::RunRecord>& others) {
  std::size_t needed = kShortest;
  for (const db::RunRecord& other : others)
    if (other.id != id) needed = std::max(needed, common_length(id, other.id) + 1);
  return id.substr(0, needed);
}

std::size_t out_width(const Terminal& terminal) {
  return terminal.stdout_is_tty ? terminal.width : std::numeric_limits<std::size_t>::max();
}

std::string moment(Timestamp at) {
  if (at.micros == 0) return "-";
  std::string text = to_rfc3339(at).substr(0, 19);
  text[10] = ' ';
  return text;
}

}  // namespace rowgate::cli

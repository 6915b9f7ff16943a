#include "app/damage.h"
#include "base/json.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/command_support.h"
#include "config/key_file.h"
#include "io/files.h"
#include "load/run_state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

namespace rowgate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLittleSpace = kGiB;
constexpr std::chrono::seconds kLittleSkew{60};

enum class State : std::uint8_t { Ok, Warning, Problem };

/// One thing that was looked at.
struct Finding {
  std::string name;
  State state = State::Ok;
  std::string message;
  std::string fix = {};
};
using Findings = std::vector<Finding>;

Finding problem(std::string name, Error error) {
  std::string fix = std::exchange(error.hint, {});
  return {std::move(name), State::Problem, to_text(error), std::move(fix)};
}

/// The folder, or the nearest one above it that is there: where it would be made.
fs::path existing_ancestor(const fs::path& folder) {
  std::error_code ignored;
  fs::path at = fs::absolute(folder, ignored);
  while (!fs::exists(at, ignored) && at.has_relative_path()) at = at.parent_path();
  return at;
}

/// For a folder that is not there yet: whether it could be made.
Finding not_made_yet(std::string name, const fs::path& folder) {
  const fs::path parent = existing_ancestor(folder);
  std::error_code ignored;
  if (!fs::is_directory(parent, ignored))
    return {std::move(name), State::Problem, fmt::format("{} is not a folder", parent.string()),
            "move that file away"};
  if (::access(parent.c_str(), W_OK | X_OK) != 0)
    return {std::move(name), State::Problem,
            fmt::format("{} cannot be made: {} is not writable", folder.string(), parent.string()),
            "give this user write access, or name another folder in rowgate.yaml"};
  return {std::move(name), State::Ok, fmt::format("{} will be made when it is needed", folder.string())};
}

std::optional<config::LoadedConfig> check_config(const Common& common, Findings& findings) {
  auto loaded = common.to ? config::adhoc_config(*common.to) : config::load_config(common.config_file);
  if (!loaded) {
    for (const Error& error : loaded.error()) findings.push_back(problem("config", error));
    return std::nullopt;
  }
  const config::Config& config = loaded->config;
  findings.push_back(
      {"config", State::Ok,
       fmt::format("{}, {}, {}", config.file.empty() ? "no file" : config.file.string(),
                   counted(config.tables().size(), "table"), counted(config.reports.size(), "report"))});
  return *std::move(loaded);
}

Result<std::string> round_trip(db::Database& database) {
  TRY_ASSIGN(const std::string version, database.server_version());
  const auto began = std::chrono::steady_clock::now();
  TRY_ASSIGN(const std::unique_ptr<db::Cursor> cursor, database.query({"SELECT 1"}));
  std::vector<db::ResultCell> row;
  TRY(cursor->next(row));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  return fmt::format("{}, {}, round trip {:.1f} ms", database.describe(), version, took.count());
}

void check_database(const app::Opened& at, Findings& findings) {
  if (!at.database->exists()) {
    findings.push_back(not_made_yet("database", at.config().database_path.parent_path()));
    if (findings.back().state == State::Ok)
      findings.back().message = fmt::format("{} will be made by the first load", at.database->describe());
    return;
  }
  const Result<std::string> answer = round_trip(*at.database);
  if (!answer) {
    findings.push_back(problem("database", answer.error()));
    return;
  }
  findings.push_back({"database", State::Ok, *answer});
  const auto writing = at.database->begin({});  // dropped: nothing is changed
  if (writing) return;
  if (writing.error().code == Code::TableBusy)
    findings.push_back(
        {"database", State::Warning, "another process is writing to it", "try again when that has ended"});
  else
    findings.push_back(problem("database", writing.error()));
}

/// "s3://hr-files/rowgate in eu-west-1 can be written, read and listed; keys from the environment; 12 ms"
Result<std::string> try_bucket(const app::Opened& at, std::chrono::seconds& clock_ahead) {
  const auto began = std::chrono::steady_clock::now();
  TRY_ASSIGN(const store::StoreHealth health, at.store->probe());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  TRY(at.store->list("reports"));
  clock_ahead = health.clock_ahead.value_or(std::chrono::seconds(0));
  const store::S3Settings& s3 = *at.config().s3;
  return fmt::format("{} in {}{} can be written, read and listed; keys from {}; {:.0f} ms",
                     at.config().storage_text(), s3.region, s3.endpoint.empty() ? "" : " at " + s3.endpoint,
                     health.credentials, took.count());
}

void check_bucket(const app::Opened& at, Findings& findings) {
  std::chrono::seconds ahead{0};
  const Result<std::string> found = try_bucket(at, ahead);
  findings.push_back(found ? Finding{"storage", State::Ok, *found} : problem("storage", found.error()));
  if (found && std::chrono::abs(ahead) > kLittleSkew)
    findings.push_back(
        {"clock", State::Warning,
         fmt::format("this machine's clock is {} s {} the storage's", std::chrono::abs(ahead).count(),
                     ahead.count() < 0 ? "behind" : "ahead of"),
         "set it by NTP: at 15 minutes the storage refuses everything, and links end early or late"});
}

void check_storage(const app::Opened& at, Findings& findings) {
  if (at.config().s3) return check_bucket(at, findings);
  const fs::path& folder = at.config().storage_path;
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) {
    findings.push_back(not_made_yet("storage", folder));
    return;
  }
  const Result<store::StoreHealth> done = at.store->probe();
  findings.push_back(done ? Finding{"storage", State::Ok, fmt::format("{} is writable", folder.string())}
                          : problem("storage", done.error()));
}

void check_spool(const config::Config& config, Findings& findings) {
  const fs::path& folder = config.spool_path;
  std::error_code error;
  if (!fs::exists(folder, error)) {
    findings.push_back(not_made_yet("spool", folder));
    return;
  }
  const Result<io::ScratchFile> scratch = io::ScratchFile::create(folder);
  findings.push_back(scratch ? Finding{"spool", State::Ok, fmt::format("{} is writable", folder.string())}
                             : problem("spool", scratch.error()));
}

void check_disk(const config::Config& config, Findings& findings) {
  std::uint64_t least = 0;
  fs::path where;
  for (const fs::path& path : {config.spool_path, config.database_path, config.storage_path}) {
    if (path.empty()) continue;  // a server, or S3
    const fs::path there = existing_ancestor(path);
    std::error_code error;
    const fs::space_info space = fs::space(there, error);
    if (error || (!where.empty() && space.available >= least)) continue;
    least = space.available;
    where = there;
  }
  if (where.empty()) return;
  const std::string text = fmt::format("{} free in {}", bytes_text(least), where.string());
  if (least < kLittleSpace)
    findings.push_back({"disk", State::Warning, text, "make room before loading large files"});
  else
    findings.push_back({"disk", State::Ok, text});
}

void check_tables(const app::Opened& at, Findings& findings) {
  if (!at.database->exists()) return;
  std::size_t equal = 0, missing = 0;
  for (const load::TableConfig& table : at.config().tables()) {
    const auto state = at.database->table(table.name);
    const auto differences = at.database->differences(app::target_of(table));
    if (!state || !differences) {
      findings.push_back(problem("tables", state ? differences.error() : state.error()));
      return;
    }
    if (!*state) ++missing;
    if (*state && differences->empty()) ++equal;
    for (const std::string& difference : *differences)
      findings.push_back({"tables", State::Problem, fmt::format("{}: {}", table.name.name, difference),
                          "change the schema in rowgate.yaml, or load with --mode replace"});
  }
  if (equal > 0)
    findings.push_back({"tables", State::Ok, fmt::format("{} equal to the schema", counted(equal, "table"))});
  if (missing > 0)
    findings.push_back({"tables", State::Ok,
                        fmt::format("{} not made yet: the first load does", counted(missing, "table"))});
}

void check_damage(const app::Opened& at, Findings& findings) {
  const Result<std::vector<app::Damage>> damage = app::find_damage(*at.database);
  if (!damage) {
    findings.push_back(problem("ledger", damage.error()));
    return;
  }
  for (const app::Damage& one : *damage) findings.push_back({"ledger", State::Warning, one.what, one.fix});
  if (damage->empty() && at.database->exists())
    findings.push_back({"ledger", State::Ok, "agrees with the tables"});
}

void check_runs(const config::Config& config, Findings& findings) {
  std::size_t running = 0, left_over = 0;
  for (const load::InFlight& run : load::in_flight(config.spool_path))
    ++(run.owner_alive ? running : left_over);
  if (left_over > 0)
    findings.push_back({"runs", State::Warning,
                        fmt::format("{} cut off before the end", counted(left_over, "run")),
                        "nothing needs to be done: the next load settles it"});
  if (running > 0)
    findings.push_back({"runs", State::Ok, fmt::format("{} in progress", counted(running, "run"))});
  if (running + left_over == 0) findings.push_back({"runs", State::Ok, "none in progress, none left over"});
}

void check_tls(const config::Config& config, Findings& findings) {
  if (std::string words = config::key_file_warning(config.service); !words.empty())
    findings.push_back({"tls", State::Warning, std::move(words), "chmod 600 the file, and make a new key"});
}

Findings all_checks(const Common& common) {
  Findings findings;
  std::optional<config::LoadedConfig> loaded = check_config(common, findings);
  if (!loaded) return findings;
  const app::Opened at = app::open_loaded(*std::move(loaded));
  check_tls(at.config(), findings);
  check_database(at, findings);
  check_storage(at, findings);
  check_spool(at.config(), findings);
  check_disk(at.config(), findings);
  check_tables(at, findings);
  check_damage(at, findings);
  check_runs(at.config(), findings);
  return findings;
}

std::string as_json(const Findings& findings, bool healthy) {
  constexpr std::string_view kNames[] = {"ok", "warning", "error"};
  std::string out = fmt::format("{{\"ok\": {}, \"checks\": [", healthy);
  for (const Finding& finding : findings)
    out += fmt::format(R"({}{{"name": {}, "status": "{}", "message": {}, "fix": {}}})",
                       out.back() == '[' ? "\n" : ",\n", json_text(finding.name),
                       kNames[static_cast<std::size_t>(finding.state)], json_text(finding.message),
                       json_text_or_null(finding.fix));
  return out + "\n]}\n";
}

std::string as_text(const Terminal& terminal, const Findings& findings) {
  const std::string_view marks[] = {terminal.mark_ok(), terminal.mark_warn(), terminal.mark_error()};
  const std::size_t mark_width = terminal.utf8 ? 1 : terminal.mark_error().size();
  std::string out;
  for (const Finding& finding : findings) {
    const std::string_view mark = marks[static_cast<std::size_t>(finding.state)];
    out += fmt::format("  {}{:{}} {:<10}{}\n", mark, "", mark_width - display_width(mark), finding.name,
                       finding.message);
    if (!finding.fix.empty()) out += fmt::format("{:{}}fix: {}\n", "", mark_width + 13, finding.fix);
  }
  return out;
}

std::string summary(std::ptrdiff_t problems, std::ptrdiff_t warnings) {
  if (problems + warnings == 0) return "no problems";
  return fmt::format("{}, {}", counted(static_cast<std::uint64_t>(problems), "problem"),
                     counted(static_cast<std::uint64_t>(warnings), "warning"));
}

}  // namespace

int command_doctor(const Common& common) {
  const Terminal& terminal = common.terminal;
  const Findings findings = all_checks(common);
  const auto problems = std::ranges::count(findings, State::Problem, &Finding::state);
  const auto warnings = std::ranges::count(findings, State::Warning, &Finding::state);
  if (terminal.json) {
    terminal.out(as_json(findings, problems == 0));
  } else {
    terminal.out(as_text(terminal, findings));
    terminal.out(fmt::format("  {}\n", summary(problems, warnings)));
  }
  return problems > 0 ? 1 : 0;
}

}  // namespace rowgate::cli

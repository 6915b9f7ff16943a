#include "api/core/lookups.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::api {
namespace {

const std::string& parameter(const Call& call, std::string_view name) {
  return call.params.find(name)->second;
}

std::string hint_of(std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest(name, known);
  return near.empty() ? std::string() : fmt::format("did you mean {}?", near);
}

/// The ledger, staging tables and the database's own are no tables of the API.
bool is_own(std::string_view name) {
  const std::string lower = lower_ascii(name);
  return lower.starts_with("rowgate_") || lower.starts_with("__rg_") || lower.starts_with("sqlite_");
}

/// Whether some engine can have a table of this name; of others none need be asked. The MySQL family's names
/// have no characters beyond U+FFFF, and it does not compare them with such.
bool may_be_stored(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  const bool has_other = std::ranges::any_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F || byte >= 0xF0;
  });
  return !name.empty() && !has_other && valid_utf8_prefix(name) == name.size() &&
         count_code_points(name) <= kLongest;
}

}  // namespace

Result<NamedTable> resolve_table(const Call& call, const db::TableName& wanted, db::Rows rows) {
  const std::string folded = lower_ascii(wanted.name);
  NamedTable found;
  found.name = wanted;
  found.config = call.service.catalog.find(wanted.name);
  if (found.config != nullptr) found.name = found.config->name;
  if (is_own(wanted.name) || !may_be_stored(wanted.name)) return found;

  TRY_ASSIGN(found.state, call.service.database.table(found.name, rows));
  const bool is_stored_so = found.state && found.state->table.name == wanted.name;
  if (found.state && !is_stored_so) {
    found.state.reset();
    found.is_other_case = found.config == nullptr;
  }
  if (found.config == nullptr && !is_stored_so)
    found.is_other_case =
        found.is_other_case ||
        std::ranges::any_of(call.service.catalog.tables, [&](const load::TableConfig& each) {
          return lower_ascii(each.name.name) == folded;
        });
  return found;
}

Result<std::vector<FoundTable>> visible_tables(const Call& call, db::Rows rows) {
  std::vector<FoundTable> all;
  for (const load::TableConfig& config : call.service.catalog.tables)
    if (call.may_see_table(config.name.name)) all.push_back({.name = config.name, .config = &config});
  TRY_ASSIGN(std::vector<db::TableState> states, call.service.database.tables(rows));
  std::ranges::sort(states, {}, [](const db::TableState& state) { return state.table.name; });
  for (db::TableState& state : states) {
    if (!call.may_see_table(state.table.name)) continue;
    auto found =
        std::ranges::find(all, state.table.name, [](const FoundTable& each) { return each.name.name; });
    if (found == all.end()) found = all.insert(all.end(), FoundTable{.name = state.table});
    found->state = std::move(state);
  }
  return all;
}

Result<FoundTable> find_table(const Call& call, db::Rows rows) {
  const std::string& name = parameter(call, "table");
  if (call.may_see_table(name)) {
    TRY_ASSIGN(NamedTable found, resolve_table(call, {{}, name}, rows));
    if (found.is_known()) return FoundTable(std::move(found));
  }
  std::vector<std::string> known;
  TRY_ASSIGN(const std::vector<FoundTable> tables, visible_tables(call, db::Rows::NotCounted));
  for (const FoundTable& table : tables) known.push_back(table.name.name);
  return fail(Code::TableUnknown, fmt::format("there is no table \"{}\"", shown(name)), hint_of(name, known));
}

Result<std::optional<table::TableSchema>> schema_of(const FoundTable& table) {
  if (table.config != nullptr) return table.config->schema;
  if (!table.state || !table.state->schema_json) return std::nullopt;
  TRY_ASSIGN(table::TableSchema schema, table::schema_from_json(*table.state->schema_json, table.name.name));
  return schema;
}

Result<runs::RunView> find_run(const Call& call) {
  const std::string& id = parameter(call, "run");
  if (is_id(id, "run_")) {
    Result<runs::RunView> found = call.service.queue.find(id);
    if (found && found->run.id == id && may_see(call, found->run)) return found;
    if (!found && found.error().code != Code::RunUnknown) return found;
  }
  return fail(Code::RunUnknown, fmt::format("there is no run \"{}\"", shown(id)), "list them at /v1/runs");
}

bool may_see(const Call& call, const db::RunRecord& run) {
  if (run.kind != "report") return call.may_see_table(run.table);
  // Which report it was does not stand in a run, but who asked for it does.
  const bool is_own = !run.principal.empty() && run.principal == call.request.principal;
  return is_own || call.may_see_report("");
}

Result<const report::Definition*> find_report(const Call& call) {
  const std::string& name = parameter(call, "report");
  std::vector<std::string> known;
  for (const report::Definition& report : call.service.reports) {
    if (!call.may_see_report(report.name)) continue;
    if (report.name == name) return &report;
    known.push_back(report.name);
  }
  return fail(Code::ReportUnknown, fmt::format("there is no report \"{}\"", shown(name)),
              hint_of(name, known));
}

Result<bool> read_yes_or_no(const http::Request& request, std::string_view name) {
  const std::string_view value = request.parameter(name).value_or("false");
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return fail(Code::RequestInvalid, fmt::format("{} is neither true nor false", name),
              fmt::format("{}=true", name));
}

bool is_id(std::string_view id, std::string_view prefix) {
  constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return id.size() == prefix.size() + 26 && id.starts_with(prefix) &&
         id.find_first_not_of(kCrockford, prefix.size()) == std::string_view::npos;
}

Result<Lane::Place> place_for_long_work(const Call& call) {
  std::optional<Lane::Place> place = Lane::enter(call.service.long_work);
  if (place) return *std::move(place);
  return fail(Code::ReportQueueFull, "as many reports and exports are being made as the server makes at once",
              "send the request again in a while");
}

}  // namespace rowgate::api

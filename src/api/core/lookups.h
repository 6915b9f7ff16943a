#pragma once

// What the names in a path stand for. What a key may not see is not found, in the same words as what is not
// there.

#include "api/core/call.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// A table that is configured, or stands in the database, or both.
struct FoundTable {
  db::TableName name;
  const load::TableConfig* config = nullptr;
  std::optional<db::TableState> state = {};
};
/// What a table's name means: the one place that decides it for /v1 and for the original API.
struct NamedTable : FoundTable {
  /// The configuration or the database has the name with other letters in upper case, and not exactly so.
  /// Some engines take the two for one table and others do not, so such a name means no table on any of them.
  bool is_other_case = false;
  /// Whether the name means a table that is there, or that is configured.
  bool is_known() const { return !is_other_case && (config != nullptr || state.has_value()); }
};
/// `wanted.space` counts only where the configuration does not name the table's namespace. Fails with
/// database.*.
Result<NamedTable> resolve_table(const Call& call, const db::TableName& wanted,
                                 db::Rows rows = db::Rows::NotCounted);

/// All tables that the call's key may see: the configured ones in their order, then the others by name.
Result<std::vector<FoundTable>> visible_tables(const Call& call, db::Rows rows);
/// The table of the path; its rows are counted where asked. Fails with table.unknown.
Result<FoundTable> find_table(const Call& call, db::Rows rows = db::Rows::NotCounted);
/// The schema that the table is judged by: as configured, else as kept in the database; nullopt: neither.
Result<std::optional<table::TableSchema>> schema_of(const FoundTable& table);

/// The run of the path. Fails with run.unknown, also for another form of its id.
Result<runs::RunView> find_run(const Call& call);
/// Whether the key may see the run's table, or the report that it ran.
bool may_see(const Call& call, const db::RunRecord& run);

/// The report of the path. Fails with report.unknown.
Result<const report::Definition*> find_report(const Call& call);

/// A parameter that is true or false; absent: false. Fails with request.invalid.
Result<bool> read_yes_or_no(const http::Request& request, std::string_view name);
/// Of a table, a report: whether cells that a spreadsheet would execute are to begin with '.
inline constexpr std::string_view kEscapeFormulas = "escape_formulas";

/// Whether `id` is the prefix and 26 characters of Crockford's base 32.
bool is_id(std::string_view id, std::string_view prefix);

/// A place for a report or an export. Fails with report.queue_full where as many are being made as may be.
Result<Lane::Place> place_for_long_work(const Call& call);

}  // namespace rowgate::api

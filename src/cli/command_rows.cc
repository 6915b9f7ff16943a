#include "base/text.h"
#include "cli/command_support.h"
#include "cli/row_output.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

struct Found {
  db::TableState state;
  std::optional<table::TableSchema> schema = {};
};

Result<std::optional<Found>> find_table(const app::Opened& at, const std::string& name) {
  const load::TableConfig* config = at.config().find_table(name);
  TRY_ASSIGN(
      std::optional<db::TableState> state,
      at.database->table(config != nullptr ? config->name : db::TableName{{}, name}, db::Rows::Counted));
  if (!state) {
    if (config != nullptr) return std::nullopt;
    std::vector<std::string> known;
    for (const load::TableConfig& table : at.config().tables()) known.push_back(table.name.name);
    TRY_ASSIGN(const std::vector<db::TableState> states, at.database->tables(db::Rows::NotCounted));
    for (const db::TableState& other : states) known.push_back(other.table.name);
    return std::unexpected(unknown_table(name, known));
  }
  Found found{*std::move(state)};
  if (config != nullptr) {
    found.schema = config->schema;
  } else if (found.state.schema_json) {
    TRY_ASSIGN(found.schema, table::schema_from_json(*found.state.schema_json, name));
  }
  return found;
}

}  // namespace

int command_rows(const Common& common, const RowsArguments& arguments) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const auto writer = row_writer(arguments.format, terminal, to_stdout(terminal), arguments.escape_formulas);
  if (!writer) return report_error(terminal, writer.error());
  const Result<std::optional<Found>> found = find_table(*at, arguments.table);
  if (!found) return report_error(terminal, found.error());
  const bool as_text = arguments.format == "text" && !terminal.json;
  if (!*found) {
    if (terminal.json || arguments.format == "json") terminal.out("[]\n");
    terminal.say(fmt::format("{} is not in the database yet: the first load makes it", arguments.table));
    return 0;
  }
  const table::TableSchema* schema = (*found)->schema ? &*(*found)->schema : nullptr;
  const bool as_csv = arguments.format == "csv" && !terminal.json;
  const auto done =
      report::table_rows(*at->database, (*found)->state.table, schema, arguments.limit, as_csv, **writer);
  if (!done) return report_error(terminal, done.error());
  if (const auto flushed = flush_stdout(); !flushed) return report_error(terminal, flushed.error());
  const std::uint64_t total = (*found)->state.rows;
  if (as_text && done->rows < total)
    terminal.say(fmt::format("{} of {}; more with --limit N", grouped(done->rows), counted(total, "row")));
  return 0;
}

}  // namespace rowgate::cli

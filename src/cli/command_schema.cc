#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/infer_file.h"
#include "load/load_options.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

/// A table's schema and how it is made in the database.
struct Known {
  db::TableName name;
  table::TableSchema schema;
  bool enforce_keys = false, database_checks = false;
};

Result<Known> known_table(const app::Opened& at, const std::string& name) {
  if (const load::TableConfig* config = at.config().find_table(name); config != nullptr)
    return Known{config->name, config->schema, config->enforce_keys, config->database_checks};
  TRY_ASSIGN(const std::optional<db::TableState> state, at.database->table(db::TableName{{}, name}));
  if (state && state->schema_json) {
    TRY_ASSIGN(table::TableSchema schema, table::schema_from_json(*state->schema_json, name));
    return Known{state->table, std::move(schema)};
  }
  if (state)
    return fail(Code::TableUnknown,
                fmt::format("{} was not made by rowgate, so there is no schema of it", shown(name)),
                "describe it under `tables:` in rowgate.yaml");
  std::vector<std::string> names;
  for (const load::TableConfig& table : at.config().tables()) names.push_back(table.name.name);
  TRY_ASSIGN(const std::vector<db::TableState> states, at.database->tables(db::Rows::NotCounted));
  for (const db::TableState& other : states) names.push_back(other.table.name);
  return std::unexpected(unknown_table(name, names));
}

Error unknown_form(const std::string& as, std::string_view forms) {
  return Error{Code::RequestInvalid, fmt::format("a schema cannot be shown as \"{}\"", shown(as)),
               fmt::format("--as takes {}", forms)};
}

std::string ended(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

Result<std::string> schema_text(const app::Opened& at, const std::string& name, const std::string& as) {
  if (as != "yaml" && as != "json" && as != "sql")
    return std::unexpected(unknown_form(as, "yaml, json or sql"));
  TRY_ASSIGN(const Known known, known_table(at, name));
  if (as == "json") return ended(table::to_json(known.schema));
  if (as == "yaml") return ended(table::to_yaml(known.schema, 0));
  return at.database->dialect().create_table(known.name, known.schema, known.enforce_keys,
                                             known.database_checks);
}

std::string inferred_json(const std::vector<InferredTable>& tables) {
  if (tables.size() == 1) return ended(table::to_json(tables.front().outcome.schema));
  std::string out = "{\n";
  for (const InferredTable& table : tables)
    out += fmt::format("{}{}: {}", out.size() == 2 ? "" : ",\n", json_text(table.table),
                       table::to_json(table.outcome.schema));
  return out + "\n}\n";
}

std::string inferred_yaml(const std::vector<InferredTable>& tables) {
  std::string out = "tables:\n";
  for (const InferredTable& table : tables) out += ended(table_yaml(table));
  return out;
}

Result<std::vector<InferredTable>> infer_all(const std::vector<std::string>& files,
                                             const std::optional<std::string>& delimiter) {
  csv::DialectOptions dialect;
  if (delimiter) {
    TRY_ASSIGN(dialect.delimiter, load::read_delimiter(*delimiter));
  }
  return infer_files(files, dialect);
}

}  // namespace

int command_schema_show(const Common& common, const std::string& table, const std::string& as) {
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  const Result<std::string> text =
      schema_text(*at, table, common.terminal.json && as == "yaml" ? "json" : as);
  if (!text) return report_error(common.terminal, text.error());
  common.terminal.out(*text);
  return 0;
}

int command_schema_infer(const Common& common, const std::vector<std::string>& files, const std::string& as,
                         const std::optional<std::string>& delimiter) {
  const Terminal& terminal = common.terminal;
  if (as != "yaml" && as != "json") return report_error(terminal, unknown_form(as, "yaml or json"));
  const Result<std::vector<InferredTable>> tables = infer_all(files, delimiter);
  if (!tables) return report_error(terminal, tables.error());
  terminal.out(as == "json" || terminal.json ? inferred_json(*tables) : inferred_yaml(*tables));
  for (const InferredTable& table : *tables)
    for (const std::string& note : table.outcome.notes)
      terminal.say(fmt::format("note: {}: {}", shown(table.file), note));
  return 0;
}

}  // namespace rowgate::cli

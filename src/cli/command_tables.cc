#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/terminal/text_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::cli {
namespace {

/// A table that is configured, or stands in the database, or both.
struct Listed {
  std::string name;
  std::string space = {};
  const load::TableConfig* config = nullptr;
  std::optional<db::TableState> state = {};
  std::optional<db::RunRecord> last_run = {};

  std::string title() const { return config != nullptr ? config->title : std::string(); }
};

Result<std::vector<Listed>> listed(const app::Opened& at) {
  std::vector<Listed> all;
  for (const load::TableConfig& table : at.config().tables())
    all.push_back({table.name.name, table.name.space, &table});
  TRY_ASSIGN(std::vector<db::TableState> states, at.database->tables(db::Rows::Counted));
  for (db::TableState& state : states) {
    auto found = std::ranges::find(all, state.table.name, &Listed::name);
    if (found == all.end()) found = all.insert(all.end(), Listed{state.table.name, state.table.space});
    found->state = std::move(state);
  }
  return all;
}

Result<void> add_last_run(const app::Opened& at, Listed& table) {
  TRY_ASSIGN(std::vector<db::RunRecord> runs,
             at.database->ledger().runs(db::TableName{table.space, table.name}, 1));
  if (!runs.empty()) table.last_run = std::move(runs.front());
  return {};
}

std::string as_json(const Listed& table) {
  return fmt::format(
      R"({{"name": {}, "title": {}, "configured": {}, "exists": {}, "rows": {}, "version": {}, "last_run": {}}})",
      json_text(table.name), json_text_or_null(table.title()), table.config != nullptr,
      table.state.has_value(), table.state ? table.state->rows : 0, table.state ? table.state->version : 0,
      table.last_run ? db::to_json(*table.last_run) : "null");
}

std::string last_run_text(const Listed& table) {
  if (!table.last_run) return "-";
  return fmt::format("{} {}", moment(table.last_run->created_at), db::name(table.last_run->status));
}

int list_tables(const Terminal& terminal, const std::vector<Listed>& tables) {
  if (terminal.json) {
    std::string out = "{\"items\": [";
    for (const Listed& table : tables) out += (out.back() == '[' ? "\n" : ",\n") + as_json(table);
    terminal.out(out + "\n]}\n");
    return 0;
  }
  if (tables.empty()) {
    terminal.say("no tables yet: load a file with rowgate load FILE.csv");
    return 0;
  }
  TextTable text{{"table", "title", "rows", "version", "last run"}, {}, {false, false, true, true, false}};
  for (const Listed& table : tables)
    text.rows.push_back({table.name, table.title(), table.state ? grouped(table.state->rows) : "-",
                         table.state ? std::to_string(table.state->version) : "-", last_run_text(table)});
  terminal.out(to_text(text, out_width(terminal)));
  return 0;
}

/// The schema that the table is judged by: the configured one, else the one kept in the database.
Result<std::optional<table::TableSchema>> schema_of(const Listed& table) {
  if (table.config != nullptr) return table.config->schema;
  if (!table.state || !table.state->schema_json) return std::nullopt;
  TRY_ASSIGN(table::TableSchema schema, table::schema_from_json(*table.state->schema_json, table.name));
  return schema;
}

std::string field_names(const table::TableSchema& schema, const std::vector<std::size_t>& fields) {
  std::string out;
  for (const std::size_t field : fields) out += (out.empty() ? "" : ", ") + schema.fields[field].name;
  return out;
}

/// What else is asked of a field: its keys and its rules in a few words.
std::string rules_text(const table::TableSchema& schema, std::size_t index) {
  const table::Constraints& rules = schema.fields[index].constraints;
  std::vector<std::string> words;
  if (std::ranges::count(schema.primary_key, index) > 0) words.emplace_back("primary key");
  if (schema.is_required(index)) words.emplace_back("required");
  for (const std::vector<std::size_t>& key : schema.unique_keys)
    if (std::ranges::count(key, index) > 0)
      words.push_back(key.size() == 1 ? "unique" : fmt::format("unique ({})", field_names(schema, key)));
  if (rules.minimum) words.push_back(fmt::format("minimum {}", *rules.minimum));
  if (rules.exclusive_minimum) words.push_back(fmt::format("above {}", *rules.exclusive_minimum));
  if (rules.maximum) words.push_back(fmt::format("maximum {}", *rules.maximum));
  if (rules.exclusive_maximum) words.push_back(fmt::format("below {}", *rules.exclusive_maximum));
  if (rules.min_length) words.push_back(fmt::format("minLength {}", *rules.min_length));
  if (rules.max_length) words.push_back(fmt::format("maxLength {}", *rules.max_length));
  if (rules.pattern) words.push_back(fmt::format("pattern {}", *rules.pattern));
  if (!rules.enum_values.empty())
    words.push_back(fmt::format("one of {}", fmt::join(rules.enum_values, " | ")));
  for (const table::ForeignKey& key : schema.foreign_keys)
    if (std::ranges::count(key.fields, index) > 0)
      words.push_back(fmt::format("in {}.{}", key.table, fmt::join(key.parent_fields, ",")));
  return fmt::format("{}", fmt::join(words, "; "));
}

void print_fields(const Terminal& terminal, const table::TableSchema& schema) {
  TextTable text{{"field", "type", "rules", "title"}, {}, {false, false, false, false}};
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    text.rows.push_back({schema.fields[i].name, std::string(table::name(schema.fields[i].type)),
                         rules_text(schema, i), schema.fields[i].title});
  terminal.out("\n" + to_text(text, out_width(terminal)));
}

int show_table(const app::Opened& at, const Terminal& terminal, const Listed& table) {
  const Result<std::optional<table::TableSchema>> schema = schema_of(table);
  if (!schema) return report_error(terminal, schema.error());
  std::vector<std::string> differences;
  if (table.config != nullptr && table.state) {
    const Result<std::vector<std::string>> found = at.database->differences(app::target_of(*table.config));
    if (!found) return report_error(terminal, found.error());
    differences = *found;
  }
  if (terminal.json) {
    std::string out = as_json(table);
    out.pop_back();
    out += ", \"differences\": [";
    for (const std::string& difference : differences)
      out += (out.back() == '[' ? "" : ", ") + json_text(difference);
    terminal.out(fmt::format("{}], \"schema\": {}}}\n", out, *schema ? table::to_json(**schema) : "null"));
    return 0;
  }
  terminal.out(fmt::format("{}{}{}\n", table.name, table.title().empty() ? "" : ": ", table.title()));
  if (table.state)
    terminal.out(fmt::format("  {}, version {}\n", counted(table.state->rows, "row"), table.state->version));
  else
    terminal.out("  not in the database yet: the first load makes it\n");
  if (table.last_run)
    terminal.out(fmt::format("  last run {}  {}\n", table.last_run->id, last_run_text(table)));
  if (*schema) print_fields(terminal, **schema);
  for (const std::string& difference : differences)
    terminal.warn(fmt::format("{} differs from its schema: {}", terminal.mark_warn(), difference));
  return 0;
}

}  // namespace

int command_tables(const Common& common, const std::optional<std::string>& table) {
  const Terminal& terminal = common.terminal;
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  Result<std::vector<Listed>> tables = listed(*at);
  if (!tables) return report_error(terminal, tables.error());
  for (Listed& one : *tables) {
    if (table && one.name != *table) continue;
    if (const Result<void> added = add_last_run(*at, one); !added)
      return report_error(terminal, added.error());
  }
  if (!table) return list_tables(terminal, *tables);
  const auto found = std::ranges::find(*tables, *table, &Listed::name);
  if (found != tables->end()) return show_table(*at, terminal, *found);
  std::vector<std::string> known;
  for (const Listed& one : *tables) known.push_back(one.name);
  return report_error(terminal, unknown_table(*table, known));
}

}  // namespace rowgate::cli

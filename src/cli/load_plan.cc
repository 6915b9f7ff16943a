#include "cli/load_plan.h"

#include "base/text.h"
#include "cli/infer_file.h"
#include "io/files.h"
#include "load/load_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rowgate::cli {
namespace {

Result<std::string> on_reject_of(const LoadArguments& arguments) {
  if (!arguments.on_reject) return std::string(arguments.strict ? "abort" : "skip");
  if (*arguments.on_reject == "skip" && arguments.strict)
    return fail(Code::RequestInvalid, "--strict and --on-reject skip contradict each other");
  return *arguments.on_reject;
}

/// The arguments that hold for all files.
Result<load::LoadOptions> options_of(const app::Opened& at, const LoadArguments& arguments) {
  load::LoadOptions options{.mode = arguments.mode.value_or("append"),
                            .max_rejects = arguments.max_rejects,
                            .delimiter = arguments.delimiter,
                            .encoding = arguments.encoding,
                            .map = arguments.map};
  TRY_ASSIGN(options.on_reject, on_reject_of(arguments));
  TRY(load::check(options));
  if (arguments.parent) {
    TRY_ASSIGN(const db::RunRecord parent, find_run(at, *arguments.parent));
    options.parent = parent.id;
  }
  return options;
}

Result<std::shared_ptr<io::SourceFile>> open_input(const app::Opened& at, const std::string& file) {
  if (file != "-") return io::open_file(file, file);
  const std::unique_ptr<io::Source> input = io::standard_input();
  return io::spool(*input, at.config().spool_path, "-");
}

/// The file's name without its endings, as it would be configured: "hired_employees" of
/// ./hired_employees.csv.gz.
Result<std::string> table_of_file(const config::Config& config, const std::string& file) {
  if (file == "-")
    return fail(Code::RequestInvalid, "standard input does not tell its table", "add --table NAME");
  std::string stem = std::filesystem::path(file).filename().string();
  for (const std::string_view ending : {".gz", ".zst", ".csv", ".tsv", ".txt"})
    if (stem.size() > ending.size() && stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  return config.find_table(stem) != nullptr ? stem : table_name_of(file);
}

/// A table that nobody has described is made only where no configuration says which tables there are;
/// elsewhere its name is most likely a slip.
Result<void> check_known(const app::Opened& at, const std::string& table, bool was_given) {
  if (at.config().file.empty() || at.config().find_table(table) != nullptr) return {};
  TRY_ASSIGN(const std::vector<db::TableState> states, at.database->tables(db::Rows::NotCounted));
  std::vector<std::string> known;
  for (const load::TableConfig& config : at.config().tables()) known.push_back(config.name.name);
  for (const db::TableState& state : states) {
    if (state.table.name == table && state.schema_json) return {};
    known.push_back(state.table.name);
  }
  Error error = unknown_table(table, known);
  if (!was_given) {
    const std::string near = nearest(table, known);
    error.hint = near.empty()
                     ? "name the table with --table, or describe it under `tables:` in the configuration"
                     : fmt::format("name the table: --table {}", near);
  }
  return std::unexpected(std::move(error));
}

/// SQLite takes `People` and `people` for one table, so a table has the name that it was made with. A
/// database that cannot be asked is told by the load.
std::string name_in_database(const app::Opened& at, const std::string& table) {
  if (at.config().find_table(table) != nullptr) return table;
  const Result<std::optional<db::TableState>> state = at.database->table({{}, table});
  return state && *state ? (*state)->table.name : table;
}

Result<load::LoadRequest> plan_file(const app::Opened& at, const LoadArguments& arguments,
                                    const load::LoadOptions& options, const std::string& file) {
  std::string table;
  if (arguments.table) {
    table = *arguments.table;
  } else {
    TRY_ASSIGN(table, table_of_file(at.config(), file));
  }
  TRY(check_known(at, table, arguments.table.has_value()));
  TRY_ASSIGN(std::shared_ptr<io::SourceFile> input, open_input(at, file));
  const load::TableConfig* config = at.config().find_table(table);
  const db::TableName name =
      config != nullptr ? config->name : db::TableName{{}, name_in_database(at, table)};
  return load::make_request(at.config().catalog, name, options, std::move(input));
}

/// Parents before their children; the order of the arguments among files of one table and tables without
/// keys.
void sort_parents_first(const config::Config& config, std::vector<load::LoadRequest>& requests) {
  std::vector<const load::TableConfig*> tables;
  for (const load::LoadRequest& request : requests) {
    const load::TableConfig* table = config.find_table(request.table.name);
    if (table != nullptr && std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
  }
  const std::vector<std::size_t> order = config::parents_first(tables);
  const auto rank = [&](const load::LoadRequest& request) {
    for (std::size_t i = 0; i < order.size(); ++i)
      if (tables[order[i]]->name == request.table) return i;
    return order.size();
  };
  std::vector<load::LoadRequest> sorted;
  for (std::size_t wanted = 0; wanted <= order.size(); ++wanted)
    for (load::LoadRequest& request : requests)
      if (request.file && rank(request) == wanted) sorted.push_back(std::exchange(request, {}));
  requests = std::move(sorted);
}

}  // namespace

std::expected<std::vector<load::LoadRequest>, std::vector<Error>> plan_loads(const app::Opened& at,
                                                                             const LoadArguments& arguments) {
  const Result<load::LoadOptions> options = options_of(at, arguments);
  if (!options) return std::unexpected(std::vector{options.error()});
  if (std::ranges::count(arguments.files, "-") > 1)
    return std::unexpected(std::vector{Error{Code::RequestInvalid, "standard input can be read only once"}});
  std::vector<load::LoadRequest> requests;
  std::vector<Error> errors;
  for (const std::string& file : arguments.files) {
    Result<load::LoadRequest> request = plan_file(at, arguments, *options, file);
    if (request) {
      requests.push_back(*std::move(request));
      continue;
    }
    if (request.error().file.empty() && request.error().code != Code::RequestInvalid)
      request.error().file = file;
    errors.push_back(std::move(request).error());
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  sort_parents_first(at.config(), requests);
  return requests;
}

}  // namespace rowgate::cli

#include "app/load_plan.h"

#include "app/infer_file.h"
#include "base/text.h"
#include "io/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rowgate::app {
namespace {

/// The arguments that hold for all files.
struct Options {
  db::Mode mode = db::Mode::Append;
  bool abort_on_reject = false;
  std::optional<RejectLimit> max_rejects = {};
  std::optional<char> delimiter = {};
  table::NameMap map = {};
  std::string parent = {};
};

Result<db::Mode> read_mode(std::string_view word) {
  for (const db::Mode mode : {db::Mode::Append, db::Mode::Replace, db::Mode::Upsert})
    if (db::name(mode) == word) return mode;
  return fail(Code::RequestInvalid, fmt::format("there is no mode \"{}\"", shown(word)),
              "the modes are append, replace and upsert");
}

Result<bool> read_on_reject(const LoadArguments& arguments) {
  if (!arguments.on_reject) return arguments.strict;
  if (*arguments.on_reject == "abort") return true;
  if (*arguments.on_reject != "skip")
    return fail(Code::RequestInvalid,
                fmt::format("\"{}\" cannot be done on a reject", shown(*arguments.on_reject)),
                "--on-reject takes skip or abort");
  if (arguments.strict)
    return fail(Code::RequestInvalid, "--strict and --on-reject skip contradict each other");
  return false;
}

Result<Options> read_options(const Opened& at, const LoadArguments& arguments) {
  Options options;
  if (arguments.mode) {
    TRY_ASSIGN(options.mode, read_mode(*arguments.mode));
  }
  TRY_ASSIGN(options.abort_on_reject, read_on_reject(arguments));
  if (arguments.max_rejects) {
    Result<RejectLimit> limit = parse_reject_limit(*arguments.max_rejects);
    if (!limit) return fail(Code::RequestInvalid, limit.error().message, limit.error().hint);
    options.max_rejects = *limit;
  }
  if (arguments.delimiter) {
    TRY_ASSIGN(options.delimiter, read_delimiter(*arguments.delimiter));
  }
  if (arguments.map) {
    TRY_ASSIGN(options.map, read_name_map(*arguments.map));
  }
  if (arguments.parent) {
    TRY_ASSIGN(const db::RunRecord parent, find_run(at, *arguments.parent));
    options.parent = parent.id;
  }
  return options;
}

Result<std::shared_ptr<io::SourceFile>> open_input(const Opened& at, const std::string& file) {
  std::shared_ptr<io::SourceFile> stored;
  if (file == "-") {
    const std::unique_ptr<io::Source> input = io::standard_input();
    TRY_ASSIGN(stored, io::spool(*input, at.config().spool_path, "-"));
  } else {
    TRY_ASSIGN(stored, io::open_file(file, file));
  }
  return io::decompressed(std::move(stored));
}

/// The file's name without its endings, as it would be configured: "hired_employees" of
/// ./hired_employees.csv.gz.
Result<std::string> table_of_file(const Config& config, const std::string& file) {
  if (file == "-")
    return fail(Code::RequestInvalid, "standard input does not tell its table", "add --table NAME");
  std::string stem = std::filesystem::path(file).filename().string();
  for (const std::string_view ending : {".gz", ".zst", ".csv", ".tsv", ".txt"})
    if (stem.size() > ending.size() && stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  return config.find_table(stem) != nullptr ? stem : table_name_of(file);
}

/// A table that nobody has described is made only where no configuration says which tables there are;
/// elsewhere its name is most likely a slip.
Result<void> check_known(const Opened& at, const std::string& table, bool was_given) {
  if (at.config().file.empty() || at.config().find_table(table) != nullptr) return {};
  TRY_ASSIGN(const std::vector<db::TableState> states, at.database->tables());
  std::vector<std::string> known;
  for (const TableConfig& config : at.config().tables()) known.push_back(config.name.name);
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

csv::DialectOptions default_dialect(const load::LoadLimits& limits) {
  csv::DialectOptions dialect;
  dialect.max_columns = static_cast<std::uint32_t>(limits.max_columns);
  dialect.max_field_bytes = static_cast<std::uint32_t>(limits.max_field_bytes);
  dialect.max_record_bytes = static_cast<std::uint32_t>(limits.max_record_bytes);
  return dialect;
}

load::LoadRequest make_request(const Config& config, const Options& options, const std::string& table) {
  load::LoadRequest request{.table = {{}, table},
                            .dialect = default_dialect(config.catalog.limits),
                            .map = options.map,
                            .mode = options.mode,
                            .abort_on_reject = options.abort_on_reject,
                            .max_rejects = config.catalog.limits.max_rejects,
                            .parent = options.parent};
  if (const TableConfig* known = config.find_table(table); known != nullptr) {
    request.table = known->name;
    request.schema = &known->schema;
    request.dialect = known->dialect;
    request.enforce_keys = known->enforce_keys;
    request.database_checks = known->database_checks;
    if (known->max_rejects) request.max_rejects = *known->max_rejects;
  }
  if (options.max_rejects) request.max_rejects = *options.max_rejects;
  if (options.delimiter) request.dialect.delimiter = options.delimiter;
  return request;
}

Result<load::LoadRequest> plan_file(const Opened& at, const LoadArguments& arguments, const Options& options,
                                    const std::string& file) {
  std::string table;
  if (arguments.table) {
    table = *arguments.table;
  } else {
    TRY_ASSIGN(table, table_of_file(at.config(), file));
  }
  TRY(check_known(at, table, arguments.table.has_value()));
  load::LoadRequest request = make_request(at.config(), options, table);
  TRY_ASSIGN(request.file, open_input(at, file));
  return request;
}

/// Parents before their children; the order of the arguments among files of one table and tables without
/// keys.
void sort_parents_first(const Config& config, std::vector<load::LoadRequest>& requests) {
  std::vector<const TableConfig*> tables;
  for (const load::LoadRequest& request : requests) {
    const TableConfig* table = config.find_table(request.table.name);
    if (table != nullptr && std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
  }
  const std::vector<std::size_t> order = parents_first(tables);
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

std::expected<std::vector<load::LoadRequest>, std::vector<Error>> plan_loads(const Opened& at,
                                                                             const LoadArguments& arguments) {
  const Result<Options> options = read_options(at, arguments);
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

Result<table::NameMap> read_name_map(std::string_view text) {
  table::NameMap map;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t colon = pair.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size())
      return fail(Code::RequestInvalid,
                  fmt::format("\"{}\" does not say which column is which field", shown(pair)),
                  "write --map COLUMN:FIELD,COLUMN:FIELD");
    map.emplace_back(trim_spaces(pair.substr(0, colon)), trim_spaces(pair.substr(colon + 1)));
    if (end == text.size()) return map;
    text.remove_prefix(end + 1);
  }
}

}  // namespace rowgate::app

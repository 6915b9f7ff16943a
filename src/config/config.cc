#include "config/config.h"

#include "base/text.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "io/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace rowgate::config {
namespace {

constexpr std::size_t kLargestFile = 16 << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The first configuration file there is; empty when there is none. A file that was named must exist.
Result<std::filesystem::path> find_file(const std::optional<std::filesystem::path>& given) {
  std::error_code ignored;
  const auto named = [&](const std::filesystem::path& path,
                         std::string_view by) -> Result<std::filesystem::path> {
    if (std::filesystem::is_regular_file(path, ignored)) return path;
    return fail(
        Code::ConfigInvalid,
        fmt::format("the configuration '{}' named by {} does not exist", shown(path.string(), 400), by),
        "make one with: rowgate init");
  };
  if (given) return named(*given, "--config");
  if (const std::string path = environment("ROWGATE_CONFIG"); !path.empty())
    return named(path, "ROWGATE_CONFIG");
  std::string user = environment("XDG_CONFIG_HOME");
  if (user.empty() && !environment("HOME").empty()) user = environment("HOME") + "/.config";
  std::vector<std::filesystem::path> places = {"rowgate.yaml"};
  if (!user.empty()) places.push_back(std::filesystem::path(user) / "rowgate" / "rowgate.yaml");
  places.push_back("/etc/rowgate/rowgate.yaml");
  for (const std::filesystem::path& place : places)
    if (std::filesystem::is_regular_file(place, ignored)) return place;
  return std::filesystem::path();
}

Result<Node> read_file(const std::filesystem::path& path) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file, io::open_file(path, path.string()));
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, file->open(0));
  TRY_ASSIGN(const std::string text, io::read_all(*source, kLargestFile));
  return read_yaml(path, text);
}

/// The environment variable that a message such as "limits.max_rejects: ..." is about.
std::string variable_of(const Document& document, std::string_view message) {
  for (const auto& [path, variable] : document.from_environment)
    if (message.starts_with(path + ":")) return variable;
  return "environment";
}

std::expected<LoadedConfig, std::vector<Error>> finish(Document document, std::vector<Error> problems,
                                                       const std::function<void(Config&)>& change = {}) {
  expand_variables(document.root, problems);
  apply_environment(document, problems);
  LoadedConfig loaded{.config = read_config(document, problems)};
  if (change) change(loaded.config);
  for (Error& problem : problems) {
    if (problem.file.empty()) problem.file = document.file.string();
    if (problem.at && problem.at->line == 0) {  // set by the environment
      problem.at.reset();
      problem.file = variable_of(document, problem.message);
    }
    if (problem.file == document.file.string() && !problem.at) problem.at = Position{1, 1};
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  loaded.settings = settings_of(loaded.config, document);
  loaded.passed_over = std::move(document.passed_over);
  return loaded;
}

}  // namespace

const report::Definition* Config::find_report(std::string_view name) const {
  const auto found = std::ranges::find(reports, name, &report::Definition::name);
  return found == reports.end() ? nullptr : &*found;
}

std::expected<LoadedConfig, std::vector<Error>> load_config(
    const std::optional<std::filesystem::path>& given) {
  Result<std::filesystem::path> path = find_file(given);
  if (!path) return std::unexpected(std::vector{path.error()});
  Document document{.root = {.kind = Node::Kind::Map}};
  if (!path->empty()) {
    Result<Node> root = read_file(*path);
    if (!root) return std::unexpected(std::vector{root.error()});
    document.file = *path;
    if (path->has_parent_path()) document.folder = path->parent_path();
    document.root = *std::move(root);
  }
  return finish(std::move(document), {});
}

std::expected<LoadedConfig, std::vector<Error>> adhoc_config(std::string_view to) {
  const bool is_sqlite = to.starts_with("sqlite:") && to.size() > 7;
  if (!is_sqlite && !to.starts_with("mysql:") && !to.starts_with("postgresql:") &&
      !to.starts_with("postgres:"))
    return std::unexpected(
        std::vector{Error{Code::RequestInvalid,
                          fmt::format("--to '{}' is no database", shown(to)),
                          "for example --to sqlite:people.db or --to postgresql://loader@127.0.0.1/hr",
                          std::nullopt,
                          {}}});
  const auto place = [&](Config& config) {
    const std::string name = is_sqlite       ? std::string(to.substr(7))
                             : config.server ? config.server->address.database
                                             : std::string();
    if (is_sqlite) config.database_path = name;
    config.storage_path = config.spool_path = std::filesystem::path(name).string() + ".rowgate";
    config.s3.reset();
    config.service.offers_sources = false;
    config.direct_links = false;
  };
  Document document{.root = {.kind = Node::Kind::Map}};
  document.to = to;
  auto loaded = finish(std::move(document), {}, place);
  if (!loaded) return loaded;
  for (Setting& setting : loaded->settings)
    if (setting.path == "database.url" || setting.path.starts_with("storage.")) setting.origin = "--to";
  return loaded;
}

std::vector<std::size_t> parents_first(const std::vector<const TableConfig*>& tables) {
  std::vector<std::size_t> order;
  std::vector<bool> done(tables.size()), on_the_way(tables.size());
  const std::function<void(std::size_t)> add = [&](std::size_t index) {
    if (done[index] || on_the_way[index]) return;  // tables that refer to each other stay in the given order
    on_the_way[index] = true;
    for (const table::ForeignKey& key : tables[index]->schema.foreign_keys)
      for (std::size_t other = 0; other < tables.size(); ++other)
        if (tables[other]->name.name == key.table) add(other);
    done[index] = true;
    order.push_back(index);
  };
  for (std::size_t i = 0; i < tables.size(); ++i) add(i);
  return order;
}

}  // namespace rowgate::config

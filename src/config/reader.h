#pragma once

#include "config/config.h"
#include "table/node_reader.h"

#include <map>

namespace rowgate::config {

/// A configuration document and where its values come from.
struct Document {
  Node root;                           ///< a map
  std::filesystem::path file = {};     ///< empty: none
  std::filesystem::path folder = ".";  ///< relative paths begin here
  std::map<std::string, std::string> from_environment =
      {};                                     ///< path of a setting -> the variable that sets it
  std::vector<std::string> passed_over = {};  ///< variables that Kubernetes sets, not the user
  std::string to = {};                        ///< --to, which counts more than database.url
};

/// Replaces `${NAME}` in every value of the document but those of tables.*.schema by the environment's NAME,
/// and `$${` by `${`. A variable that is not set is a problem.
void expand_variables(Node& node, std::vector<Error>& problems);
/// Puts the values of ROWGATE_... variables (path with `__` between its parts) into the document.
void apply_environment(Document& document, std::vector<Error>& problems);

/// What stands for a setting of the storage that is not there: AWS's own variables.
inline constexpr const char* kRegionVariables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
inline constexpr const char* kEndpointVariables[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"};
inline constexpr const char* kSecretEndpointVariables[] = {"AWS_ENDPOINT_URL_SECRETS_MANAGER",
                                                           "AWS_ENDPOINT_URL"};
inline constexpr const char* kAuthorityVariables[] = {"AWS_CA_BUNDLE"};
/// The first of these that is set and not empty: its name, its value; or "".
std::string first_set(std::span<const char* const> variables);
std::string value_of_first(std::span<const char* const> variables);
/// "https://host:port" with nothing behind it; "eu-west-1".
bool is_endpoint(std::string_view url);
bool is_region(std::string_view name);

/// Reads the document's settings; what is wrong is added to `problems`, with its place.
Config read_config(const Document& document, std::vector<Error>& problems);
/// The sections storage and links.
void read_storage(const Document& document, Config& config, std::vector<Error>& problems);
/// The sections server, auth, compat and observability, and what of limits binds the server alone.
void read_service(const Document& document, Config& config, std::vector<Error>& problems);
/// The section database. Relative paths in `url` itself begin at the document's folder.
void read_database(const Document& document, const table::Place& at, Config& config,
                   std::vector<Error>& problems);
/// What the tables ask for and the database cannot do.
void check_for_database(const Config& config, const table::Place& tables, std::vector<Error>& problems);
/// One table of `tables:`.
TableConfig read_table(const table::Place& at, std::string_view name, const load::LoadLimits& limits,
                       std::vector<Error>& problems);
/// One report of `reports:`.
report::Definition read_report(const table::Place& at, std::string_view name, const Limits& limits,
                               std::vector<Error>& problems);
/// What ties tables together: foreign keys must name tables and keys that exist.
void check_foreign_keys(const Config& config, const Node& tables, std::vector<Error>& problems);

/// All settings with value and origin.
std::vector<Setting> settings_of(const Config& config, const Document& document);

}  // namespace rowgate::config

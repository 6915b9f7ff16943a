#pragma once

#include "api/core/settings.h"
#include "aws/secret.h"
#include "base/error.h"
#include "base/node.h"
#include "base/units.h"
#include "db/server_address.h"
#include "load/table_config.h"
#include "report/report.h"
#include "store/s3_store.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::config {

using load::TableConfig;

/// Limits of what is no load; those of loads stand in the catalog.
struct Limits {
  std::chrono::milliseconds report_timeout{60'000};
  std::uint64_t report_max_rows = 5'000'000;
};

/// What AWS Lambda carries.
struct LambdaLimits {
  std::uint64_t max_body_bytes = 4'500'000;    ///< of a request; base64 and the envelope come on top
  std::uint64_t max_answer_bytes = 6'291'556;  ///< of the whole JSON text of an answer
};

/// How long files are kept in the storage.
struct Keep {
  std::chrono::milliseconds reports = std::chrono::days(7), rejects = std::chrono::days(30),
                            sources = std::chrono::days(7);
};

/// Everything that is configured, defaults filled in, relative paths made relative to the file's folder.
struct Config {
  std::filesystem::path file = {};                 ///< empty when none was found or needed
  std::string database_url = {}, reader_url = {};  ///< never with a password
  std::filesystem::path database_path;             ///< of database.url sqlite:...; else empty
  std::optional<db::ServerOptions> server = {};    ///< of any other database.url
  /// database.password and reader_password: { secret: ... }.
  std::optional<aws::SecretSettings> secret = {}, reader_secret = {};
  std::filesystem::path storage_path;        ///< of storage.url file:...
  std::optional<store::S3Settings> s3 = {};  ///< of storage.url s3:...
  std::filesystem::path spool_path;
  bool direct_links = false;                              ///< links.mode: direct
  std::optional<std::filesystem::path> link_keys = {};    ///< links.keys.file
  std::vector<store::LinkSigner::Key> link_secrets = {};  ///< links.keys as a list
  Keep keep = {};
  api::Settings service = {};
  Limits limits = {};
  LambdaLimits lambda = {};
  load::Catalog catalog = {};  ///< the tables, and the limits of loads
  std::vector<report::Definition> reports = {};
  const std::vector<TableConfig>& tables() const { return catalog.tables; }
  const TableConfig* find_table(std::string_view name) const { return catalog.find(name); }
  const report::Definition* find_report(std::string_view name) const;
  /// storage.url for people: a folder, or s3://bucket/prefix.
  std::string storage_text() const;
};

/// One setting, where it came from: "default", "rowgate.yaml:12", "ROWGATE_DATABASE__URL", "--to".
struct Setting {
  std::string path, value, origin;
};

struct LoadedConfig {
  Config config;
  /// ROWGATE_... variables that Kubernetes sets for a Service of this name; they are no settings.
  std::vector<std::string> passed_over = {};
  std::vector<Setting> settings =
      {};  ///< every key with its value and origin, in the order of the documentation
};

/// Finds, reads and checks the configuration by product's precedence: `given` (--config), ROWGATE_CONFIG,
/// ./rowgate.yaml, $XDG_CONFIG_HOME/rowgate/rowgate.yaml, /etc/rowgate/rowgate.yaml; ROWGATE_... variables
/// override single values. All problems are collected (config.invalid each, with file and place), not only
/// the first.
std::expected<LoadedConfig, std::vector<Error>> load_config(
    const std::optional<std::filesystem::path>& given);

/// The configuration for `--to sqlite:FILE` or the address of a server: no tables, rejects and run state in
/// FILE.rowgate/ or, for a server, in ./DATABASE.rowgate/. Limits and a server's password come from the
/// environment.
std::expected<LoadedConfig, std::vector<Error>> adhoc_config(std::string_view to);

/// "127.0.0.1:8080" or "[::1]:8080"; port 0 = any free one. Fails with request.invalid.
Result<http::Listener> read_listener(std::string_view text);

/// Table indexes in the order of their foreign keys: parents first; file order among equals.
std::vector<std::size_t> parents_first(const std::vector<const TableConfig*>& tables);

}  // namespace rowgate::config

#include "config/reader.h"
#include "config/values.h"
#include "io/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace rowgate::config {
namespace {

using table::kAllTypes;
using table::Place;
using table::Property;
using table::Type;

constexpr Property kDatabase[] = {{"url", kAllTypes},
                                  {"password", kAllTypes},
                                  {"reader_url", kAllTypes},
                                  {"reader_password", kAllTypes},
                                  {"cleartext_password", kAllTypes},
                                  {"pool", kAllTypes},
                                  {"answer_timeout", kAllTypes},
                                  {"load_timeout", kAllTypes}};
constexpr Property kPassword[] = {{"env", kAllTypes}, {"file", kAllTypes}, {"credential", kAllTypes}};
constexpr Property kSecret[] = {{"secret", kAllTypes}, {"key", kAllTypes}, {"region", kAllTypes}};
constexpr std::size_t kLongestPassword = 4096;
/// MySQL's; MariaDB takes 38.
constexpr int kMostDecimals = 30;
/// What a key of texts may have in all: InnoDB takes 3072 bytes, a character up to four.
constexpr std::uint64_t kLongestKey = 768;
constexpr std::uint64_t kLongestKeyText = 191;

bool is_server(std::string_view url) {
  return url.starts_with("mysql:") || url.starts_with("postgresql:") || url.starts_with("postgres:");
}

class DatabaseReader : private ValueReader {
 public:
  DatabaseReader(const Document& document, Config& config, std::vector<Error>& problems)
      : ValueReader(problems), document_(document), config_(config) {}

  void read(const Place& at) {
    std::string url = "sqlite:./data/rowgate.db";
    if (at) {
      check_members(at, kDatabase, std::nullopt);
      take_text(at, "url", url);
    }
    if (!document_.to.empty()) url = document_.to;
    config_.database_url = url;
    const bool has_place = at && document_.to.empty() && at.member("url");
    const Place place =
        has_place ? at.member("url") : Place{&document_.root, document_.to.empty() ? "database.url" : "--to"};
    if (url.starts_with("sqlite:") && url.size() > 7) {
      config_.database_path = (document_.folder / url.substr(7)).lexically_normal();
      config_.database_url = "sqlite:" + config_.database_path.string();
      return refuse_server_settings(at);
    }
    if (!is_server(url))
      return problem(place, fmt::format("`{}` is no database", shown(url)),
                     "for example sqlite:./data/rowgate.db, mysql://loader@db.example.org/hr or "
                     "postgresql://loader@db.example.org/hr");
    std::optional<db::ServerAddress> address = read_address(place, url);
    if (!address) return;
    config_.secret = read_password(at, "password", *address);
    config_.server = db::ServerOptions{.address = *std::move(address)};
    if (!at) return;
    take_count(at, "pool", 1, 64, config_.server->pool);
    take_patience(at, "answer_timeout", config_.server->silence);
    take_patience(at, "load_timeout", config_.server->load_silence);
    read_reader(at);
    read_cleartext_password(at);
  }

 private:
  void refuse_server_settings(const Place& at) {
    if (!at) return;
    for (const std::string_view key : {"password", "reader_url", "reader_password", "cleartext_password",
                                       "pool", "answer_timeout", "load_timeout"})
      if (const Place place = present(at, key)) problem(place, "SQLite has no such setting", "take it out");
  }

  void take_patience(const Place& at, std::string_view key, std::chrono::milliseconds& into) {
    take_time(at, key, std::chrono::hours(24 * 7), into);
    if (into < std::chrono::seconds(1)) problem(at.member(key), "must be at least 1 s");
  }

  std::optional<db::ServerAddress> read_address(const Place& place, const std::string& url) {
    Result<db::ServerAddress> address = db::read_server_address(url);
    if (!address) {
      problem(place, address.error().message, address.error().hint);
      return std::nullopt;
    }
    if (!address->ca.empty()) address->ca = (document_.folder / address->ca).lexically_normal().string();
    return *std::move(address);
  }

  void read_cleartext_password(const Place& at) {
    if (!present(at, "cleartext_password")) return;
    std::string word;
    take_text(at, "cleartext_password", word);
    if (word != "verified" && word != "always")
      return problem(at.member("cleartext_password"),
                     fmt::format("`{}` is neither verified nor always", shown(word)));
    const auto policy = word == "always" ? db::CleartextPassword::Always : db::CleartextPassword::Verified;
    config_.server->address.cleartext_password = policy;
    if (config_.server->reader) config_.server->reader->cleartext_password = policy;
  }

  void read_reader(const Place& at) {
    if (!present(at, "reader_url")) return;
    std::string url;
    take_text(at, "reader_url", url);
    const Place place = at.member("reader_url");
    if (!is_server(url)) return problem(place, fmt::format("`{}` is no database server", shown(url)));
    std::optional<db::ServerAddress> address = read_address(place, url);
    if (!address) return;
    if (address->kind != config_.server->address.kind)
      return problem(place, "the reader is a database of another kind than database.url");
    config_.reader_url = url;
    config_.reader_secret =
        read_password(at, present(at, "reader_password") ? "reader_password" : "password", *address);
    config_.server->reader = *std::move(address);
  }

  /// Into the address what is known now; a secret is read when it is needed.
  std::optional<aws::SecretSettings> read_password(const Place& at, std::string_view key,
                                                   db::ServerAddress& into) {
    const Place place = at ? present(at, key) : Place{};
    if (!place) return std::nullopt;
    if (place.node->kind == Node::Kind::Map && place.node->find("secret") != nullptr)
      return read_secret(place);
    read_local_password(place, into);
    return std::nullopt;
  }

  void read_local_password(const Place& place, db::ServerAddress& into) {
    if (place.node->kind != Node::Kind::Map || place.node->members.size() != 1)
      return problem(place,
                     "expected { env: NAME }, { file: PATH }, { credential: NAME } or { secret: NAME, key: "
                     "password }",
                     "the password itself does not belong into the configuration");
    check_members(place, kPassword, std::nullopt);
    const std::string& way = place.node->members[0].first;
    std::string name;
    take_text(place, way, name);
    if (way == "env") return take_environment(place, name, into);
    std::filesystem::path path = document_.folder / name;
    if (way == "credential") {  // systemd: LoadCredential=NAME:...
      const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
      if (folder == nullptr)
        return problem(place, "there are no credentials: CREDENTIALS_DIRECTORY is not set",
                       "systemd sets it for a service with LoadCredential");
      path = std::filesystem::path(folder) / name;
    }
    take_file(place, path, into);
  }

  std::optional<aws::SecretSettings> read_secret(const Place& place) {
    check_members(place, kSecret, std::nullopt);
    aws::SecretSettings secret{.endpoint = value_of_first(kSecretEndpointVariables)};
    take_text(place, "secret", secret.name);
    if (present(place, "key")) take_text(place, "key", secret.key);
    if (secret.name.empty() || secret.key.empty())
      problem(place, "the secret or its key has no name",
              "for example { secret: hr/database, key: password }");
    while (secret.endpoint.ends_with('/')) secret.endpoint.pop_back();
    if (!secret.endpoint.empty() && !is_endpoint(secret.endpoint))
      problem(place,
              fmt::format("{} is no address of a server: `{}`", first_set(kSecretEndpointVariables),
                          shown(secret.endpoint)),
              "for example http://127.0.0.1:4566");
    read_region(place, secret);
    if (const std::string authorities = value_of_first(kAuthorityVariables); !authorities.empty())
      secret.authorities = authorities;
    return secret;
  }

  /// An ARN has the region in it: arn:aws:secretsmanager:eu-west-1:111122223333:secret:hr/database-a1b2c3
  void read_region(const Place& place, aws::SecretSettings& secret) {
    std::string region = value_of_first(kRegionVariables);
    if (secret.name.starts_with("arn:")) {
      std::size_t begin = 0;
      for (int colon = 0; colon < 3 && begin != std::string::npos; ++colon)
        begin = secret.name.find(':', begin == 0 ? 0 : begin + 1);
      if (begin != std::string::npos)
        region = secret.name.substr(begin + 1, secret.name.find(':', begin + 1) - begin - 1);
    }
    if (present(place, "region")) take_text(place, "region", region);
    if (region.empty() && !secret.endpoint.empty()) region = "us-east-1";  // as for a storage of one's own
    if (region.empty())
      problem(place, "the region of the secret is not known", "add region: to it, or set AWS_REGION");
    else if (!is_region(region))
      problem(place, fmt::format("`{}` is no region", shown(region)), "for example eu-west-1");
    secret.region = region;
  }

  void take_environment(const Place& place, const std::string& name, db::ServerAddress& into) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return problem(place, fmt::format("the variable {} is not set", shown(name)));
    into.password = value;
  }

  void take_file(const Place& place, const std::filesystem::path& path, db::ServerAddress& into) {
    const auto read = [&]() -> Result<std::string> {
      TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file, io::open_file(path, path.string()));
      TRY_ASSIGN(const std::unique_ptr<io::Source> source, file->open(0));
      return io::read_all(*source, kLongestPassword);
    };
    Result<std::string> text = read();
    if (!text) return problem(place, fmt::format("the password cannot be read: {}", text.error().message));
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    into.password = *std::move(text);
  }

  const Document& document_;
  Config& config_;
};

/// What the database of a table cannot do though a schema may ask for it.
class TableCheck : private ValueReader {
 public:
  TableCheck(const Config& config, std::vector<Error>& problems) : ValueReader(problems), config_(config) {}

  void check(const TableConfig& table, const Place& at) {
    if (!table.name.space.empty() && !config_.server)
      problem(at.member("namespace"), "SQLite has one namespace only", "take it out");
    for (const table::ForeignKey& key : table.schema.foreign_keys) {
      const TableConfig* parent = config_.find_table(key.table);
      if (parent != nullptr && parent->name.space != table.name.space)
        problem(at, fmt::format("the foreign key refers to `{}`, which has another namespace", key.table),
                "give both tables the same namespace");
    }
    if (config_.server && config_.server->address.kind == db::ServerKind::MySql) check_for_mysql(table, at);
  }

 private:
  void check_for_mysql(const TableConfig& table, const Place& at) {
    const table::TableSchema& schema = table.schema;
    const Place own_schema = at.member("schema");
    const Place fields = own_schema ? own_schema.member("fields") : Place{};
    const auto place = [&](std::size_t field) {
      return fields && field < fields.node->items.size() ? fields.item(field) : at;
    };
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
      const table::Field& field = schema.fields[i];
      if (field.accept_nonfinite)
        problem(place(i), fmt::format("`{}` accepts INF, which the MySQL family cannot keep", field.name),
                "drop rowgate:nonfinite");
      if (field.decimal && field.decimal->scale > kMostDecimals)
        problem(place(i), fmt::format("`{}` has {} digits after the point; the MySQL family keeps {}",
                                      field.name, field.decimal->scale, kMostDecimals));
    }
    for (const std::vector<std::size_t>& key : schema.keys()) {
      std::uint64_t together = 0;
      for (const std::size_t i : key) {
        const table::Field& field = schema.fields[i];
        if (field.type != Type::String || field.format == "uuid") continue;
        const std::uint64_t longest = field.constraints.max_length.value_or(0);
        if (longest == 0 || longest > kLongestKeyText)
          problem(place(i),
                  fmt::format("`{}` is part of a key, which needs maxLength on the MySQL family", field.name),
                  fmt::format("add a constraint maxLength of at most {}", kLongestKeyText));
        together += longest;
      }
      if (together > kLongestKey)
        problem(at, fmt::format("a key of {} characters is too long for the MySQL family", together),
                fmt::format("at most {} together", kLongestKey));
    }
  }

  const Config& config_;
};

}  // namespace

void read_database(const Document& document, const Place& at, Config& config, std::vector<Error>& problems) {
  DatabaseReader(document, config, problems).read(at);
}

void check_for_database(const Config& config, const Place& tables, std::vector<Error>& problems) {
  for (const TableConfig& table : config.tables())
    TableCheck(config, problems).check(table, tables.member(table.name.name));
}

}  // namespace rowgate::config

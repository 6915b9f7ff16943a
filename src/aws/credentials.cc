#include "aws/credentials.h"

#include "aws/profile_file.h"
#include "base/node.h"
#include "base/text.h"
#include "io/files.h"
#include "net/retry.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <ctime>
#include <mutex>

namespace rowgate::aws {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kInstanceHost = "http://169.254.169.254";
constexpr std::size_t kLargestFile = 1 << 20;
/// New ones are there at least five minutes before the old ones end.
constexpr std::chrono::minutes kRenewBefore{10};
constexpr std::chrono::seconds kAfterFailure{30};

/// "2026-03-01T12:00:00Z", with or without a fraction.
std::optional<Timestamp> time_from(std::string_view text) {
  if (text.size() < 20 || !text.ends_with('Z')) return std::nullopt;
  return from_rfc3339(fmt::format("{}.000Z", text.substr(0, 19)));
}

/// What one place has: nothing, credentials, or an error that ends the search.
using Found = Result<std::optional<Credentials>>;

class DefaultCredentials : public CredentialSource {
 public:
  DefaultCredentials(std::shared_ptr<net::HttpClient> client, std::shared_ptr<const Clock> clock,
                     CredentialSettings settings)
      : client_(std::move(client)), clock_(std::move(clock)), settings_(std::move(settings)) {}

  Result<Credentials> current() override {
    const std::scoped_lock lock(mutex_);
    const Timestamp now = clock_->now();
    if (kept_ && !ends_within(*kept_, now, kRenewBefore)) return *kept_;
    if (kept_ && now < try_again_ && !ends_within(*kept_, now, {})) return *kept_;
    Result<Credentials> found = look_up();
    if (found) {
      kept_ = *found;
      // A place that gives the old ones once more is not asked for every request.
      try_again_ = {now.micros + std::chrono::microseconds(kAfterFailure).count()};
      return found;
    }
    if (!kept_ || ends_within(*kept_, now, {})) return found;
    try_again_ = {now.micros + std::chrono::microseconds(kAfterFailure).count()};
    return *kept_;
  }

  void forget() override {
    const std::scoped_lock lock(mutex_);
    kept_.reset();
  }

 private:
  static bool ends_within(const Credentials& credentials, Timestamp now, std::chrono::microseconds time) {
    return credentials.expires && credentials.expires->micros <= now.micros + time.count();
  }

  std::string variable(const char* name) const {
    if (settings_.environment) return settings_.environment(name).value_or("");
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  std::unexpected<Error> denied(std::string message, std::string hint) const {
    return fail(settings_.denied, std::move(message), std::move(hint));
  }

  Result<Credentials> look_up() {
    for (const auto place : {&DefaultCredentials::from_environment, &DefaultCredentials::from_files,
                             &DefaultCredentials::from_container, &DefaultCredentials::from_instance}) {
      TRY_ASSIGN(std::optional<Credentials> found, (this->*place)());
      if (found) return *std::move(found);
    }
    return denied(
        "there are no AWS credentials: neither in the environment, nor in a profile, nor from a "
        "container or instance",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run it with a role");
  }

  Found from_environment() {
    Credentials found{variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
                      variable("AWS_SESSION_TOKEN"), time_from(variable("AWS_CREDENTIAL_EXPIRATION")),
                      "the environment"};
    if (found.access_key.empty() && found.secret_key.empty()) return std::nullopt;
    if (found.access_key.empty() || found.secret_key.empty())
      return denied("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", "set both, or none");
    return found;
  }

  // --- profiles

  fs::path shared_file(const char* by, std::string_view name) const {
    if (const std::string given = variable(by); !given.empty()) return given;
    const std::string home = variable("HOME");
    return home.empty() ? fs::path() : fs::path(home) / ".aws" / name;
  }

  Result<ProfileFile> read_profiles(const fs::path& path) const {
    std::error_code ignored;
    if (path.empty() || !fs::is_regular_file(path, ignored)) return ProfileFile{};
    TRY_ASSIGN(const std::string text, read_text(path));
    return parse_profile_file(text);
  }

  Result<std::string> read_text(const fs::path& path) const {
    const auto read = [&]() -> Result<std::string> {
      TRY_ASSIGN(const auto file, io::open_file(path, path.string()));
      TRY_ASSIGN(const auto source, file->open(0));
      return io::read_all(*source, kLargestFile);
    };
    Result<std::string> text = read();
    if (!text) return denied(text.error().message, text.error().hint);
    return text;
  }

  Found from_files() {
    std::string profile = settings_.profile.empty() ? variable("AWS_PROFILE") : settings_.profile;
    const bool is_asked_for = !profile.empty();
    if (!is_asked_for) profile = "default";
    const fs::path credentials = shared_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    const fs::path config = shared_file("AWS_CONFIG_FILE", "config");
    const std::string section = profile == "default" ? profile : "profile " + profile;
    bool is_there = false;
    for (const auto& [path, name] : {std::pair(credentials, profile), std::pair(config, section)}) {
      TRY_ASSIGN(const ProfileFile file, read_profiles(path));
      const auto settings = file.find(name);
      if (settings == file.end()) continue;
      is_there = true;
      if (std::optional<Credentials> found = from_profile(settings->second)) {
        found->source = fmt::format("profile {} of {}", shown(profile), path.string());
        return found;
      }
    }
    if (!is_asked_for) return std::nullopt;
    if (!is_there)
      return denied(fmt::format("there is no AWS profile '{}'", shown(profile)),
                    "look into ~/.aws/credentials");
    return denied(fmt::format("the AWS profile '{}' has no keys of its own", shown(profile)),
                  "roles, sign-in and programs of a profile are not used: give it aws_access_key_id and "
                  "aws_secret_access_key");
  }

  static std::optional<Credentials> from_profile(const std::map<std::string, std::string>& settings) {
    const auto value = [&](const char* name) {
      const auto found = settings.find(name);
      return found == settings.end() ? std::string() : found->second;
    };
    Credentials found{value("aws_access_key_id"), value("aws_secret_access_key"), value("aws_session_token"),
                      time_from(value("aws_expiration"))};
    if (found.access_key.empty() || found.secret_key.empty()) return std::nullopt;
    return found;
  }

  // --- servers

  Found from_container() {
    const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string url = relative.empty() ? variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                                             : std::string(kContainerHost) + relative;
    if (url.empty()) return std::nullopt;
    if (!may_be_asked(url))
      return denied("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this host",
                    "credentials must not cross a network in the clear");
    net::HttpRequest request = local_request(url);
    TRY_ASSIGN(const std::string token, container_token());
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    TRY_ASSIGN(const std::string body, ask("the container's credentials", request));
    return from_json(body, "the container's endpoint");
  }

  /// The file is read each time: its token changes.
  Result<std::string> container_token() {
    if (const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      TRY_ASSIGN(const std::string text, read_text(file));
      return std::string(trim_spaces(std::string_view(text).substr(0, text.find_last_not_of("\r\n") + 1)));
    }
    return variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  }

  /// In the clear only to this host and the addresses that containers are given for it.
  static bool may_be_asked(std::string_view url) {
    if (url.starts_with("https://")) return true;
    if (!url.starts_with("http://")) return false;
    std::string_view host = url.substr(7, url.find('/', 7) - 7);
    if (host.find('@') != std::string_view::npos) return false;
    if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
      host = host.substr(0, colon);
    return host == "localhost" || host == "[::1]" || host == "169.254.170.2" || host == "169.254.170.23" ||
           host == "[fd00:ec2::23]" || is_loopback(host);
  }

  static bool is_loopback(std::string_view host) {
    return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
  }

  Found from_instance() {
    if (lower_ascii(variable("AWS_EC2_METADATA_DISABLED")) == "true") return std::nullopt;
    std::string host = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const bool is_asked_for = !host.empty();
    if (!is_asked_for) host = kInstanceHost;
    while (host.ends_with('/')) host.pop_back();
    net::HttpRequest request = local_request(host + "/latest/api/token");
    request.method = "PUT";
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
    Result<std::string> token = ask("the instance's metadata", request);
    if (!token && !is_asked_for && !kept_) return std::nullopt;  // most machines are no instances
    if (!token) return std::unexpected(token.error());
    const std::string path = host + "/latest/meta-data/iam/security-credentials/";
    TRY_ASSIGN(std::string role, ask_instance(path, *token));
    role = role.substr(0, role.find_first_of("\r\n"));
    TRY_ASSIGN(const std::string body, ask_instance(path + role, *token));
    return from_json(body, fmt::format("role {} of the instance", shown(role)));
  }

  Result<std::string> ask_instance(const std::string& url, const std::string& token) {
    net::HttpRequest request = local_request(url);
    request.headers = {{"X-aws-ec2-metadata-token", token}};
    return ask("the instance's metadata", request);
  }

  static net::HttpRequest local_request(std::string url) {
    net::HttpRequest request{.url = std::move(url), .past_proxies = true};
    request.connect_timeout = std::chrono::seconds(1);
    request.whole_timeout = std::chrono::seconds(5);
    request.most_bytes = 64 * 1024;
    return request;
  }

  Result<std::string> ask(std::string_view what, const net::HttpRequest& request) {
    const net::Retries retries{.tries = 3};
    net::Backoff backoff(retries);
    std::string why;
    do {
      const auto answer = client_->send(request);
      if (answer && answer->status == 200) return answer->body;
      why = answer ? fmt::format("it answers {}", answer->status) : answer.error().message;
      if (answer && answer->status < 500 && answer->status != 429)
        return denied(fmt::format("{} cannot be had: {}", what, why), "look at the role of this machine");
    } while (backoff.wait());
    return fail(settings_.unreachable, fmt::format("{} cannot be had: {}", what, why), "try again later");
  }

  /// Not a byte of the text is shown: it holds a secret.
  Found from_json(const std::string& body, std::string source) const {
    const Result<Node> root = node_from_json(body);
    const auto member = [&](std::string_view name) {
      const Node* node = root ? root->find(name) : nullptr;
      return node == nullptr || node->kind != Node::Kind::Scalar ? std::string() : node->scalar;
    };
    Credentials found{member("AccessKeyId"), member("SecretAccessKey"), member("Token"),
                      time_from(member("Expiration")), std::move(source)};
    if (found.access_key.empty() || found.secret_key.empty())
      return denied(fmt::format("{} gives no keys", found.source), "look at the role of this machine");
    return found;
  }

  const std::shared_ptr<net::HttpClient> client_;
  const std::shared_ptr<const Clock> clock_;
  const CredentialSettings settings_;
  std::mutex mutex_;
  std::optional<Credentials> kept_;  ///< guarded by mutex_
  Timestamp try_again_ = {};         ///< guarded by mutex_
};

class FixedCredentials : public CredentialSource {
 public:
  explicit FixedCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  Result<Credentials> current() override { return credentials_; }
  void forget() override {}

 private:
  const Credentials credentials_;
};

}  // namespace

std::unique_ptr<CredentialSource> default_credentials(std::shared_ptr<net::HttpClient> client,
                                                      std::shared_ptr<const Clock> clock,
                                                      CredentialSettings settings) {
  return std::make_unique<DefaultCredentials>(std::move(client), std::move(clock), std::move(settings));
}

std::unique_ptr<CredentialSource> fixed_credentials(Credentials credentials) {
  return std::make_unique<FixedCredentials>(std::move(credentials));
}

}  // namespace rowgate::aws

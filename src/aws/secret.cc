#include "aws/secret.h"

#include "aws/sigv4.h"
#include "base/json.h"
#include "base/node.h"
#include "base/text.h"
#include "io/digest.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::aws {
namespace {

constexpr std::string_view kService = "secretsmanager";
constexpr std::chrono::minutes kKept{5};
/// A login that goes on failing does not ask at every try.
constexpr std::chrono::seconds kJustNow{1};
constexpr std::size_t kLongestAnswer = 256 * 1024;  // a secret has at most 64 KiB

/// The credentials were good once: they are looked up anew.
constexpr std::string_view kStale[] = {"ExpiredTokenException", "ExpiredToken", "RequestExpired"};
constexpr std::string_view kBadKeys[] = {"UnrecognizedClientException", "InvalidClientTokenId",
                                         "InvalidSignatureException",   "SignatureDoesNotMatch",
                                         "IncompleteSignature",         "MissingAuthenticationToken"};
constexpr std::string_view kLater[] = {"ThrottlingException", "Throttling", "InternalServiceError",
                                       "InternalServiceErrorException", "ServiceUnavailable"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_within(Timestamp then, Timestamp now, std::chrono::microseconds time) {
  return now.micros - then.micros < time.count();
}

SecretSettings whole(SecretSettings settings) {
  if (!settings.clock) settings.clock = std::make_shared<SystemClock>();
  if (!settings.http) settings.http = net::curl_client(settings.authorities);
  if (!settings.credentials)
    settings.credentials =
        default_credentials(settings.http, settings.clock,
                            {.denied = Code::DatabaseSecret, .unreachable = Code::DatabaseUnreachable});
  if (settings.endpoint.empty())
    settings.endpoint = fmt::format("https://secretsmanager.{}.amazonaws.com{}", settings.region,
                                    settings.region.starts_with("cn-") ? ".cn" : "");
  return settings;
}

std::string text_of(const Node& object, std::string_view name) {
  const Node* found = object.find(name);
  return found != nullptr && found->kind == Node::Kind::Scalar ? found->scalar : "";
}

}  // namespace

/// One try.
struct Secret::Attempt {
  Result<std::string> value;
  bool may_pass = false;
};

std::string SecretSettings::described() const {
  return fmt::format("the secret {} in {}", shown(name), region);
}

Secret::Secret(SecretSettings settings) : settings_(whole(std::move(settings))) {}

Result<std::string> Secret::value() {
  const std::scoped_lock lock(mutex_);
  if (kept_ && is_within(read_at_, settings_.clock->now(), kKept)) return *kept_;
  Result<std::string> now = read();
  if (now || !kept_) return now;
  return *kept_;
}

Result<std::string> Secret::value_after(std::string_view refused) {
  const std::scoped_lock lock(mutex_);
  const Timestamp now = settings_.clock->now();
  if (kept_ && (*kept_ != refused || is_within(read_again_at_, now, kJustNow))) return *kept_;
  read_again_at_ = now;
  return read();
}

/// With the lock held: whoever wants it meanwhile waits for this answer.
Result<std::string> Secret::read() {
  net::Backoff backoff(settings_.retries);
  for (;;) {
    Attempt tried = attempt();
    if (tried.value || !tried.may_pass || !backoff.wait()) {
      read_at_ = settings_.clock->now();
      if (tried.value) kept_ = *tried.value;
      return std::move(tried.value);
    }
  }
}

Secret::Attempt Secret::attempt() {
  Result<Credentials> credentials = settings_.credentials->current();
  if (!credentials) return {std::unexpected(std::move(credentials).error())};
  std::string body = "{\"SecretId\":";
  append_json_string(body, settings_.name);
  body += '}';
  SignableRequest signable{.method = "POST", .payload_sha256 = io::sha256_hex(body)};
  signable.headers = {{"Host", settings_.endpoint.substr(settings_.endpoint.find("://") + 3)},
                      {"Content-Type", "application/x-amz-json-1.1"},
                      {"X-Amz-Target", "secretsmanager.GetSecretValue"}};
  net::HttpRequest request{.method = "POST",
                           .url = settings_.endpoint + "/",
                           .headers = signable.headers,
                           .body = body,
                           .whole_timeout = std::chrono::seconds(10),
                           .most_bytes = kLongestAnswer};
  for (auto& field : signing_headers(signable, *credentials, {settings_.region, std::string(kService)},
                                     settings_.clock->now()))
    request.headers.push_back(std::move(field));
  const auto response = settings_.http->send(request);
  if (response) return judge(*response);
  const bool may_pass = response.error().may_pass;
  return {fail(may_pass ? Code::DatabaseUnreachable : Code::DatabaseSecret,
               fmt::format("{} cannot be read: {}", settings_.described(), response.error().message),
               may_pass ? "try again later" : "look at the address and its certificate"),
          may_pass};
}

Secret::Attempt Secret::judge(const net::HttpResponse& response) {
  if (response.status == 200) return {text_in(response.body)};
  const Result<Node> answer = node_from_json(response.body);
  std::string type = answer ? text_of(*answer, "__type") : "";
  type = type.substr(type.rfind('#') + 1);  // npos + 1 is the beginning
  std::string message = answer ? text_of(*answer, "message") : "";
  if (message.empty() && answer) message = text_of(*answer, "Message");
  const bool is_stale = is_one_of(type, kStale);
  if (is_stale || is_one_of(type, kBadKeys)) settings_.credentials->forget();
  const bool may_pass =
      is_stale || response.status == 429 || response.status >= 500 || is_one_of(type, kLater);
  return {std::unexpected(refused(response.status, type, message)), may_pass};
}

Error Secret::refused(int status, const std::string& type, const std::string& message) const {
  const std::string why = fmt::format("{}{}", type.empty() ? fmt::format("status {}", status) : shown(type),
                                      message.empty() ? "" : fmt::format(" ({})", shown(message, 200)));
  Error error{Code::DatabaseSecret, fmt::format("{} cannot be read: {}", settings_.described(), why)};
  if (type == "ResourceNotFoundException") {
    error.message = fmt::format("{} does not exist: {}", settings_.described(), why);
    error.hint = "look at its name and at the region";
  } else if (type == "AccessDeniedException" || type == "AccessDenied") {
    error.hint =
        "these credentials need secretsmanager:GetSecretValue on it, and kms:Decrypt where it has a key of "
        "its own";
  } else if (type == "DecryptionFailure") {
    error.hint = "these credentials need kms:Decrypt with the key of the secret";
  } else if (is_one_of(type, kStale) || is_one_of(type, kBadKeys)) {
    error.hint = "look at the AWS credentials and at the clock of this machine";
  } else if (status >= 500 || status == 429 || is_one_of(type, kLater)) {
    error.code = Code::DatabaseUnreachable;
    error.hint = "try again later";
  } else {
    error.hint = "look at the secret in AWS Secrets Manager";
  }
  return error;
}

std::unexpected<Error> Secret::wrong(std::string_view what, std::string hint) const {
  return fail(Code::DatabaseSecret, fmt::format("{} {}", settings_.described(), what), std::move(hint));
}

/// The secret's own JSON stands as a text within the answer's. What is in it never comes into a message.
Result<std::string> Secret::text_in(const std::string& answer) const {
  const Result<Node> outer = node_from_json(answer);
  if (!outer || outer->kind != Node::Kind::Map)
    return wrong("was answered by something else than JSON", "look at the address of Secrets Manager");
  const Node* text = outer->find("SecretString");
  if (text == nullptr || text->kind != Node::Kind::Scalar)
    return wrong("has no text", "keep it as a text, not as binary");
  const Result<Node> secret = node_from_json(text->scalar);
  if (!secret || secret->kind != Node::Kind::Map)
    return wrong("is no JSON object",
                 fmt::format("keep it as {{\"{}\": \"...\"}}, as RDS does", shown(settings_.key)));
  const Node* member = secret->find(settings_.key);
  if (member == nullptr) {
    std::string names;
    for (const auto& [name, value] : secret->members) names += (names.empty() ? "" : ", ") + shown(name, 40);
    return wrong(fmt::format("has no member \"{}\"", shown(settings_.key)),
                 names.empty() ? "it is empty" : fmt::format("it has {}", names));
  }
  if (member->kind != Node::Kind::Scalar || member->scalar.empty())
    return wrong(fmt::format("has no text under \"{}\"", shown(settings_.key)), "a password is a text");
  return member->scalar;
}

}  // namespace rowgate::aws

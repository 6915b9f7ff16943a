#include "store/s3/client.h"

#include "aws/sigv4.h"
#include "base/text.h"
#include "io/digest.h"
#include "store/s3/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace rowgate::store {
namespace {

constexpr std::int64_t kNotKnown = std::numeric_limits<std::int64_t>::min();
constexpr std::string_view kService = "s3";
constexpr std::int64_t kMostSkewSeconds = 900;

/// Codes of S3 that say "later" whatever the status (S3 API, "Error responses").
constexpr std::string_view kLater[] = {
    "InternalError",      "OperationAborted", "RequestTimeout",      "SlowDown",
    "ServiceUnavailable", "Throttling",       "RequestLimitExceeded"};
/// The keys were good once: they are looked up anew.
constexpr std::string_view kStale[] = {"ExpiredToken", "ExpiredTokenException", "InvalidToken",
                                       "TokenRefreshRequired", "InvalidAccessKeyId"};
constexpr std::string_view kFull[] = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull",
                                      "EntityTooLarge"};

bool is_one_of(std::string_view code, std::span<const std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

std::string host_of(const S3Settings& settings) {
  std::string host =
      fmt::format("s3.{}.amazonaws.com{}", settings.region, settings.region.starts_with("cn-") ? ".cn" : "");
  if (!settings.endpoint.empty()) host = settings.endpoint.substr(settings.endpoint.find("://") + 3);
  return settings.path_style ? host : settings.bucket + '.' + host;
}

/// What nobody tells twice is not thrown away: defaults for what was left open.
S3Settings whole(S3Settings settings) {
  if (!settings.clock) settings.clock = std::make_shared<SystemClock>();
  if (!settings.http) settings.http = net::curl_client(settings.authorities);
  if (!settings.credentials)
    settings.credentials =
        aws::default_credentials(settings.http, settings.clock, {.profile = settings.profile});
  return settings;
}

}  // namespace

/// One try.
struct S3Client::Attempt {
  Result<S3Answer> answer;
  bool may_pass = false;
};

/// What an answer says that is no success.
struct S3Client::Refusal {
  int status = 0;
  std::string code, message, region;
};

/// To the caller: there is no such object, it is another one, it is not that long.
bool S3Client::means_something(const Refusal& why) {
  if (why.status == 404)
    return why.code.empty() || (why.code.starts_with("NoSuch") && why.code != "NoSuchBucket");
  return (why.status == 409 || why.status == 412 || why.status == 416) && !is_one_of(why.code, kLater);
}

S3Client::S3Client(S3Settings settings)
    : settings_(whole(std::move(settings))), host_(host_of(settings_)), seconds_ahead_(kNotKnown) {}

Result<S3Answer> S3Client::call(const S3Operation& operation) {
  net::Backoff backoff(settings_.retries);
  for (;;) {
    Attempt tried = attempt(operation);
    if (tried.answer) {
      tried.answer->tries = backoff.tries();
      return std::move(tried.answer);
    }
    if (!tried.may_pass || operation.once || !backoff.wait()) return std::move(tried.answer);
  }
}

S3Client::Attempt S3Client::attempt(const S3Operation& operation) {
  Result<aws::Credentials> credentials = settings_.credentials->current();
  // Their source has tried again by itself.
  if (!credentials) return {std::unexpected(std::move(credentials).error())};
  aws::SignableRequest signable{.method = std::string(operation.method),
                                .path = path_of(operation.object),
                                .query = operation.query,
                                .headers = operation.headers,
                                .payload_sha256 = io::sha256_hex(operation.body)};
  signable.headers.emplace_back("Host", host_);
  signable.headers.emplace_back("X-Amz-Content-Sha256", signable.payload_sha256);
  net::HttpRequest request{.method = signable.method,
                           .url = url_of(signable.path, aws::encoded_query(signable.query)),
                           .headers = signable.headers,
                           .body = operation.body};
  for (auto& field :
       aws::signing_headers(signable, *credentials, {settings_.region, std::string(kService)}, now()))
    request.headers.push_back(std::move(field));
  if (operation.answers_late) request.stall_timeout = std::chrono::minutes(5);
  if (operation.once) {
    request.connect_timeout = std::chrono::seconds(2);
    request.whole_timeout = std::chrono::seconds(5);
  }
  auto response = settings_.http->send(request);
  if (response) return judge(operation, *std::move(response));
  const bool may_pass = response.error().may_pass;
  return {fail(may_pass ? Code::StorageUnreachable : Code::StorageDenied,
               fmt::format("{} of the storage failed: {}", operation.name, response.error().message),
               may_pass ? "try again later" : "look at storage.endpoint and its certificate"),
          may_pass};
}

S3Client::Attempt S3Client::judge(const S3Operation& operation, net::HttpResponse response) {
  note_clock(response);
  Refusal why{.status = response.status};
  const bool may_hold_error = response.status >= 300 || operation.answers_late;
  if (const auto root = may_hold_error ? parse_xml(response.body) : std::nullopt;
      root && root->name == "Error") {
    why.code = root->text_of("Code");
    why.message = root->text_of("Message");
    why.region = root->text_of("Region");
    if (response.status < 300) why.status = 500;  // "200 OK" was sent before it was known
  }
  if (why.region.empty()) why.region = response.header("x-amz-bucket-region");
  if (why.status < 300 || means_something(why)) return {S3Answer{std::move(response), std::move(why.code)}};
  if (is_one_of(why.code, kStale)) settings_.credentials->forget();
  const bool may_pass = is_one_of(why.code, kLater) || why.status == 429 ||
                        (why.status >= 500 && why.status != 501 && why.status != 507) ||
                        (is_one_of(why.code, kStale) && why.code != "InvalidAccessKeyId");
  return {std::unexpected(refused(operation, why)), may_pass};
}

Error S3Client::refused(const S3Operation& operation, const Refusal& why) const {
  const std::int64_t ahead = seconds_ahead_.load();  // an answer to HEAD has no body
  const bool clock_is_off = ahead != kNotKnown && std::abs(ahead) > kMostSkewSeconds;
  if (why.code == "RequestTimeTooSkewed" || (why.code.empty() && why.status == 403 && clock_is_off))
    return clock_is_wrong();
  Error error{Code::StorageDenied,
              fmt::format("the storage refuses {}{}: {}{}", operation.name,
                          operation.object.empty() ? "" : fmt::format(" of '{}'", shown(operation.object)),
                          why.code.empty() ? fmt::format("status {}", why.status) : shown(why.code),
                          why.message.empty() ? "" : fmt::format(" ({})", shown(why.message, 200)))};
  if (is_one_of(why.code, kFull) || why.status == 507) {
    error.code = Code::StorageFull;
    error.hint = "make room there";
  } else if (is_one_of(why.code, kLater) || why.status >= 500 || why.status == 429) {
    error.code = Code::StorageUnreachable;
    error.hint = "try again later";
  } else if (!why.region.empty() && why.region != settings_.region) {
    error.hint = fmt::format("the bucket is in {}: set storage.region", shown(why.region));
  } else if (why.code == "NoSuchBucket") {
    error.hint =
        fmt::format("make the bucket '{}', or name another one in storage.url", shown(settings_.bucket));
  } else if (why.code == "SignatureDoesNotMatch" || is_one_of(why.code, kStale)) {
    error.hint = "look at the credentials: rowgate doctor tells where they come from";
  } else {
    error.hint = fmt::format("these credentials need the right to do it in s3://{}", shown(settings_.bucket));
  }
  return error;
}

Error S3Client::clock_is_wrong() const {
  const std::int64_t ahead = seconds_ahead_.load();
  std::string how = "differs from";
  if (ahead != kNotKnown)
    how = fmt::format("is {} seconds {}", grouped(static_cast<std::uint64_t>(std::abs(ahead))),
                      ahead < 0 ? "behind" : "ahead of");
  return {
      Code::StorageDenied,
      fmt::format("the clock of this machine {} that of the storage, which takes at most 15 minutes", how),
      "set the clock"};
}

/// The other side's clock shows whole seconds, and its answer was on its way.
void S3Client::note_clock(const net::HttpResponse& response) {
  if (const std::optional<Timestamp> there = net::http_date(response.header("date")))
    seconds_ahead_ = (now().micros - there->micros) / 1'000'000;
}

std::optional<std::chrono::seconds> S3Client::clock_ahead() const {
  const std::int64_t seconds = seconds_ahead_.load();
  if (seconds == kNotKnown) return std::nullopt;
  return std::chrono::seconds(seconds);
}

Result<std::string> S3Client::credentials_source() {
  TRY_ASSIGN(const aws::Credentials credentials, settings_.credentials->current());
  return credentials.source;
}

Result<SignedAddress> S3Client::address(std::string_view method, std::string_view object, net::Fields query,
                                        Timestamp until, net::Fields headers) {
  TRY_ASSIGN(const aws::Credentials credentials, settings_.credentials->current());
  const std::int64_t now_s = now().micros / 1'000'000;
  std::int64_t end_s = std::min<std::int64_t>(until.micros / 1'000'000, now_s + aws::kLongestLife.count());
  if (credentials.expires) end_s = std::min(end_s, credentials.expires->micros / 1'000'000);
  if (end_s <= now_s) return fail(Code::StorageDenied, "the time of the address is over");
  const std::string path = path_of(object);
  headers.emplace_back("Host", host_);
  const std::string signed_query = aws::signed_query({.method = std::string(method),
                                                      .path = path,
                                                      .query = std::move(query),
                                                      .headers = std::move(headers),
                                                      .payload_sha256 = std::string(aws::kUnsignedPayload)},
                                                     credentials, {settings_.region, std::string(kService)},
                                                     now(), std::chrono::seconds(end_s - now_s));
  return SignedAddress{.url = url_of(path, signed_query),
                       .expires = {end_s * 1'000'000},
                       .is_end_known = !credentials.is_temporary() || credentials.expires.has_value()};
}

std::string S3Client::path_of(std::string_view object) const {
  return fmt::format("/{}{}{}", settings_.path_style ? settings_.bucket : "",
                     settings_.path_style && !object.empty() ? "/" : "", object);
}

std::string S3Client::url_of(const std::string& path, const std::string& query) const {
  const std::string_view scheme = settings_.endpoint.starts_with("http://") ? "http" : "https";
  return fmt::format("{}://{}{}{}{}", scheme, host_, aws::encoded_path(path), query.empty() ? "" : "?",
                     query);
}

}  // namespace rowgate::store

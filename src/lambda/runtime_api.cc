#include "lambda/runtime_api.h"

#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace rowgate::lambda {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostEventBytes = 16 << 20;
/// What is kept of an invocation's time for a load to roll back, and then for the answer.
constexpr std::chrono::milliseconds kMargin{2'000}, kLastMargin{500};
constexpr std::chrono::milliseconds kLongest{900'000};

std::string failure_json(const Failure& failure) {
  const nlohmann::ordered_json json{{"errorMessage", failure.message},
                                    {"errorType", failure.type},
                                    {"stackTrace", nlohmann::json::array()}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::chrono::system_clock::time_point moment_of(std::string_view milliseconds) {
  std::int64_t count = 0;
  std::from_chars(milliseconds.data(), milliseconds.data() + milliseconds.size(), count);
  if (count == 0) return std::chrono::system_clock::now() + kLongest;
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(count));
}

/// How much of the invocation's time is left.
std::chrono::milliseconds left_of(const Invocation& invocation) {
  const auto until = invocation.deadline - std::chrono::system_clock::now();
  return std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(until), 0ms, kLongest);
}

}  // namespace

RuntimeApi::RuntimeApi(std::shared_ptr<net::HttpClient> client, const std::string& address)
    : client_(std::move(client)), base_(fmt::format("http://{}/2018-06-01/runtime", address)) {}

Result<Invocation> RuntimeApi::next() {
  net::HttpRequest request{.url = base_ + "/invocation/next", .past_proxies = true};
  request.stall_timeout = 0s;  // the next event may come in hours
  request.most_bytes = kMostEventBytes;
  auto response = client_->send(request);
  if (!response)
    return rowgate::fail(Code::InternalError,
                         fmt::format("the runtime API gives no event: {}", response.error().message));
  if (response->status != 200)
    return rowgate::fail(Code::InternalError,
                         fmt::format("the runtime API gives no event: status {}", response->status));
  Invocation invocation{.id = std::string(response->header("lambda-runtime-aws-request-id")),
                        .event = {},
                        .deadline = moment_of(response->header("lambda-runtime-deadline-ms"))};
  invocation.event = std::move(response->body);
  return invocation;
}

Result<void> RuntimeApi::respond(const Invocation& invocation, const std::string& json) {
  return post(fmt::format("/invocation/{}/response", invocation.id), json, {});
}

Result<void> RuntimeApi::fail(const Invocation& invocation, const Failure& failure) {
  return post(fmt::format("/invocation/{}/error", invocation.id), failure_json(failure), failure.type);
}

Result<void> RuntimeApi::fail_at_start(const Failure& failure) {
  return post("/init/error", failure_json(failure), failure.type);
}

Result<void> RuntimeApi::post(const std::string& path, const std::string& body,
                              const std::string& error_type) {
  net::HttpRequest request{.method = "POST",
                           .url = base_ + path,
                           .headers = {{"Content-Type", "application/json"}},
                           .body = body,
                           .past_proxies = true};
  if (!error_type.empty()) request.headers.emplace_back("Lambda-Runtime-Function-Error-Type", error_type);
  const auto response = client_->send(request);
  if (response && response->status < 300) return {};
  return rowgate::fail(
      Code::InternalError,
      fmt::format("the runtime API does not take the answer: {}",
                  response ? fmt::format("status {} {}", response->status, shown(response->body, 200))
                           : response.error().message));
}

Result<void> run(RuntimeApi& api, Handler& handler, const std::function<void()>& after_each) {
  for (;;) {
    TRY_ASSIGN(const Invocation invocation, api.next());
    const auto now = std::chrono::steady_clock::now();
    const auto left = left_of(invocation);  // of a short time a part is kept
    const auto answer = handler.handle(invocation.event, now + left - std::min(kMargin, left / 2),
                                       now + left - std::min(kLastMargin, left / 8));
    after_each();  // before the answer: behind it the machine may stand still
    const Result<void> told =
        answer ? api.respond(invocation, *answer) : api.fail(invocation, answer.error());
    if (!told) TRY(api.fail(invocation, {"answer.refused", told.error().message}));
    if (handler.has_given_up()) return {};
  }
}

}  // namespace rowgate::lambda

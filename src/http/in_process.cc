#include "http/in_process.h"

#include "base/ids.h"
#include "base/units.h"
#include "http/answer.h"
#include "http/head.h"
#include "http/target.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

namespace rowgate::http {
namespace {

constexpr std::size_t kAnswerPieceBytes = 256 * kKiB;

/// Where the caller's thread waits for a wake from another one, which may come late.
struct Wake {
  std::mutex mutex = {};
  std::condition_variable woken = {};
  bool is_woken = false;

  void wake() {
    const std::scoped_lock lock(mutex);
    is_woken = true;
    woken.notify_all();
  }
  /// False when it did not come.
  bool wait(const InProcess::Patience& patience) {
    std::unique_lock lock(mutex);
    const auto is_over = [this] { return is_woken; };
    if (woken.wait_until(lock, patience.late, is_over)) return true;
    lock.unlock();
    if (patience.hurry) patience.hurry();
    lock.lock();
    return woken.wait_until(lock, patience.last, is_over);
  }
};

std::string id_of(const Fields& headers) {
  for (const auto& [name, value] : headers)
    if (name == "request-id" && is_request_id(value)) return value;
  return new_id("req_", SystemClock().now());
}

/// The body's way into its receiver; nullopt when all went well.
std::optional<Error> give(const Accepted& accepted, std::string_view body) {
  if (!accepted.receiver) return std::nullopt;
  if (body.size() > accepted.limit_bytes)
    return Error{Code::LimitBytes,
                 fmt::format("the body is larger than {}", bytes_text(accepted.limit_bytes))};
  Result<void> taken = body.empty() ? Result<void>() : accepted.receiver->take(body);
  if (taken) taken = accepted.receiver->finish();
  return taken ? std::nullopt : std::optional(std::move(taken).error());
}

/// Exceptions are bugs or a lack of memory: this request fails, the program stays.
template <class Make>
Response guarded(Application& application, const Request& request, Make make) {
  try {
    return make();
  } catch (const std::exception& exception) {
    return application.trouble(&request, {Code::InternalError, exception.what()});
  }
}

}  // namespace

Error answer_too_large(std::uint64_t limit_bytes) {
  return {Code::LimitAnswer, fmt::format("the answer is larger than {}", bytes_text(limit_bytes)),
          "ask for pages (limit and cursor), or make a link of the report: POST /v1/reports/{report}/links"};
}

WholeAnswer InProcess::answer(WholeRequest whole, const Patience& patience) {
  const Moment began = std::chrono::steady_clock::now();
  Request request{.method = std::move(whole.method),
                  .target = std::move(whole.target),
                  .headers = std::move(whole.headers),
                  .remote_address = std::move(whole.remote_address),
                  .tls = true,
                  .content_length = whole.body.size(),
                  .public_url = std::move(whole.public_url),
                  .is_own = whole.is_own};
  request.id = id_of(request.headers);
  if (request.is_own) request.principal = "storage";
  std::string authority;
  if (const Result<void> read = read_target(request.target, request, authority); !read) {
    Request unread{.id = request.id};
    return given(unread, application_.trouble(&unread, read.error()), 0, began);
  }
  Response response = guarded(application_, request, [&] { return respond(request, whole.body, patience); });
  return given(request, std::move(response), whole.body.size(), began);
}

WholeAnswer InProcess::refuse(const Error& error) {
  const Request unread{.id = new_id("req_", SystemClock().now())};
  return given(unread, application_.trouble(&unread, error), 0, std::chrono::steady_clock::now());
}

Response InProcess::respond(Request& request, std::string_view body, const Patience& patience) {
  if (std::optional<Response> quick = application_.quick(request)) return *std::move(quick);
  std::variant<Accepted, Response> begun = application_.begin(request);
  if (Response* early = std::get_if<Response>(&begun)) return std::move(*early);
  Accepted& accepted = std::get<Accepted>(begun);
  if (const std::optional<Error> trouble = give(accepted, body)) {
    accepted.receiver.reset();
    return application_.trouble(&request, *trouble);
  }
  Reply reply = application_.answer(request, std::move(accepted.receiver));
  if (Response* response = std::get_if<Response>(&reply)) return std::move(*response);
  Later& later = std::get<Later>(reply);
  const auto wake = std::make_shared<Wake>();
  later.subscribe([wake] { wake->wake(); });
  if (wake->wait(patience)) return later.answer();
  has_given_up_ = true;
  return application_.trouble(
      &request, {Code::RunInterrupted, "the load did not end in its time; the database takes it back",
                 "look at the runs of the table before it is sent again"});
}

WholeAnswer InProcess::given(const Request& request, Response response, std::uint64_t received,
                             Moment began) {
  const bool has_body = request.method != "HEAD" && !has_no_body(response.status);
  WholeAnswer answer;
  if (has_body) {
    Result<std::string> body = body_of(response);
    if (!body) {
      response = application_.trouble(&request, body.error());
      body = std::move(response.text);
    }
    answer.body = *std::move(body);
  }
  answer.status = response.status;
  answer.headers = std::move(response.headers);
  Exchange exchange{.status = answer.status, .request_bytes = received, .response_bytes = answer.body.size()};
  exchange.took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  application_.finished(&request, exchange);
  return answer;
}

Result<std::string> InProcess::body_of(Response& response) const {
  if (!response.stream && response.text.size() > max_answer_bytes_)
    return std::unexpected(answer_too_large(max_answer_bytes_));
  if (!response.stream) return std::move(response.text);
  std::string body;
  const std::uint64_t due = response.length.value_or(std::numeric_limits<std::uint64_t>::max());
  while (body.size() < due) {
    const std::size_t had = body.size();
    body.resize(had + std::min<std::uint64_t>(kAnswerPieceBytes, due - had));
    TRY_ASSIGN(const std::size_t got, read_piece(*response.stream, std::span(body).subspan(had)));
    body.resize(had + got);
    if (body.size() > max_answer_bytes_) return std::unexpected(answer_too_large(max_answer_bytes_));
    if (got < kAnswerPieceBytes) break;
  }
  if (response.length && body.size() != due)
    return fail(Code::InternalError, "the file is shorter than its length says");
  return body;
}

}  // namespace rowgate::http

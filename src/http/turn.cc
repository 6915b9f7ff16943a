#include "http/turn.h"

#include "base/ids.h"
#include "base/units.h"
#include "http/proxy.h"

#include <fmt/format.h>

namespace rowgate::http {

namespace {

using namespace std::chrono_literals;

/// A body that nobody wants is read past up to this size, so that the connection can be kept.
constexpr std::uint64_t kSmallBodyBytes = 64 * kKiB;
constexpr auto kReadPastFor = 5s;
constexpr std::uint64_t kBytesInOneGo = kMiB;

Error too_large(std::uint64_t limit_bytes) {
  return {Code::LimitBytes, fmt::format("the body is larger than {}", bytes_text(limit_bytes))};
}

}  // namespace

RequestTurn::RequestTurn(Connection& connection, Head head)
    : connection_(connection),
      loop_(connection.loop),
      head_(std::move(head)),
      request_(head_.request),
      body_(connection, head_),
      started_(SteadyClock::now()) {
  request_.tls = loop_.tls.has_value() && !connection.is_admin;
  request_.is_admin = connection.is_admin;
  request_.stop = unwanted_.get_token();
  request_.remote_address = client_address(connection.peer, request_.headers, loop_.settings.trusted_proxies);
  const std::string_view given = request_.header("request-id").value_or("");
  request_.id = is_request_id(given) ? std::string(given) : new_id("req_", SystemClock().now());
}

/// An exception out of the application is a bug or a lack of memory. The connection ends, since nobody knows
/// what of the body was used.
template <class Made, class Make>
Made RequestTurn::guarded(Make make) {
  try {
    return make();
  } catch (const std::exception&) {
    keeps_ = false;
    return Made{trouble(Error{Code::InternalError, "the server failed"})};
  }
}

Response RequestTurn::trouble(const Error& error) {
  return trouble_response(loop_.application, &request_, error);
}

Task<bool> RequestTurn::run() {
  std::optional<Response> response = co_await respond();
  if (response) {
    co_await send(*std::move(response));
  } else {
    exchange_.aborted = true;
    keeps_ = false;
  }
  exchange_.request_bytes = body_.received();
  exchange_.took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - started_);
  tell_finished(loop_.application, &request_, exchange_);
  co_return keeps_&& co_await drain();
}

/// nullopt when the client went away before there was anything to answer.
Task<std::optional<Response>> RequestTurn::respond() {
  if (!head_.has_body())
    if (std::optional<Response> quick = quick_answer()) co_return quick;
  Begun begun;
  const std::function<void()> work = [&] { begun = begin(); };
  const Crew crew = head_.has_body() ? Crew::Workers : loop_.application.crew_of(request_);
  {
    const Connection::Work at_work = working();
    co_await on_crew(loop_, crew, work);
  }
  std::optional<Reply> reply = std::move(begun.reply);
  if (begun.accepted) reply = co_await receive(std::move(begun));
  if (reply && connection_.is_peer_gone) {
    const std::function<void()> drop = [&] { reply.reset(); };  // which may wait
    co_await on_worker(loop_, drop);
  }
  if (!reply) co_return std::nullopt;
  if (Later* later = std::get_if<Later>(&*reply)) co_return co_await wait_for(std::move(*later));
  co_return std::get<Response>(*std::move(reply));
}

std::optional<Response> RequestTurn::quick_answer() {
  return guarded<std::optional<Response>>([&] { return loop_.application.quick(request_); });
}

/// On a worker. A request that is here as a whole is answered in one go.
RequestTurn::Begun RequestTurn::begin() {
  Begun begun;
  auto outcome = guarded<std::variant<Accepted, Response>>([&] { return loop_.application.begin(request_); });
  if (Response* early = std::get_if<Response>(&outcome)) {
    begun.reply = std::move(*early);
    return begun;
  }
  begun.accepted = std::get<Accepted>(std::move(outcome));
  take_arrived(begun);
  return begun;
}

/// Of a small body the rest has mostly come by now.
void RequestTurn::take_arrived(Begun& begun) {
  Accepted& accepted = *begun.accepted;
  if (!accepted.receiver) {
    if (!body_.skip_at_hand()) return;
  } else {
    const bool is_too_large = body_.remaining().value_or(0) > accepted.limit_bytes;
    if (is_too_large || head_.expects_continue) return;
    begun.next = body_.next_now();
    begun.trouble = give_arrived(*accepted.receiver, begun.next, accepted.limit_bytes);
    if (begun.trouble || begun.next.outcome != BodyReader::Outcome::End) return;
  }
  begun.reply = answer(std::move(accepted.receiver));
  begun.accepted.reset();
}

/// The body is whole; on a worker.
Reply RequestTurn::answer(std::unique_ptr<BodyReceiver> body) {
  return guarded<Reply>([&]() -> Reply {
    if (body)
      if (Result<void> finished = body->finish(); !finished) return trouble(finished.error());
    Reply reply = loop_.application.answer(request_, std::move(body));
    if (Later* later = std::get_if<Later>(&reply)) subscribe(*later);
    return reply;
  });
}

std::optional<Error> RequestTurn::give(BodyReceiver& receiver, std::string_view bytes) {
  try {
    Result<void> taken = receiver.take(bytes);
    return taken ? std::nullopt : std::optional(std::move(taken).error());
  } catch (const std::exception&) {
    keeps_ = false;
    return Error{Code::InternalError, "the server failed"};
  }
}

/// Gives the piece in `next` and what else has come meanwhile, up to a bound that lets others have their
/// turn; leaves in `next` what came after it. So a fast client costs the loop little, and its bytes are used
/// by the CPU that has just copied them.
std::optional<Error> RequestTurn::give_arrived(BodyReceiver& receiver, BodyReader::Next& next,
                                               std::uint64_t limit) {
  const std::uint64_t until = body_.received() + kBytesInOneGo;
  while (next.outcome == BodyReader::Outcome::Piece && body_.received() <= limit) {
    if (std::optional<Error> found = give(receiver, next.bytes)) return found;
    next = body_.received() < until ? body_.next_now() : BodyReader::Next{BodyReader::Outcome::Nothing};
  }
  return std::nullopt;
}

/// Hands the body to its receiver, piece by piece. While that works, nothing is read: the client waits.
Task<std::optional<Reply>> RequestTurn::receive(Begun begun) {
  Accepted& accepted = *begun.accepted;
  const bool is_wanted = accepted.receiver != nullptr;
  const std::uint64_t limit = is_wanted ? accepted.limit_bytes : kSmallBodyBytes;
  const bool is_too_large = body_.remaining().value_or(0) > limit;
  Error over_limit = too_large(limit);
  if (is_wanted && is_too_large) co_return co_await end_early(std::move(accepted), std::move(over_limit));
  if (is_wanted && head_.expects_continue) body_.promise_continue();
  std::optional<Reply> reply;
  BodyReader::Next& next = begun.next;
  const std::function<void()> take = [&] { begun.trouble = give_arrived(*accepted.receiver, next, limit); };
  const std::function<void()> end = [&] { reply = answer(std::move(accepted.receiver)); };
  const std::function<void()> drop = [&] { accepted.receiver.reset(); };
  const bool is_passed_over = !is_wanted && (is_too_large || head_.expects_continue);
  while (!is_passed_over) {
    if (begun.trouble) co_return co_await end_early(std::move(accepted), *std::move(begun.trouble));
    if (next.outcome == BodyReader::Outcome::Nothing) next = co_await body_.next();
    if (next.outcome != BodyReader::Outcome::Piece) break;
    if (body_.received() > limit) {
      if (!is_wanted) break;
      co_return co_await end_early(std::move(accepted), std::move(over_limit));
    }
    if (is_wanted)
      co_await on_receiver(loop_, take);
    else
      next = {BodyReader::Outcome::Nothing, {}, {}};
  }
  const bool is_broken =
      next.outcome == BodyReader::Outcome::Trouble || next.outcome == BodyReader::Outcome::Gone;
  {
    const Connection::Work at_work = working();
    co_await on_worker(loop_, is_broken ? drop : end);
  }
  if (next.outcome == BodyReader::Outcome::Gone) co_return std::nullopt;
  if (!is_broken) co_return reply;
  keeps_ = false;
  co_return trouble(*next.trouble);
}

/// The answer is known before the body's end. Some clients look at it only when they have sent all.
Task<Reply> RequestTurn::end_early(Accepted accepted, Error error) {
  Response response;
  const std::function<void()> work = [&] {
    accepted.receiver.reset();
    response = trouble(error);
  };
  co_await on_worker(loop_, work);
  const bool waits_for_us = head_.expects_continue && !body_.has_said_continue();
  const std::uint64_t read_until = waits_for_us ? 0 : body_.received() + accepted.read_past_bytes;
  body_.hurry(SteadyClock::now() + kReadPastFor);
  while (body_.received() < read_until) {
    const BodyReader::Next next = co_await body_.next();
    if (next.outcome != BodyReader::Outcome::Piece) break;
  }
  co_return response;
}

/// The wake may come from any thread, at once, long after the answer, or never.
void RequestTurn::subscribe(Later& later) {
  wait_point_ = std::make_shared<WaitPoint>(WaitPoint{Timer(loop_.executor()), false});
  if (!later.subscribe) return;
  later.subscribe([doorbell = loop_.doorbell, weak = std::weak_ptr(wait_point_)] {
    doorbell->ring([weak] {
      const std::shared_ptr<WaitPoint> point = weak.lock();
      if (!point) return;
      point->is_woken = true;
      point->timer.cancel();
    });
  });
}

Task<std::optional<Response>> RequestTurn::wait_for(Later later) {
  const std::shared_ptr<WaitPoint> point = wait_point_;
  if (!point->is_woken && !connection_.is_cut) {
    const TimePoint until = later.at_most ? SteadyClock::now() + *later.at_most : TimePoint::max();
    point->timer.expires_at(until);
    connection_.pause = &point->timer;
    (void)co_await point->timer.async_wait(kAsValue);
    connection_.pause = nullptr;
  }
  if (connection_.is_cut) co_return std::nullopt;
  std::optional<Response> response;
  const std::function<void()> work = [&] {
    response = guarded<Response>([&] { return later.answer(); });
    later = {};
  };
  co_await on_worker(loop_, work);
  co_return response;
}

/// RFC 9112 section 9.3, and what we know of the body: one that is not read through would be taken for the
/// next request.
bool RequestTurn::may_keep(const Response& response) const {
  if (!keeps_ || !head_.keeps_alive || response.close || loop_.is_stopping) return false;
  if (body_.is_done()) return true;
  const bool may_never_come = head_.expects_continue && !body_.has_said_continue();
  return !may_never_come && body_.remaining().value_or(kSmallBodyBytes + 1) <= kSmallBodyBytes;
}

Task<void> RequestTurn::send(Response response) {
  const bool had_ended = connection_.stream->has_peer_ended();
  AnswerManner manner{
      .is_head = request_.method == "HEAD", .is_http_1_0 = head_.is_http_1_0, .request_id = request_.id};
  manner.closes = !may_keep(response) || had_ended;
  const Connection::Work at_work = working();
  std::optional<AnswerSender> sender(std::in_place, connection_, std::move(response), manner);
  const Result<void> prepared = co_await sender->prepare();
  if (!prepared) sender.emplace(connection_, trouble(prepared.error()), manner);
  const bool is_whole = co_await sender->send();
  keeps_ = is_whole && !sender->closes();
  exchange_.status = sender->status();
  exchange_.response_bytes = sender->body_bytes();
  exchange_.aborted = !is_whole;
  if (is_whole && had_ended) exchange_.aborted = co_await is_client_gone();
}

/// After a FIN only the answer to what we sent tells whether the client still reads (a half-closed
/// connection) or is gone: then its system refuses the bytes.
Task<bool> RequestTurn::is_client_gone() {
  Timer timer(loop_.executor());
  for (int i = 0; i < 50 && !connection_.is_cut; ++i) {
    if (connection_.stream->is_peer_gone()) co_return true;
    if (connection_.stream->is_all_received()) break;
    timer.expires_after(20ms);
    (void)co_await timer.async_wait(kAsValue);
  }
  co_return connection_.stream->is_peer_gone();
}

/// Reads what is left of a small body after its answer, so that the next request is what comes next.
Task<bool> RequestTurn::drain() {
  body_.hurry(SteadyClock::now() + kReadPastFor);
  while (!body_.is_done()) {
    const BodyReader::Next next = co_await body_.next();
    if (next.outcome == BodyReader::Outcome::Trouble || next.outcome == BodyReader::Outcome::Gone)
      co_return false;
  }
  co_return true;
}

}  // namespace rowgate::http

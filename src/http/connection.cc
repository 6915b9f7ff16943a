#include "http/connection.h"

#include "base/ids.h"
#include "http/head.h"
#include "http/sender.h"
#include "http/turn.h"

#include <boost/asio/post.hpp>

namespace rowgate::http {

namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

constexpr auto kShortWork = 500ms;  ///< is not worth the question whether its client is still there
constexpr std::string_view kProcessing = "HTTP/1.1 102 Processing\r\n\r\n";
constexpr auto kLinger = 5s, kLingerPause = 2s, kLastWords = 1s;

/// What came instead of a request, or that one came.
enum class Arrival : std::uint8_t { Request, Nothing, Trouble };

struct Received {
  Arrival arrival = Arrival::Nothing;
  std::optional<Error> trouble = {};
};

HeadLimits limits_of(const ServerSettings& settings) {
  return {settings.max_header_bytes, settings.max_headers, settings.max_target_bytes};
}

/// Reads until the head is whole. A connection that ends or stays silent between requests is no trouble.
Task<Received> receive_head(Connection& connection, HeadReader& reader) {
  const ServerSettings& settings = connection.loop.settings;
  std::optional<TimePoint> latest;
  for (;;) {
    if (!connection.inbox.empty()) {
      Result<bool> whole = reader.read(connection.inbox.bytes());
      if (!whole) co_return Received{Arrival::Trouble, std::move(whole).error()};
      if (*whole) co_return Received{Arrival::Request, {}};
      if (!latest) latest = SteadyClock::now() + settings.header_timeout;
    }
    connection.is_idle = !latest;
    if (connection.is_idle && connection.loop.is_stopping) co_return Received{};
    const TimePoint idle_until = SteadyClock::now() + settings.idle_timeout;
    const Moved moved = co_await connection.read(std::min(latest.value_or(idle_until), idle_until));
    connection.is_idle = false;
    if (connection.timed_out && latest && !connection.is_cut)
      co_return Received{Arrival::Trouble,
                         Error{Code::RequestTimeout, "the head of the request did not come"}};
    if (moved.error) co_return Received{};
  }
}

/// Answers what is no request; the connection ends after it.
Task<void> refuse(Connection& connection, const Error& error) {
  const TimePoint started = SteadyClock::now();
  Request unread;  // an id, so that what the client was told can be found in the log
  unread.id = new_id("req_", SystemClock().now());
  unread.remote_address = connection.peer;
  AnswerManner manner{.closes = true, .request_id = unread.id};
  AnswerSender sender(connection, trouble_response(connection.loop.application, &unread, error), manner);
  const bool is_whole = co_await sender.send();
  Exchange exchange{.status = sender.status(), .response_bytes = sender.body_bytes(), .aborted = !is_whole};
  exchange.took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - started);
  tell_finished(connection.loop.application, &unread, exchange);
}

/// True when the last thing that was sent must still reach the client.
Task<bool> serve_requests(Connection& connection) {
  for (;;) {
    HeadReader reader(limits_of(connection.loop.settings));
    const Received received = co_await receive_head(connection, reader);
    if (received.arrival == Arrival::Nothing) co_return false;
    if (received.arrival == Arrival::Trouble) {
      co_await refuse(connection, *received.trouble);
      co_return true;
    }
    connection.inbox.drop(reader.size());
    connection.is_between = connection.is_leaving = false;
    RequestTurn turn(connection, reader.take());
    if (!co_await turn.run()) co_return true;
    connection.is_between = true;
    connection.between_since = SteadyClock::now();
    connection.inbox.shrink();
    connection.has_begun_answer = false;
  }
}

/// Exceptions are bugs or a lack of memory, and end this connection only.
Task<bool> serve_safely(Connection& connection) {
  bool has_failed = false;
  try {
    co_return co_await serve_requests(connection);
  } catch (const std::exception&) {
    has_failed = true;  // a handler cannot wait
  }
  const Error failed{Code::InternalError, "the server failed"};
  if (has_failed && !connection.has_begun_answer) co_await refuse(connection, failed);
  co_return true;
}

/// A close with bytes unread makes the kernel send a reset, and the client may then never see the answer. So
/// only our side is closed, and what still comes is thrown away for a while (RFC 9112 section 9.6).
Task<void> close_gently(Connection& connection) {
  connection.inbox = {};
  connection.deadline = SteadyClock::now() + kLastWords;
  co_await connection.stream->end_writing();
  connection.timed_out = false;
  Socket& socket = connection.stream->socket();
  std::array<char, 4096> thrown_away;
  const TimePoint until = SteadyClock::now() + kLinger;
  for (;;) {
    const auto pause = connection.loop.is_stopping ? kLingerPause / 10 : kLingerPause;
    connection.deadline = std::min(until, SteadyClock::now() + pause);
    const auto [error, bytes] = co_await socket.async_read_some(net::buffer(thrown_away), kAsValue);
    if (error || connection.timed_out || SteadyClock::now() > until) break;
  }
  connection.deadline = TimePoint::max();
}

}  // namespace

Connection::Connection(Loop& shared, std::unique_ptr<Stream> made, bool from_admin, bool surplus)
    : loop(shared),
      stream(std::move(made)),
      is_admin(from_admin),
      is_surplus(surplus),
      patience_(shared.settings.rate_window) {
  loop.connections.insert(this);
}

Connection::~Connection() {
  loop.left(*this);
}

void Connection::sweep(TimePoint now) {
  look_at_peer();
  if (now < deadline) return;
  deadline = TimePoint::max();
  timed_out = true;
  stream->cancel();
}

void Connection::close_if_idle() {
  if (is_idle) stream->cancel();
}

void Connection::close_now() {
  is_cut = true;
  stream->shut_down();  // a worker may be reading from the socket, so it must not be closed here
  if (pause != nullptr) pause->cancel();
  give_up_work();
}

void Connection::give_way() {
  is_leaving = true;
  stream->cancel();
}

Connection::Work::Work(Connection& connection, std::stop_source& stop, bool may_ask)
    : connection_(connection) {
  connection_.work_ = &stop;
  connection_.may_ask_ = may_ask;
  connection_.was_asked_ = false;
  connection_.ask_from_ = SteadyClock::now() + kShortWork;
}

void Connection::give_up_work() {
  if (work_ != nullptr) work_->request_stop();
}

void Connection::look_at_peer() {
  if (work_ == nullptr || work_->stop_requested() || !has_peer_left()) return;
  is_peer_gone = true;
  give_up_work();
}

/// A FIN may be that of a client which has said all and still reads. One interim answer (RFC 9110 section
/// 15.2) tells: the system of a client that is gone refuses it. Where none can be sent, the FIN is enough.
bool Connection::has_peer_left() {
  if (stream->is_peer_gone()) return true;
  if (has_begun_answer || SteadyClock::now() < ask_from_ || !stream->has_peer_ended()) return false;
  if (!may_ask_ || stream->is_encrypted()) return true;
  if (!was_asked_ && stream->is_all_received()) was_asked_ = stream->say_now(kProcessing);
  return false;
}

void Connection::begin_answer() {
  patience_ = loop.settings.rate_window;
}

/// An answer must be read at settings.min_read_bytes_per_second, after settings.rate_window to begin with.
/// The time that it takes to make the answer does not count.
bool Connection::spend(SteadyClock::duration waited, std::size_t bytes) {
  const ServerSettings& settings = loop.settings;
  if (settings.min_read_bytes_per_second == 0) return true;
  const double earned = static_cast<double>(bytes) / static_cast<double>(settings.min_read_bytes_per_second);
  const SteadyClock::duration most = std::max(settings.idle_timeout, settings.rate_window);
  patience_ -= waited;
  if (earned >= std::chrono::duration<double>(most).count())
    patience_ = most;
  else
    patience_ = std::min(most, patience_ + std::chrono::duration_cast<SteadyClock::duration>(
                                               std::chrono::duration<double>(earned)));
  return patience_.count() > 0;
}

Task<Moved> Connection::read(TimePoint until) {
  timed_out = false;
  const std::span<char> room = inbox.room();
  if (room.empty()) co_return Moved{net::error::no_buffer_space, 0};
  deadline = until;
  const Moved moved = co_await stream->read_some(room);
  deadline = TimePoint::max();
  inbox.added(moved.bytes);
  co_return moved;
}

Moved Connection::read_now() {
  const std::span<char> room = inbox.room();
  if (room.empty()) return {net::error::no_buffer_space, 0};
  const Moved moved = stream->read_now(room);
  inbox.added(moved.bytes);
  return moved;
}

Task<bool> Connection::write(Pieces pieces) {
  timed_out = false;
  for (;;) {
    const TimePoint begun = SteadyClock::now();
    const bool has_rate = loop.settings.min_read_bytes_per_second != 0;
    deadline = begun + (has_rate ? std::min<SteadyClock::duration>(loop.settings.idle_timeout, patience_)
                                 : SteadyClock::duration(loop.settings.idle_timeout));
    const Moved moved = co_await stream->write_some(pieces);
    deadline = TimePoint::max();
    if (moved.error || !spend(SteadyClock::now() - begun, moved.bytes)) co_return false;
    std::size_t written = moved.bytes, left = 0;
    for (net::const_buffer& piece : pieces) {
      const std::size_t part = std::min(written, piece.size());
      piece += part;
      written -= part;
      left += piece.size();
    }
    if (left == 0) co_return true;
  }
}

Task<void> serve(std::shared_ptr<Connection> connection) {
  connection->deadline = SteadyClock::now() + connection->loop.settings.header_timeout;
  const error_code error = co_await connection->stream->handshake();
  connection->deadline = TimePoint::max();
  bool must_reach = false;
  if (!error && connection->is_surplus) {
    const Error too_many{Code::RequestTooManyConnections, "there are too many connections"};
    co_await refuse(*connection, too_many);
    must_reach = true;
  } else if (!error) {
    must_reach = co_await serve_safely(*connection);
  }
  if (must_reach && !connection->is_cut) co_await close_gently(*connection);
  connection->stream->close();
}

}  // namespace rowgate::http

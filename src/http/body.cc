#include "http/body.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::http {

namespace {

constexpr std::size_t kTlsRecordBytes = 16 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

BodyReader::BodyReader(Connection& connection, const Head& head)
    : connection_(connection), patience_(connection.loop.settings.rate_window) {
  if (head.is_chunked) chunked_.emplace();
  remaining_ = head.request.content_length.value_or(0);
  done_ = !head.has_body();
}

std::optional<std::uint64_t> BodyReader::remaining() const {
  if (done_) return 0;
  if (chunked_) return std::nullopt;
  return remaining_ + given_;
}

bool BodyReader::skip_at_hand() {
  if (done_) return true;
  if (chunked_ || connection_.inbox.bytes().size() < remaining_) return false;
  connection_.inbox.drop(remaining_);
  received_ += remaining_;
  remaining_ = 0;
  done_ = true;
  return true;
}

Task<BodyReader::Next> BodyReader::next() {
  for (;;) {
    if (std::optional<Next> found = ready()) co_return *std::move(found);
    Next filled = co_await fill();
    if (filled.outcome != Outcome::Piece) co_return filled;
  }
}

BodyReader::Next BodyReader::next_now() {
  for (;;) {
    if (std::optional<Next> found = ready()) return *std::move(found);
    const Moved moved = connection_.read_now();
    if (moved.would_wait()) return Next{Outcome::Nothing, {}, {}};
    Next filled = judge(moved, SteadyClock::now());
    if (filled.outcome != Outcome::Piece) return filled;
  }
}

/// What is said without reading more; nullopt: it must be read.
std::optional<BodyReader::Next> BodyReader::ready() {
  if (done_) return Next{};
  connection_.inbox.drop(given_);
  given_ = 0;
  return chunked_ ? ready_of_chunks() : ready_of_length();
}

/// A body with a length is handed out where it lies in the inbox.
std::optional<BodyReader::Next> BodyReader::ready_of_length() {
  if (remaining_ == 0) {
    done_ = true;
    return Next{};
  }
  if (connection_.inbox.empty()) return std::nullopt;
  given_ = std::min<std::uint64_t>(connection_.inbox.bytes().size(), remaining_);
  remaining_ -= given_;
  received_ += given_;
  return Next{Outcome::Piece, connection_.inbox.bytes().substr(0, given_), {}};
}

/// The chunks' data is moved together at the front of the inbox and handed out there.
std::optional<BodyReader::Next> BodyReader::ready_of_chunks() {
  if (ended_) {
    done_ = true;
    return Next{};
  }
  Result<ChunkedBody::Step> step = chunked_->decode(connection_.inbox.content());
  if (!step) return Next{Outcome::Trouble, {}, std::move(step).error()};
  received_ += step->made;
  ended_ = step->done;
  if (step->made != 0) {
    given_ = step->used;
    return Next{Outcome::Piece, connection_.inbox.bytes().substr(0, step->made), {}};
  }
  connection_.inbox.drop(step->used);
  done_ = ended_;
  return done_ ? std::optional(Next{}) : std::nullopt;
}

/// Reads once from the socket; more where it costs no waiting (TLS gives 16 KiB at a time).
Task<BodyReader::Next> BodyReader::fill() {
  if (owes_continue_) {
    owes_continue_ = false;
    has_said_continue_ = true;
    const Pieces line = {net::buffer(kContinue.data(), kContinue.size())};
    if (!co_await connection_.write(line)) co_return Next{Outcome::Gone, {}, {}};
  }
  do {
    const TimePoint since = SteadyClock::now();
    const Moved moved = co_await connection_.read(read_deadline());
    Next filled = judge(moved, since);
    if (filled.outcome != Outcome::Piece) co_return filled;
  } while (connection_.inbox.bytes().size() + kTlsRecordBytes <= Inbox::kFirstBytes * 8 &&
           connection_.loop.tls.has_value() && connection_.stream->is_ready());
  co_return Next{Outcome::Piece, {}, {}};
}

/// A Piece without bytes: there is more in the inbox.
BodyReader::Next BodyReader::judge(const Moved& moved, TimePoint since) {
  if (connection_.timed_out)
    return {Outcome::Trouble, {}, Error{Code::RequestTimeout, "the body came too slowly or not at all"}};
  if (moved.is_end()) {
    std::string message = fmt::format("the body ended early, after {} bytes", grouped(received_));
    return {Outcome::Trouble, {}, Error{Code::RequestMalformed, std::move(message)}};
  }
  if (moved.error) return {Outcome::Gone, {}, {}};
  count(since, moved.bytes);
  return {Outcome::Piece, {}, {}};
}

/// A body must come at settings.min_bytes_per_second, after settings.rate_window to begin with, and never
/// pause for settings.idle_timeout. Bytes that came fast buy time, up to one pause; so nobody crawls for
/// long.
TimePoint BodyReader::read_deadline() const {
  const ServerSettings& settings = connection_.loop.settings;
  const auto longest = std::min<SteadyClock::duration>(settings.idle_timeout, patience_);
  return std::min(SteadyClock::now() + longest, latest_);
}

void BodyReader::count(TimePoint since, std::uint64_t bytes) {
  const ServerSettings& settings = connection_.loop.settings;
  if (settings.min_bytes_per_second == 0) return;
  const std::chrono::duration<double> bought(static_cast<double>(bytes) /
                                             static_cast<double>(settings.min_bytes_per_second));
  patience_ -= SteadyClock::now() - since;  // our own time between reads does not count
  const SteadyClock::duration most = std::max(settings.idle_timeout, settings.rate_window);
  patience_ = bought > most ? most : patience_ + std::chrono::duration_cast<SteadyClock::duration>(bought);
  patience_ = std::min(patience_, most);
}

}  // namespace rowgate::http

#include "http/sender.h"

#include <fmt/format.h>

#include <limits>

namespace rowgate::http {

namespace {

constexpr std::size_t kFirstPieceBytes = 64 * 1024, kLaterPieceBytes = 256 * 1024;

net::const_buffer as_buffer(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Response trouble_response(Application& application, const Request* request, const Error& error) {
  try {
    return application.trouble(request, error);
  } catch (const std::exception&) {
    Response plain;
    plain.status = 500;
    return plain;
  }
}

void tell_finished(Application& application, const Request* request, const Exchange& exchange) {
  try {
    application.finished(request, exchange);
  } catch (const std::exception&) {
    return;  // the answer is sent; only its line in the log is lost
  }
}

AnswerSender::AnswerSender(Connection& connection, Response response, AnswerManner manner)
    : connection_(connection), response_(std::move(response)), manner_(std::move(manner)) {
  manner_.closes = manner_.closes || response_.close;
}

std::uint64_t AnswerSender::still_due() const {
  if (!response_.length) return std::numeric_limits<std::uint64_t>::max();
  return *response_.length - std::min(*response_.length, body_bytes_);
}

Task<Result<void>> AnswerSender::prepare() {
  if (!response_.stream || manner_.is_head || has_no_body(response_.status)) co_return Result<void>{};
  piece_.resize(std::min<std::uint64_t>(kFirstPieceBytes, std::max<std::uint64_t>(1, still_due())));
  co_return co_await fill();
}

/// Reads the next piece on a worker thread; the stream is closed there too when it is read.
Task<Result<void>> AnswerSender::fill() {
  if (filled_ == kFirstPieceBytes) piece_.resize(kLaterPieceBytes);
  Result<std::size_t> bytes;
  const std::function<void()> work = [&] {
    bytes = read_piece(*response_.stream, piece_);
    if (bytes && *bytes == piece_.size() && *bytes < still_due()) return;
    has_ended_ = true;
    response_.stream.reset();
    response_.keeps_alive.reset();
  };
  co_await on_worker(connection_.loop, work);
  if (!bytes) co_return std::unexpected(std::move(bytes).error());
  filled_ = std::min<std::uint64_t>(*bytes, still_due());
  co_return Result<void>{};
}

AnswerFrame AnswerSender::frame() {
  AnswerFrame made{.is_http_1_0 = manner_.is_http_1_0};
  const bool is_streamed = response_.stream || has_ended_;
  made.length = response_.length.value_or(response_.text.size());
  if (has_no_body(response_.status)) {
    made.end = BodyEnd::NoBody;
  } else if (!is_streamed && !manner_.is_head) {
    made.length = response_.text.size();
  } else if (is_streamed && !response_.length) {
    made.length = filled_;
    if (manner_.is_head)
      made.end = BodyEnd::NoBody;  // nobody knows what GET would say
    else if (!has_ended_)
      made.end = manner_.is_http_1_0 ? BodyEnd::Connection : BodyEnd::Chunked;
  }
  manner_.closes = manner_.closes || made.end == BodyEnd::Connection;
  made.closes = manner_.closes;
  made.date = connection_.loop.date();
  made.request_id = manner_.request_id;
  return made;
}

Task<bool> AnswerSender::send() {
  const AnswerFrame made = frame();
  std::string head = answer_head(response_, made);
  connection_.has_begun_answer = true;
  connection_.begin_answer();
  const bool is_streamed = response_.stream || has_ended_;
  if (manner_.is_head || made.end == BodyEnd::NoBody) {
    const Pieces pieces = {as_buffer(head)};
    const bool is_whole = co_await connection_.write(pieces);
    co_await drop_stream();
    co_return is_whole;
  }
  if (is_streamed) co_return co_await send_stream(std::move(head), made.end);
  const Pieces pieces = {as_buffer(head), as_buffer(response_.text)};
  const bool is_whole = co_await connection_.write(pieces);
  if (is_whole) body_bytes_ = response_.text.size();
  co_return is_whole;
}

Task<bool> AnswerSender::send_stream(std::string head, BodyEnd end) {
  for (;;) {
    const std::string_view piece(piece_.data(), filled_);
    if (!co_await send_piece(head, piece, end)) break;
    head.clear();
    body_bytes_ += filled_;
    if (has_ended_ && (!response_.length || body_bytes_ == *response_.length)) co_return true;
    if (has_ended_) break;
    const Result<void> filled = co_await fill();
    if (!filled) break;
  }
  connection_.stream->reset();
  co_await drop_stream();
  co_return false;
}

/// What makes the bytes of a stream is told to end, and waited for on a worker.
Task<void> AnswerSender::drop_stream() {
  if (!response_.stream) co_return;
  connection_.give_up_work();
  const std::function<void()> drop = [&] {
    response_.stream.reset();
    response_.keeps_alive.reset();
  };
  co_await on_worker(connection_.loop, drop);
}

/// Writes one piece in its framing, and the last chunk behind the last piece.
Task<bool> AnswerSender::send_piece(std::string_view head, std::string_view piece, BodyEnd end) {
  std::string before(head);
  std::string_view after;
  if (end == BodyEnd::Chunked) {
    if (!piece.empty()) before += fmt::format("{:x}\r\n", piece.size());
    after = piece.empty() ? "0\r\n\r\n" : has_ended_ ? "\r\n0\r\n\r\n" : "\r\n";
  }
  const Pieces pieces = {as_buffer(before), as_buffer(piece), as_buffer(after)};
  co_return co_await connection_.write(pieces);
}

}  // namespace rowgate::http

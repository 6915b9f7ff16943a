#include "http/chunked.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace rowgate::http {

namespace beast_http = boost::beast::http;

namespace {

/// Beast looks at the last chunk's line only when the trailer is there; by then the client waits for us.
bool has_lone_lf(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    if (at == 0 || text[at - 1] != '\r') return true;
  return false;
}

}  // namespace

struct ChunkedBody::State {
  beast_http::request_parser<beast_http::buffer_body> parser;
};

/// The parser gets a head of its own, since the client's was read by HeadReader.
ChunkedBody::ChunkedBody() : state_(std::make_unique<State>()) {
  auto& parser = state_->parser;
  parser.body_limit(boost::none);  // of the default, 1 MB; the caller counts
  parser.eager(false);             // else the head's parse would look for a body already
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(kHead.data(), kHead.size()), error);
  parser.eager(true);
}

ChunkedBody::~ChunkedBody() = default;

Result<ChunkedBody::Step> ChunkedBody::decode(std::string_view input, std::span<char> output) {
  auto& parser = state_->parser;
  auto& body = parser.get().body();
  body.data = output.data();
  body.size = output.size();
  body.more = true;
  boost::beast::error_code error;
  Step step;
  step.used = parser.put(boost::asio::buffer(input.data(), input.size()), error);
  step.made = output.size() - body.size;
  step.done = parser.is_done();
  if (error && error != beast_http::error::need_more && error != beast_http::error::need_buffer)
    return fail(Code::RequestMalformed, "the chunked body is damaged: " + error.message());
  if (step.done || error != beast_http::error::need_more) return step;
  const std::string_view waiting = input.substr(step.used);  // a chunk's line or the trailer
  if (has_lone_lf(waiting))
    return fail(Code::RequestMalformed, "a line of the chunked body ends in LF without CR");
  if (waiting.size() > kMaxChunkLineBytes)
    return fail(Code::RequestMalformed, "a chunk's line or the trailer is too long");
  return step;
}

}  // namespace rowgate::http

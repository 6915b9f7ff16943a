#pragma once

#include "http/message.h"

#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace rowgate::http {

/// How the client learns where the body of an answer ends (RFC 9112 section 6).
enum class BodyEnd : std::uint8_t {
  NoBody,      ///< the status has none: 204, 304
  Length,      ///< Content-Length
  Chunked,     ///< Transfer-Encoding: chunked
  Connection,  ///< the connection's end; for HTTP/1.0
};

/// What the connection adds to the head of an answer.
struct AnswerFrame {
  BodyEnd end = BodyEnd::Length;
  std::uint64_t length = 0;  ///< where `end` is Length
  bool closes = false;
  bool is_http_1_0 = false;  ///< the request's version
  std::string_view date = {}, request_id = {};
};

/// Status line and fields, with the empty line. Fields that belong to the connection (Content-Length, Date,
/// Connection, ...) are ours, whatever the response says; control characters in values become spaces.
std::string answer_head(const Response& response, const AnswerFrame& frame);

/// "Not Found"; empty for a status that has no name (RFC 9110 section 15).
std::string_view reason(int status);
/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(std::time_t at);
/// 1xx, 204 and 304 have no body (RFC 9112 section 6.3).
bool has_no_body(int status);

/// Fills `into` from the stream of an answer; fewer bytes only at its end. Exceptions become errors, since a
/// database library may throw.
Result<std::size_t> read_piece(io::Source& source, std::span<char> into);

}  // namespace rowgate::http

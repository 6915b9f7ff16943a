#pragma once

#include "http/answer.h"
#include "http/connection.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::http {

/// What an answer must heed of its request and connection.
struct AnswerManner {
  bool is_head = false;      ///< to HEAD: the fields only
  bool is_http_1_0 = false;  ///< no chunks
  bool closes = false;       ///< says so, and the connection ends
  std::string request_id = {};
};

/// Sends one answer.
class AnswerSender {
 public:
  AnswerSender(Connection& connection, Response response, AnswerManner manner);

  /// Reads the first piece of a stream, so that one that fails at once can be answered with an error instead.
  Task<Result<void>> prepare();
  /// False when the client did not get all of it. A stream that fails half-way cuts the connection, so that
  /// nobody takes what came for the whole.
  Task<bool> send();

  int status() const { return response_.status; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  /// The connection ends after it.
  bool closes() const { return manner_.closes; }

 private:
  AnswerFrame frame();
  Task<bool> send_stream(std::string head, BodyEnd end);
  Task<bool> send_piece(std::string_view head, std::string_view piece, BodyEnd end);
  Task<Result<void>> fill();
  Task<void> drop_stream();
  std::uint64_t still_due() const;

  Connection& connection_;
  Response response_;
  AnswerManner manner_;
  std::vector<char> piece_ = {};
  std::size_t filled_ = 0;
  bool has_ended_ = false;  ///< of the stream
  std::uint64_t body_bytes_ = 0;
};

/// What the application says of the trouble; a plain 500 where it fails itself.
Response trouble_response(Application& application, const Request* request, const Error& error);
/// Calls finished(), which must not bring down a connection.
void tell_finished(Application& application, const Request* request, const Exchange& exchange);

}  // namespace rowgate::http

#pragma once

#include "http/message.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace rowgate::http {

/// A request that is here as a whole, from something else than a socket.
struct WholeRequest {
  std::string method, target;  ///< as in Request
  Fields headers = {};         ///< names in lower case
  std::string remote_address = {}, public_url = {};
  std::string body = {};
  bool is_own = false;
};

/// Its answer, as a whole too. No Date, no Content-Length.
struct WholeAnswer {
  int status = 500;
  Fields headers = {};
  std::string body = {};
};

/// Serves an Application without a server: one request at a time, on the caller's thread.
class InProcess {
 public:
  /// `max_answer_bytes`: a larger body becomes limit.answer.
  InProcess(Application& application, std::uint64_t max_answer_bytes)
      : application_(application), max_answer_bytes_(max_answer_bytes) {}

  using Moment = std::chrono::steady_clock::time_point;
  /// How long an answer may take.
  struct Patience {
    Moment late = Moment::max();  ///< what goes on is asked by `hurry` to end, and waited for
    Moment last = Moment::max();  ///< it is not waited for any longer
    std::function<void()> hurry = {};
  };
  /// Blocks until there is an answer, also to a load.
  WholeAnswer answer(WholeRequest whole, const Patience& patience);
  /// A load did not end in time, although it was asked to: the process should end now, since nobody waits for
  /// that load any more.
  bool has_given_up() const { return has_given_up_; }
  /// The answer to a request that could not be read.
  WholeAnswer refuse(const Error& error);

 private:
  WholeAnswer given(const Request& request, Response response, std::uint64_t received, Moment began);
  Response respond(Request& request, std::string_view body, const Patience& patience);
  Result<std::string> body_of(Response& response) const;

  Application& application_;
  std::uint64_t max_answer_bytes_;
  bool has_given_up_ = false;
};

/// What is told where an answer is larger than may be given.
Error answer_too_large(std::uint64_t limit_bytes);

}  // namespace rowgate::http

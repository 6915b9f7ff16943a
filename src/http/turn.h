#pragma once

#include "http/body.h"
#include "http/connection.h"
#include "http/head.h"
#include "http/sender.h"

#include <memory>
#include <optional>
#include <stop_token>

namespace rowgate::http {

/// One request whose head is there, until its answer is sent and its body is out of the way.
class RequestTurn {
 public:
  RequestTurn(Connection& connection, Head head);

  /// True when the connection may go on to the next request.
  Task<bool> run();

 private:
  /// Where a coroutine waits for a wake from elsewhere.
  struct WaitPoint {
    Timer timer;
    bool is_woken = false;
  };
  struct Begun {
    std::optional<Accepted> accepted = {};                           ///< more of the body is still to come
    BodyReader::Next next = {BodyReader::Outcome::Nothing, {}, {}};  ///< of it, where it was looked at
    std::optional<Error> trouble = {};                               ///< with what came of it
    std::optional<Reply> reply = {};                                 ///< or all is said already
  };

  Connection::Work working() { return Connection::Work(connection_, unwanted_, !head_.is_http_1_0); }
  Task<std::optional<Response>> respond();
  std::optional<Response> quick_answer();
  Begun begin();
  void take_arrived(Begun& begun);
  Task<std::optional<Reply>> receive(Begun begun);
  Task<Reply> end_early(Accepted accepted, Error error);
  Reply answer(std::unique_ptr<BodyReceiver> body);
  std::optional<Error> give(BodyReceiver& receiver, std::string_view bytes);
  std::optional<Error> give_arrived(BodyReceiver& receiver, BodyReader::Next& next, std::uint64_t limit);
  void subscribe(Later& later);
  Task<std::optional<Response>> wait_for(Later later);
  Task<void> send(Response response);
  bool may_keep(const Response& response) const;
  Task<bool> drain();
  Task<bool> is_client_gone();
  Response trouble(const Error& error);
  template <class Made, class Make>
  Made guarded(Make make);

  Connection& connection_;
  Loop& loop_;
  Head head_;
  Request& request_;
  BodyReader body_;
  Exchange exchange_ = {};
  TimePoint started_;
  std::shared_ptr<WaitPoint> wait_point_ = {};
  bool keeps_ = true;
  std::stop_source unwanted_ = {};  ///< asked to stop when nobody waits for the answer any more
};

}  // namespace rowgate::http

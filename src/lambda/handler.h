#pragma once

#include "http/in_process.h"
#include "lambda/event.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace rowgate::lambda {

/// Why an invocation failed, as the runtime API is told it.
struct Failure {
  std::string type, message;
};

/// Turns one event into its answer. An HTTP event always has one, whatever goes wrong. An object under
/// uploads/ is loaded into the table that its key names; where that may go well later the invocation fails,
/// so that it is tried again.
class Handler {
 public:
  struct Settings {
    std::string bucket = {}, prefix = {};       ///< of the store; an empty bucket: it has none
    std::uint64_t max_event_bytes = 6'291'556;  ///< a longer event comes cut off
    std::uint64_t max_body_bytes = 4'500'000, max_answer_bytes = 6'291'556;
    bool uses_own_url = false;  ///< links begin with server.public_url, not with the event's address
  };
  /// `hurry`: ends what goes on; `tidy`: what the clock's event asks for.
  Handler(http::InProcess& service, Settings settings, std::function<void()> hurry,
          std::function<void()> tidy);

  using Moment = http::InProcess::Moment;
  /// The JSON of the answer. At `late` what goes on is asked to end, at `last` there is an answer.
  std::expected<std::string, Failure> handle(std::string_view event, Moment late, Moment last);
  /// The process is to end when the answer is given; see http::InProcess.
  bool has_given_up() const { return service_.has_given_up(); }

 private:
  using Patience = http::InProcess::Patience;
  std::string answer(HttpEvent event, const Patience& patience);
  std::string unreadable(const Error& error, std::size_t bytes);
  std::expected<std::string, Failure> load(const ObjectsEvent& event, const Patience& patience);
  std::string bounded(const http::WholeAnswer& answer);

  http::InProcess& service_;
  Settings settings_;
  std::function<void()> hurry_, tidy_;
};

}  // namespace rowgate::lambda

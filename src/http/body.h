#pragma once

#include "http/chunked.h"
#include "http/connection.h"
#include "http/head.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace rowgate::http {

/// The body of one request, read in pieces as it comes.
class BodyReader {
 public:
  BodyReader(Connection& connection, const Head& head);

  enum class Outcome : std::uint8_t { Piece, End, Trouble, Gone, Nothing };
  struct Next {
    Outcome outcome = Outcome::End;
    std::string_view bytes = {};        ///< of a Piece; valid until the next call
    std::optional<Error> trouble = {};  ///< request.timeout, request.malformed
  };
  /// The next piece, never empty. Gone: the connection broke.
  Task<Next> next();
  /// The same without waiting: Nothing where it has not come yet. On a worker that the connection waits for.
  Next next_now();
  /// Sends "100 Continue" before the first read; for a client that waits for it.
  void promise_continue() { owes_continue_ = true; }
  bool has_said_continue() const { return has_said_continue_; }
  /// From now on nothing is waited for beyond `until`.
  void hurry(TimePoint until) { latest_ = until; }

  /// Passes over the whole body, if it has a length and is all here already; else false, and nothing is done.
  bool skip_at_hand();

  bool is_done() const { return done_; }
  std::uint64_t received() const { return received_; }
  /// How much is still to come; nullopt when only the client knows.
  std::optional<std::uint64_t> remaining() const;

 private:
  std::optional<Next> ready();
  std::optional<Next> ready_of_length();
  std::optional<Next> ready_of_chunks();
  Task<Next> fill();
  Next judge(const Moved& moved, TimePoint since);
  TimePoint read_deadline() const;
  void count(TimePoint since, std::uint64_t bytes);

  Connection& connection_;
  std::optional<ChunkedBody> chunked_ = {};
  std::uint64_t remaining_ = 0, received_ = 0;
  std::size_t given_ = 0;  ///< bytes at the front of the inbox that the caller has
  bool ended_ = false;     ///< the last chunk was read; what was given is still to be dropped
  bool done_ = false, owes_continue_ = false, has_said_continue_ = false;
  TimePoint latest_ = TimePoint::max();
  SteadyClock::duration patience_;  ///< how much longer we would wait for the client; bytes add to it
};

}  // namespace rowgate::http

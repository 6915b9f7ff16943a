#pragma once

#include "http/inbox.h"
#include "http/loop.h"

#include <memory>
#include <string>

namespace rowgate::http {

/// An accepted connection: the socket, what was read from it, and until when it may keep us waiting.
/// Lives as long as its coroutine. Loop thread only, but for read_now().
class Connection {
 public:
  Connection(Loop& loop, std::unique_ptr<Stream> stream, bool is_admin, bool is_surplus);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Ends a wait that has lasted too long; called by the sweeper.
  void sweep(TimePoint now);
  /// Ends it if it waits for a request; called when the server stops.
  void close_if_idle();
  void close_now();

  /// Reads into the inbox. The wait ends at `until` with timed_out().
  Task<Moved> read(TimePoint until);
  /// The same without waiting; from any thread while the connection's coroutine waits for that thread.
  Moved read_now();
  /// Writes all of it; false when the peer is gone or does not read for settings.idle_timeout.
  Task<bool> write(Pieces pieces);

  Loop& loop;
  std::unique_ptr<Stream> stream;
  Inbox inbox = {};
  std::string peer;               ///< its address as text
  bool is_admin = false;          ///< of its listener
  bool is_surplus = false;        ///< over settings.max_connections: is told so
  bool is_idle = false;           ///< waits for the first byte of a request
  bool timed_out = false;         ///< the last wait ended by its deadline
  bool is_cut = false;            ///< the server's grace has passed
  bool has_begun_answer = false;  ///< bytes of the answer to the present request were written
  TimePoint deadline = TimePoint::max();
  Timer* pause = nullptr;  ///< what its coroutine waits for, where that is not the socket
};

/// Serves the requests of one connection until it ends.
Task<void> serve(std::shared_ptr<Connection> connection);

}  // namespace rowgate::http

#pragma once

#include "http/inbox.h"
#include "http/loop.h"

#include <memory>
#include <stop_token>
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

  /// Ends a wait that has lasted too long, and work for a peer that is gone; called by the sweeper.
  void sweep(TimePoint now);
  /// Ends it if it waits for a request; called when the server stops.
  void close_if_idle();
  void close_now();
  /// Ends it if no request is under way, so that another one finds room.
  void give_way();
  /// Nobody waits any more for the answer that is being made.
  void give_up_work();

  /// Reads into the inbox. The wait ends at `until` with timed_out().
  Task<Moved> read(TimePoint until);
  /// The same without waiting; from any thread while the connection's coroutine waits for that thread.
  Moved read_now();
  /// Writes all of it; false when the peer is gone, does not read for settings.idle_timeout, or reads the
  /// answer more slowly than settings.min_read_bytes_per_second.
  Task<bool> write(Pieces pieces);
  /// What is written from now on is another answer.
  void begin_answer();

  Loop& loop;
  std::unique_ptr<Stream> stream;
  Inbox inbox = {};
  std::string peer;           ///< its address as text
  bool is_admin = false;      ///< of its listener
  bool is_surplus = false;    ///< over settings.max_connections: is told so
  bool is_idle = false;       ///< waits for the first byte of a request
  bool is_between = true;     ///< no request is under way: its handshake, or a head is waited for
  bool is_leaving = false;    ///< gives way to another one
  bool is_peer_gone = false;  ///< found while an answer was being made
  TimePoint between_since = SteadyClock::now();
  bool timed_out = false;         ///< the last wait ended by its deadline
  bool is_cut = false;            ///< the server's grace has passed
  bool has_begun_answer = false;  ///< bytes of the answer to the present request were written
  TimePoint deadline = TimePoint::max();
  Timer* pause = nullptr;  ///< what its coroutine waits for, where that is not the socket

  /// While it lives an answer is being made, and the peer is watched. `may_ask`: see look_at_peer().
  class Work {
   public:
    Work(Connection& connection, std::stop_source& stop, bool may_ask);
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    ~Work() { connection_.work_ = nullptr; }

   private:
    Connection& connection_;
  };

 private:
  void look_at_peer();
  bool has_peer_left();
  bool spend(SteadyClock::duration waited, std::size_t bytes);

  std::stop_source* work_ = nullptr;
  bool may_ask_ = false, was_asked_ = false;
  TimePoint ask_from_ = {};
  SteadyClock::duration patience_ = {};  ///< with a peer that reads an answer
};

/// Serves the requests of one connection until it ends.
Task<void> serve(std::shared_ptr<Connection> connection);

}  // namespace rowgate::http

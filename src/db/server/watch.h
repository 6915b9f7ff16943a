#pragma once

#include "base/error.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

namespace rowgate::db::server {

class WatchedSocket;

/// How long a login may take where the server may say nothing for `silence`.
constexpr std::chrono::milliseconds login_time(std::chrono::milliseconds silence) {
  return std::min(silence, std::chrono::milliseconds(10'000));
}

/// Ends the waits for a server that last too long, or that nobody wants any more. A client library waits
/// inside its own calls, so the socket is shut down under it: the call fails at once, and the session is
/// lost. One thread looks at all sockets, several times a second, while there are any. Thread safe.
///
/// A statement of a load may take long, and says nothing meanwhile. So who has waited for `silence` does not
/// fail yet where more is allowed: the server is asked on another session whether it still answers.
class SocketWatch {
 public:
  /// `ask` waits for the server's answer at most for login_time(silence), from a thread of its own.
  SocketWatch(std::chrono::milliseconds silence, std::function<bool()> ask)
      : silence_(silence), ask_(std::move(ask)) {}
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Ends all waits now, and every later one at once.
  void stop();
  /// `ask` is not called any more, and has returned.
  void ask_no_more();

 private:
  friend class WatchedSocket;
  void add(WatchedSocket& socket);
  void remove(WatchedSocket& socket);
  void look(const std::stop_token& over);
  void ask();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<WatchedSocket*> sockets_;
  bool is_stopped_ = false, is_asking_ = false, asks_no_more_ = false;
  std::chrono::steady_clock::time_point asked_ = {};
  std::chrono::milliseconds silence_;
  std::function<bool()> ask_;
  std::jthread thread_, asker_;
};

/// The socket of one session, as long as it lives. Used by the session's thread; only the watch looks at it
/// from another one.
class WatchedSocket {
 public:
  /// `silence`: how long the server may say nothing while it is waited for.
  WatchedSocket(std::shared_ptr<SocketWatch> watch, int socket, std::chrono::milliseconds silence);
  ~WatchedSocket();
  WatchedSocket(const WatchedSocket&) = delete;
  WatchedSocket& operator=(const WatchedSocket&) = delete;

  void allow_silence(std::chrono::milliseconds silence) { silence_ = silence.count(); }
  /// The session ends when that is asked for.
  void obey(std::stop_token stop);
  /// The server is waited for from now on; again: it has just said something.
  void expect() {
    since_.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  }
  bool is_expected() const { return since_.load(std::memory_order_relaxed) != kNever; }
  /// Nobody waits.
  void rest() { since_.store(kNever, std::memory_order_relaxed); }

  /// Why the session was ended from this side; nullopt where it was not.
  std::optional<Error> why_cut() const;
  /// It was ended because nobody wants its result: its statement may still run at the server.
  bool is_unwanted() const { return cut_ == Cut::Unwanted; }

 private:
  friend class SocketWatch;
  enum class Cut : std::uint8_t { No, Silent, Unwanted, Over };
  static constexpr std::int64_t kNever = INT64_MAX;
  /// How long the server has said nothing.
  std::chrono::steady_clock::duration waited(std::chrono::steady_clock::time_point now) const;
  void look(std::chrono::steady_clock::time_point now);
  void cut(Cut why);

  std::shared_ptr<SocketWatch> watch_;
  int socket_;  ///< a descriptor of its own, so that it cannot be another file's when it is shut down
  std::atomic<std::int64_t> silence_;  ///< in milliseconds
  std::stop_token stop_;               ///< guarded by the watch's mutex
  std::atomic<std::int64_t> since_ = kNever, waited_ms_ = 0;
  std::atomic<Cut> cut_ = Cut::No;
};

/// While it lives the server is waited for; so it is when one within it ends.
class Expecting {
 public:
  explicit Expecting(WatchedSocket& socket) : socket_(socket), is_inner_(socket.is_expected()) {
    socket_.expect();
  }
  Expecting(const Expecting&) = delete;
  Expecting& operator=(const Expecting&) = delete;
  ~Expecting() {
    if (is_inner_)
      socket_.expect();
    else
      socket_.rest();
  }

 private:
  WatchedSocket& socket_;
  bool is_inner_;
};

}  // namespace rowgate::db::server

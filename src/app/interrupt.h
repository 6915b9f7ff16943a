#pragma once

#include "app/terminal.h"

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace rowgate::app {

/// While it lives, Ctrl-C and SIGTERM ask for a stop instead of ending the process; the second one ends it at
/// once. SIGPIPE is ignored, so that a load does not die of a reader that has gone. Made before any other
/// thread, since threads inherit which signals they leave to it. One at a time.
class InterruptWatch {
 public:
  /// Whether SIGHUP and SIGUSR1 end the process, as usual, or leave a server running.
  enum class Kind { Command, Server };
  explicit InterruptWatch(const Terminal& terminal, Kind kind = Kind::Command);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch();

  const Terminal& terminal_;
  std::stop_source stop_;
  sigset_t watched_{}, before_{};
  struct sigaction pipe_before_{};
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace rowgate::app

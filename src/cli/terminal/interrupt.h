#pragma once

#include "cli/terminal/terminal.h"

#include <atomic>
#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace rowgate::cli {

/// While it lives, Ctrl-C and SIGTERM ask for a stop instead of ending the process; the second one ends it at
/// once. SIGPIPE is ignored, so that a load does not die of a reader that has gone. Made before any other
/// thread, since threads inherit which signals they leave to it. One at a time.
class InterruptWatch {
 public:
  /// With `on_hangup`, which is called on a thread of its own, SIGHUP does not end the process, nor does
  /// SIGUSR1.
  explicit InterruptWatch(const Terminal& terminal, std::function<void()> on_hangup = {});
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch();

  const Terminal& terminal_;
  std::function<void()> on_hangup_;
  std::stop_source stop_;
  sigset_t watched_{}, before_{};
  struct sigaction pipe_before_{}, user_before_{};
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace rowgate::cli

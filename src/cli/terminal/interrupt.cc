#include "cli/terminal/interrupt.h"

#include "base/codes.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

namespace rowgate::cli {
namespace {

/// A signal that the parent process has switched off (nohup, a background job) stays off.
bool is_ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

InterruptWatch::InterruptWatch(const Terminal& terminal, std::function<void()> on_hangup)
    : terminal_(terminal), on_hangup_(std::move(on_hangup)) {
  sigemptyset(&watched_);
  for (const int signal : {SIGINT, SIGTERM})
    if (!is_ignored(signal)) sigaddset(&watched_, signal);
  if (on_hangup_ && !is_ignored(SIGHUP)) sigaddset(&watched_, SIGHUP);
  sigaddset(&watched_, SIGUSR2);  // wakes the thread at the end
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  sigaction(SIGUSR1, on_hangup_ ? &ignore : nullptr, &user_before_);
  thread_ = std::thread([this] { watch(); });
}

InterruptWatch::~InterruptWatch() {
  over_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  sigaction(SIGUSR1, &user_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptWatch::watch() {
  while (true) {
    int signal = 0;
    if (sigwait(&watched_, &signal) != 0) continue;
    if (over_) return;
    if (signal == SIGUSR2) continue;
    if (signal == SIGHUP) {
      on_hangup_();
      continue;
    }
    // Nothing is flushed: the other threads are in the middle of their work, and the database rolls back by
    // itself.
    if (stop_.stop_requested()) _exit(info(Code::RunInterrupted).exit_code);
    stop_.request_stop();
    terminal_.say("\nstopping; once more to stop at once");
  }
}

}  // namespace rowgate::cli

#include "cli/terminal/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace rowgate::cli {
namespace {

/// How a signal is dealt with; a background job of a shell starts with SIGINT switched off.
class Disposition {
 public:
  Disposition(int signal, void (*handler)(int)) : signal_(signal), before_(std::signal(signal, handler)) {}
  Disposition(const Disposition&) = delete;
  Disposition& operator=(const Disposition&) = delete;
  ~Disposition() { std::signal(signal_, before_); }

 private:
  int signal_;
  void (*before_)(int);
};

TEST(InterruptWatch, TurnsASignalIntoAStop) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Disposition usual(signal, SIG_DFL);
    Terminal quiet;
    quiet.quiet = true;
    const InterruptWatch watch(quiet);
    std::atomic<bool> stopped = false;
    const std::stop_callback callback(watch.token(), [&] {
      stopped = true;
      stopped.notify_all();
    });
    kill(getpid(), signal);
    stopped.wait(false);
    EXPECT_TRUE(watch.token().stop_requested());
  }
}

TEST(InterruptWatch, LeavesASignalOffThatWasSwitchedOff) {
  const Disposition off(SIGINT, SIG_IGN);
  Terminal quiet;
  quiet.quiet = true;
  const InterruptWatch watch(quiet);
  kill(getpid(), SIGINT);
  EXPECT_FALSE(watch.token().stop_requested());
}

TEST(InterruptWatch, AServerOutlivesSignalsThatAskForNoStop) {
  const Disposition hang_up(SIGHUP, SIG_DFL), user(SIGUSR1, SIG_DFL), usual(SIGTERM, SIG_DFL);
  Terminal quiet;
  quiet.quiet = true;
  std::atomic<int> hangups = 0;
  const InterruptWatch watch(quiet, [&] {
    ++hangups;
    hangups.notify_all();
  });
  std::atomic<bool> stopped = false;
  const std::stop_callback callback(watch.token(), [&] {
    stopped = true;
    stopped.notify_all();
  });
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGUSR1);
  hangups.wait(0);
  EXPECT_EQ(hangups, 1);
  EXPECT_FALSE(watch.token().stop_requested());
  kill(getpid(), SIGTERM);
  stopped.wait(false);
}

TEST(InterruptWatch, LeavesTheSignalsAsTheyWere) {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    const Terminal terminal;
    const InterruptWatch watch(terminal);
    EXPECT_FALSE(watch.token().stop_requested());
  }
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR2, SIGPIPE})
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
  struct sigaction pipe{};
  sigaction(SIGPIPE, nullptr, &pipe);
  EXPECT_EQ(pipe.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace rowgate::cli

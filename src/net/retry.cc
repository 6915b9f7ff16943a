#include "net/retry.h"

#include <algorithm>
#include <random>
#include <thread>

namespace rowgate::net {
namespace {

double any_part() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

bool Backoff::wait() {
  if (tried_ >= retries_.tries) return false;
  ++tried_;
  const double part = retries_.chance ? retries_.chance() : any_part();
  const std::chrono::milliseconds pause(
      static_cast<std::chrono::milliseconds::rep>(part * static_cast<double>(pause_.count())));
  pause_ = std::min(pause_ * 2, retries_.most);
  if (retries_.sleep)
    retries_.sleep(pause);
  else
    std::this_thread::sleep_for(pause);
  return true;
}

}  // namespace rowgate::net

#pragma once

#include <chrono>
#include <functional>

namespace rowgate::net {

/// How often something is tried that may pass, and how long to wait in between: any part of a time that
/// doubles ("full jitter"), so that many who wait do not come back at once. Waiting and chance are given by
/// tests.
struct Retries {
  int tries = 6;
  std::chrono::milliseconds first{100}, most{10'000};
  std::function<void(std::chrono::milliseconds)> sleep = {};  ///< empty: really
  std::function<double()> chance = {};                        ///< from 0 to 1; empty: random
};

/// The tries of one request: `do { ... } while (failed && backoff.wait())`. Not thread safe.
class Backoff {
 public:
  explicit Backoff(const Retries& retries) : retries_(retries), pause_(retries.first) {}
  /// False when there are no more tries; else waits first.
  bool wait();
  int tries() const { return tried_; }

 private:
  const Retries& retries_;
  std::chrono::milliseconds pause_;
  int tried_ = 1;
};

}  // namespace rowgate::net

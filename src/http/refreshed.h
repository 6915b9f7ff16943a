#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace rowgate::http {

/// A value that takes long to find out and is asked for often, by whoever likes: found out at most once in
/// `period`, by one thread, while all others get the last one. Only the first of all has to be waited for.
/// Thread safe.
template <class T>
class Refreshed {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  Refreshed(std::chrono::milliseconds period, std::function<T()> find_out)
      : period_(period), find_out_(std::move(find_out)) {}

  T get(Moment now = std::chrono::steady_clock::now()) {
    std::unique_lock lock(mutex_);
    if (value_ && (is_busy_ || now - found_out_ < period_)) return *value_;
    if (!value_) {
      value_ = find_out_();  // under the lock: there is nothing else to give
      found_out_ = now;
      return *value_;
    }

    is_busy_ = true;
    lock.unlock();
    T fresh = find_out_();
    lock.lock();
    value_ = std::move(fresh);
    found_out_ = now;
    is_busy_ = false;
    return *value_;
  }

 private:
  std::chrono::milliseconds period_;
  std::function<T()> find_out_;
  std::mutex mutex_;
  std::optional<T> value_;
  Moment found_out_ = {};
  bool is_busy_ = false;
};

}  // namespace rowgate::http

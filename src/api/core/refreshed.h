#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace rowgate::api {

/// A value that may take long to find out and is asked for often, by whoever likes: found out at most once in
/// `period`, on a thread of its own. Once that takes longer than a moment, who asks gets the last one, or
/// `unknown` where there was none. Thread safe. The destructor waits for what is being found out.
template <class T>
class Refreshed {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  struct Patience {
    std::chrono::milliseconds first{2000};  ///< as long as there is no value at all
    std::chrono::milliseconds later{250};
  };

  Refreshed(std::chrono::milliseconds period, std::function<T()> find_out, T unknown,
            Patience patience = Patience())
      : period_(period), find_out_(std::move(find_out)), unknown_(std::move(unknown)), patience_(patience) {}

  T get(Moment now = std::chrono::steady_clock::now()) {
    std::unique_lock lock(mutex_);
    const bool is_known = value_.has_value();
    if (is_known && (is_busy_ || now - found_out_ < period_)) return *value_;

    if (!is_busy_) start(now);
    const Moment until = started_ + (is_known ? patience_.later : patience_.first);
    found_.wait_until(lock, until, [this] { return !is_busy_; });
    return value_.value_or(unknown_);
  }

 private:
  void start(Moment now) {
    is_busy_ = true;
    started_ = std::chrono::steady_clock::now();
    thread_ = std::jthread([this, now] {
      T fresh = find_out_();
      {
        const std::scoped_lock lock(mutex_);
        value_ = std::move(fresh);
        found_out_ = now;
        is_busy_ = false;
      }
      found_.notify_all();
    });
  }

  std::chrono::milliseconds period_;
  std::function<T()> find_out_;
  T unknown_;
  Patience patience_;
  std::mutex mutex_;
  std::condition_variable found_;
  std::optional<T> value_;
  Moment found_out_ = {}, started_ = {};
  bool is_busy_ = false;
  std::jthread thread_;  ///< last: ends before what it uses
};

}  // namespace rowgate::api

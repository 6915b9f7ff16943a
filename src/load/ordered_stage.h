#pragma once

// One producer, several workers, one consumer, and the order of the producer kept.
//
// A fixed number of slots goes round: free -> filled by the producer -> worked on -> consumed -> free. When
// the consumer (the database) is slow all slots are waiting for it, the producer finds none free and stops
// reading. So memory is bounded by the number of slots, whatever the file, and the slots' own buffers are
// used again and again. The consumer runs on the calling thread. An error of the producer reaches the
// consumer in its place in the order; an error of the consumer stops everybody at the next slot border.
//
// Without workers everything happens on the calling thread, one slot after the other: for what is done before
// threads would have begun.

#include "base/error.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

namespace rowgate::load {

/// Slot: default constructible; holds what the producer makes and what the workers make of it.
template <class Slot>
class OrderedStage {
 public:
  struct Steps {
    std::function<Result<bool>(Slot&)> produce;  ///< false = the end; on the producer's thread
    std::function<void(Slot&)> work;             ///< on any worker's thread, several at once
    std::function<Result<bool>(Slot&)> consume;  ///< in order, on the calling thread; false = enough
  };
  explicit OrderedStage(unsigned workers) : workers_(workers), slots_(workers == 0 ? 1 : workers + 3) {}

  /// Runs until the producer ends, an error, or a stop (checked between slots; then the result is still
  /// success and the caller looks at its stop token). All threads have ended when it returns. Once per
  /// object.
  Result<void> run(Steps steps, std::stop_token stop);

 private:
  enum class Stage : std::uint8_t { Free, Filled, Done };
  struct Entry {
    Slot slot;
    Stage stage = Stage::Free;
  };
  Result<void> run_alone(const Steps& steps, const std::stop_token& stop);
  void produce(const Steps& steps, const std::stop_token& stop);
  void work(const Steps& steps);
  Result<void> consume(const Steps& steps, const std::stop_token& stop);
  void close();

  unsigned workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> slots_;    ///< number n lies in slots_[n % size]: in order, so a ring
  std::uint64_t filled_ = 0;    ///< slots filled so far
  std::uint64_t taken_ = 0;     ///< of these, given to a worker
  std::uint64_t consumed_ = 0;  ///< of these, consumed
  bool ended_ = false;          ///< the producer is done
  bool closed_ = false;         ///< the consumer is done; everybody leaves
  std::optional<Error> producer_error_;
};

template <class Slot>
Result<void> OrderedStage<Slot>::run(Steps steps, std::stop_token stop) {
  if (workers_ == 0) return run_alone(steps, stop);
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { produce(steps, stop); });
  for (unsigned i = 0; i < workers_; ++i) threads.emplace_back([&] { work(steps); });
  Result<void> outcome = consume(steps, stop);
  close();
  return outcome;  // the threads are joined here
}

template <class Slot>
Result<void> OrderedStage<Slot>::run_alone(const Steps& steps, const std::stop_token& stop) {
  Slot& slot = slots_.front().slot;
  bool go_on = true;
  while (go_on && !stop.stop_requested()) {
    TRY_ASSIGN(go_on, steps.produce(slot));
    if (!go_on) break;
    steps.work(slot);
    if (stop.stop_requested()) break;
    TRY_ASSIGN(go_on, steps.consume(slot));
  }
  return {};
}

template <class Slot>
void OrderedStage<Slot>::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

template <class Slot>
void OrderedStage<Slot>::produce(const Steps& steps, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait(lock, [&] { return closed_ || filled_ - consumed_ < slots_.size(); });
    if (closed_) return;
    Entry& entry = slots_[filled_ % slots_.size()];
    lock.unlock();
    Result<bool> more = steps.produce(entry.slot);
    lock.lock();
    if (!more) producer_error_ = more.error();
    if (!more || !*more) break;
    entry.stage = Stage::Filled;
    ++filled_;
    changed_.notify_all();
  }
  ended_ = true;
  changed_.notify_all();
}

template <class Slot>
void OrderedStage<Slot>::work(const Steps& steps) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return closed_ || taken_ < filled_ || ended_; });
    if (closed_ || taken_ == filled_) return;
    Entry& entry = slots_[taken_++ % slots_.size()];
    lock.unlock();
    steps.work(entry.slot);
    lock.lock();
    entry.stage = Stage::Done;
    changed_.notify_all();
  }
}

template <class Slot>
Result<void> OrderedStage<Slot>::consume(const Steps& steps, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    Entry& entry = slots_[consumed_ % slots_.size()];
    changed_.wait(lock, [&] { return entry.stage == Stage::Done || (ended_ && consumed_ == filled_); });
    if (stop.stop_requested()) return {};
    if (entry.stage != Stage::Done) {
      if (producer_error_) return std::unexpected(*producer_error_);
      return {};
    }
    lock.unlock();
    TRY_ASSIGN(const bool go_on, steps.consume(entry.slot));
    lock.lock();
    entry.stage = Stage::Free;
    ++consumed_;
    changed_.notify_all();
    if (!go_on) return {};
  }
}

}  // namespace rowgate::load

#include "http/loop.h"

#include "http/answer.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace rowgate::http {

void Doorbell::ring(std::function<void()> on_loop) {
  const std::scoped_lock lock(mutex_);
  if (context_ != nullptr) net::post(*context_, std::move(on_loop));
}

void Doorbell::disconnect() {
  const std::scoped_lock lock(mutex_);
  context_ = nullptr;
}

Loop::Loop(Application& served, ServerSettings given)
    : application(served),
      settings(std::move(given)),
      doorbell(std::make_shared<Doorbell>(context)),
      workers(std::max(1U, settings.workers)),
      readers(std::max(1U, settings.workers / 2)),
      probes(2),
      receivers(std::clamp(std::thread::hardware_concurrency(), 2U, 16U)) {}

/// What runs on a thread uses frames that live in the context, so it must end first.
Loop::~Loop() {
  doorbell->disconnect();
  for (net::thread_pool* pool : {&workers, &readers, &probes, &receivers}) pool->stop();
  for (net::thread_pool* pool : {&workers, &readers, &probes, &receivers}) pool->join();
}

const std::string& Loop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second || date_text.empty()) {
    date_text = http_date(now);
    date_second = now;
  }
  return date_text;
}

void Loop::left(Connection& connection) {
  connections.erase(&connection);
  if (is_stopping && connections.empty()) context.stop();
}

namespace {

/// From now on this thread does not take a CPU from the loop when it is woken (sched(7), SCHED_BATCH): that
/// has little to do each time, and everybody waits for it.
void let_the_loop_go_first() {
  int policy = 0;
  sched_param parameters{};
  if (::pthread_getschedparam(::pthread_self(), &policy, &parameters) == 0 && policy == SCHED_OTHER)
    (void)::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &parameters);
}

Task<void> on_thread_of(net::thread_pool& pool, const std::function<void()>& work) {
  auto start = [&pool, &work](auto handler) {
    net::post(pool, [handler = std::move(handler), &work]() mutable {
      [[maybe_unused]] thread_local const bool is_set_up = (let_the_loop_go_first(), true);
      work();
      auto executor = net::get_associated_executor(handler);
      net::post(executor, std::move(handler));
    });
  };
  const net::use_awaitable_t<Executor> token;
  co_await net::async_initiate<const net::use_awaitable_t<Executor>, void()>(std::move(start), token);
}

}  // namespace

Task<void> on_crew(Loop& loop, Crew crew, const std::function<void()>& work) {
  net::thread_pool& pool = crew == Crew::Readers  ? loop.readers
                           : crew == Crew::Probes ? loop.probes
                                                  : loop.workers;
  return on_thread_of(pool, work);
}

Task<void> on_worker(Loop& loop, const std::function<void()>& work) {
  return on_crew(loop, Crew::Workers, work);
}

Task<void> on_receiver(Loop& loop, const std::function<void()>& work) {
  return on_thread_of(loop.receivers, work);
}

}  // namespace rowgate::http

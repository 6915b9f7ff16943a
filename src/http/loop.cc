#include "http/loop.h"

#include "http/answer.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

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
      workers(std::max(1U, settings.workers)) {}

/// What runs on a worker uses frames that live in the context, so it must end first.
Loop::~Loop() {
  doorbell->disconnect();
  workers.stop();
  workers.join();
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

Task<void> on_worker(Loop& loop, const std::function<void()>& work) {
  auto start = [&loop, &work](auto handler) {
    net::post(loop.workers, [handler = std::move(handler), &work]() mutable {
      work();
      auto executor = net::get_associated_executor(handler);
      net::post(executor, std::move(handler));
    });
  };
  const net::use_awaitable_t<Executor> token;
  co_await net::async_initiate<const net::use_awaitable_t<Executor>, void()>(std::move(start), token);
}

}  // namespace rowgate::http

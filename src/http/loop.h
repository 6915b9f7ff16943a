#pragma once

// What the connections of one server share. Included by connection.cc and server.cc only.

#include "http/server.h"
#include "http/stream.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

namespace rowgate::http {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;
using Timer = net::basic_waitable_timer<SteadyClock, net::wait_traits<SteadyClock>, Executor>;

class Connection;

/// Lets other threads post to the loop for as long as it exists: a wake may come when the server is gone.
class Doorbell {
 public:
  explicit Doorbell(net::io_context& context) : context_(&context) {}
  void ring(std::function<void()> on_loop);
  void disconnect();

 private:
  std::mutex mutex_;
  net::io_context* context_;
};

/// Loop thread only, but for the doorbell, the workers and `last_turn`. The members are in the order in which
/// coroutines that are destroyed with the context may still need them.
struct Loop {
  Loop(Application& served, ServerSettings given);
  ~Loop();

  Executor executor() { return context.get_executor(); }
  /// The Date field for now; made once a second.
  const std::string& date();
  /// A connection has ended.
  void left(Connection& connection);

  Application& application;
  ServerSettings settings;
  std::unordered_set<Connection*> connections = {};
  std::optional<net::ssl::context> tls = {};
  bool is_stopping = false;
  std::atomic<std::int64_t> last_turn{0};  ///< of the sweeper, in ticks of SteadyClock
  std::time_t date_second = 0;
  std::string date_text = {};
  net::io_context context{1};
  std::shared_ptr<Doorbell> doorbell;
  net::thread_pool workers, readers, probes;  ///< the crews
  /// Take the pieces of large bodies: as many as there are CPUs, since that is computing (hashing, copying),
  /// and more at once would only keep the loop from its CPU and other requests from their workers.
  net::thread_pool receivers;
};

/// Runs `work`, which must not throw, on a thread of the crew; goes on on the loop.
Task<void> on_crew(Loop& loop, Crew crew, const std::function<void()>& work);
/// The same on a worker.
Task<void> on_worker(Loop& loop, const std::function<void()>& work);
/// The same on a receiver.
Task<void> on_receiver(Loop& loop, const std::function<void()>& work);

}  // namespace rowgate::http

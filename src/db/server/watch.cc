#include "db/server/watch.h"

#include "db/server/engine.h"
#include "db/stored_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace rowgate::db::server {
namespace {

/// So much later than it is due a wait may end.
constexpr std::chrono::milliseconds kLookEvery{100};

}  // namespace

SocketWatch::~SocketWatch() {
  thread_.request_stop();
}

void SocketWatch::ask_no_more() {
  {
    const std::scoped_lock lock(mutex_);
    asks_no_more_ = true;
  }
  if (asker_.joinable()) asker_.join();
}

void SocketWatch::stop() {
  const std::scoped_lock lock(mutex_);
  is_stopped_ = true;
  for (WatchedSocket* socket : sockets_) socket->cut(WatchedSocket::Cut::Over);
}

void SocketWatch::add(WatchedSocket& socket) {
  {
    const std::scoped_lock lock(mutex_);
    sockets_.insert(&socket);
    if (is_stopped_) socket.cut(WatchedSocket::Cut::Over);
    if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& over) { look(over); });
  }
  changed_.notify_all();
}

void SocketWatch::remove(WatchedSocket& socket) {
  const std::scoped_lock lock(mutex_);
  sockets_.erase(&socket);
}

void SocketWatch::look(const std::stop_token& over) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, over, [this] { return !sockets_.empty(); }) && !over.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    bool has_doubts = false;
    for (WatchedSocket* socket : sockets_) {
      socket->look(now);
      has_doubts = has_doubts || socket->waited(now) > silence_;
    }
    if (has_doubts && !is_asking_ && !asks_no_more_ && now - asked_ > silence_) {
      is_asking_ = true;
      asker_ = std::jthread([this] { ask(); });  // the one before has ended
    }
    changed_.wait_for(lock, over, kLookEvery, [] { return false; });
  }
}

/// Whoever waits is cut off where the server does not answer others either.
void SocketWatch::ask() {
  const bool answers = ask_();
  const std::scoped_lock lock(mutex_);
  is_asking_ = false;
  asked_ = std::chrono::steady_clock::now();
  if (answers) return;
  for (WatchedSocket* socket : sockets_)
    if (socket->waited(asked_) > silence_) socket->cut(WatchedSocket::Cut::Silent);
}

WatchedSocket::WatchedSocket(std::shared_ptr<SocketWatch> watch, int socket,
                             std::chrono::milliseconds silence)
    : watch_(std::move(watch)), socket_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)), silence_(silence.count()) {
  watch_->add(*this);
}

WatchedSocket::~WatchedSocket() {
  watch_->remove(*this);
  if (socket_ >= 0) ::close(socket_);
}

void WatchedSocket::obey(std::stop_token stop) {
  const std::scoped_lock lock(watch_->mutex_);
  stop_ = std::move(stop);
}

void WatchedSocket::look(std::chrono::steady_clock::time_point now) {
  if (stop_.stop_requested())
    cut(Cut::Unwanted);
  else if (waited(now) > std::chrono::milliseconds(silence_))
    cut(Cut::Silent);
}

std::chrono::steady_clock::duration WatchedSocket::waited(std::chrono::steady_clock::time_point now) const {
  const std::int64_t since = since_.load(std::memory_order_relaxed);
  return std::chrono::steady_clock::duration(
      std::max<std::int64_t>(0, now.time_since_epoch().count() - since));
}

void WatchedSocket::cut(Cut why) {
  if (cut_ != Cut::No) return;
  waited_ms_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(waited(std::chrono::steady_clock::now())).count();
  Cut before = Cut::No;
  if (cut_.compare_exchange_strong(before, why)) ::shutdown(socket_, SHUT_RDWR);
}

std::optional<Error> WatchedSocket::why_cut() const {
  switch (cut_.load()) {
    case Cut::No:
      break;
    case Cut::Silent:
      return Error{Code::DatabaseUnreachable,
                   fmt::format("the database server has said nothing for {:.1f} s",
                               static_cast<double>(waited_ms_) / 1000.0),
                   "check the server and what is between; where its statements may take that long, raise "
                   "database.answer_timeout or database.load_timeout"};
    case Cut::Unwanted:
      return nobody_waits();
    case Cut::Over:
      return Error{Code::DatabaseUnreachable, "the program ends and does not wait for the database",
                   "start it again"};
  }
  return std::nullopt;
}

bool still_answers(const Engine& engine, std::chrono::milliseconds silence) {
  const auto begin = std::chrono::steady_clock::now();
  if (engine.connect(Access::Read)) return true;
  return std::chrono::steady_clock::now() - begin < login_time(silence) / 2;
}

}  // namespace rowgate::db::server

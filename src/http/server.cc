#include "http/server.h"

#include "base/text.h"
#include "http/connection.h"
#include "http/tls.h"
#include "io/descriptor.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace rowgate::http {

namespace {

using namespace std::chrono_literals;
using boost::system::error_code;
using net::ip::tcp;
using Acceptor = net::basic_socket_acceptor<tcp, Executor>;

/// So many more than max_connections are told that there are too many; the others are closed.
constexpr std::size_t kSurplusConnections = 64;
constexpr std::size_t kFilesOfConnection = 3;  ///< the socket, an upload, the state of its run
constexpr std::size_t kFilesForOthers = 256;

struct OpenListener {
  Acceptor acceptor;
  bool is_admin = false;
};

/// The usual soft limit of 1,024 files is far below what the system would give.
rlim_t raise_file_limit(rlim_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  wanted = std::min<rlim_t>(limit.rlim_max, wanted);
  if (limit.rlim_cur >= wanted) return wanted;
  limit.rlim_cur = wanted;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? wanted : 0;
}

/// When the kernel's table of a process's files has to grow, whoever opens or accepts waits until every CPU
/// has seen the new one (expand_fdtable() in Linux's fs/file.c), for tens of milliseconds on a busy machine.
/// The loop must not; so the table grows before anybody is served.
void grow_file_table(rlim_t files) {
  if (files == 0) return;
  const io::Descriptor highest(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, static_cast<int>(files) - 1));
}

std::unexpected<Error> cannot_listen(const Listener& listener, const error_code& error) {
  return fail(Code::ConfigCannotListen, fmt::format("cannot listen on {}:{}: {}", shown(listener.host),
                                                    listener.port, error.message()));
}

/// An address, or the first one of a name ("localhost").
error_code resolve(net::io_context& context, const Listener& listener, tcp::endpoint& endpoint) {
  error_code error;
  const net::ip::address address = net::ip::make_address(listener.host, error);
  if (!error) {
    endpoint = {address, listener.port};
    return {};
  }
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(listener.host, std::to_string(listener.port), error);
  if (!error) endpoint = found.begin()->endpoint();
  return error;
}

Result<OpenListener> open_listener(Loop& loop, const Listener& listener) {
  tcp::endpoint endpoint;
  if (const error_code error = resolve(loop.context, listener, endpoint))
    return cannot_listen(listener, error);
  OpenListener opened{Acceptor(loop.executor()), listener.is_admin};
  error_code error;
  (void)opened.acceptor.open(endpoint.protocol(), error);
  if (!error) (void)opened.acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6())
    (void)opened.acceptor.set_option(net::ip::v6_only(false), error);
  if (!error) (void)opened.acceptor.bind(endpoint, error);
  if (!error) (void)opened.acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(listener, error);
  return opened;
}

std::string text_of(const net::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

std::size_t count_public(const Loop& loop) {
  return static_cast<std::size_t>(std::ranges::count_if(loop.connections, [](const Connection* connection) {
    return !connection->is_admin && !connection->is_leaving;
  }));
}

/// Of the address that has most connections, and of the others in turn, the one that has waited longest for a
/// request; nullptr where all are being answered. So whoever opens many crowds out nobody but themselves.
Connection* find_one_to_leave(const Loop& loop) {
  struct Peer {
    std::size_t connections = 0;
    Connection* longest = nullptr;
  };
  std::unordered_map<std::string_view, Peer> peers;
  for (Connection* connection : loop.connections) {
    if (connection->is_admin || connection->is_leaving || connection->is_surplus) continue;
    Peer& peer = peers[connection->peer];
    ++peer.connections;
    if (!connection->is_between) continue;
    if (peer.longest == nullptr || connection->between_since < peer.longest->between_since)
      peer.longest = connection;
  }

  const Peer* most = nullptr;
  for (const auto& [address, peer] : peers)
    if (peer.longest != nullptr && (most == nullptr || peer.connections > most->connections)) most = &peer;
  return most == nullptr ? nullptr : most->longest;
}

/// Makes the accepted socket a connection and starts to serve it.
void welcome(Loop& loop, Socket socket, bool is_admin) {
  const std::size_t count = loop.connections.size() < loop.settings.max_connections ? 0 : count_public(loop);
  bool is_surplus = !is_admin && count >= loop.settings.max_connections;
  if (Connection* leaving = is_surplus ? find_one_to_leave(loop) : nullptr) {
    leaving->give_way();
    is_surplus = false;
  }
  if (is_surplus && count >= loop.settings.max_connections + kSurplusConnections) return;
  error_code error;
  (void)socket.set_option(tcp::no_delay(true), error);
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;  // it is gone already
  std::unique_ptr<Stream> stream =
      loop.tls && !is_admin ? tls_stream(std::move(socket), *loop.tls) : plain_stream(std::move(socket));
  auto connection = std::make_shared<Connection>(loop, std::move(stream), is_admin, is_surplus);
  connection->peer = text_of(peer.address());
  net::co_spawn(loop.executor(), serve(std::move(connection)), net::detached);
}

Task<void> accept_all(Loop& loop, OpenListener& listener) {
  Timer pause(loop.executor());
  while (listener.acceptor.is_open()) {
    auto [error, socket] = co_await listener.acceptor.async_accept(kAsValue);
    if (!error) {
      welcome(loop, std::move(socket), listener.is_admin);
    } else if (listener.acceptor.is_open()) {
      pause.expires_after(50ms);  // out of files, mostly: others must end first
      (void)co_await pause.async_wait(kAsValue);
    }
  }
}

}  // namespace

struct Server::State {
  State(Application& application, ServerSettings settings)
      : loop(application, std::move(settings)), sweeper(loop.executor()), grace(loop.executor()) {}

  void sweep();
  void begin_shut_down(std::chrono::milliseconds grace_time);
  void end_grace();

  Loop loop;
  std::vector<std::unique_ptr<OpenListener>> listeners = {};
  Timer sweeper, grace;
  std::chrono::milliseconds sweep_every{250};
};

/// One timer for the deadlines of all connections: setting one is then no more than an assignment.
void Server::State::sweep() {
  const TimePoint now = SteadyClock::now();
  loop.last_turn = now.time_since_epoch().count();
  for (Connection* connection : loop.connections) connection->sweep(now);
  sweeper.expires_after(sweep_every);
  sweeper.async_wait([this](const error_code& error) {
    if (!error) sweep();
  });
}

void Server::State::begin_shut_down(std::chrono::milliseconds grace_time) {
  loop.is_stopping = true;
  error_code ignored;
  for (const auto& listener : listeners) (void)listener->acceptor.close(ignored);
  if (loop.connections.empty()) loop.context.stop();
  for (Connection* connection : loop.connections) connection->close_if_idle();
  grace.expires_after(grace_time);
  grace.async_wait([this](const error_code& error) {
    if (!error) end_grace();
  });
}

/// Those that still wait on a socket end at once and are told of; what runs on a worker is not waited for.
void Server::State::end_grace() {
  for (Connection* connection : loop.connections) connection->close_now();
  grace.expires_after(50ms);
  grace.async_wait([this](const error_code& error) {
    if (!error) loop.context.stop();
  });
}

Server::Server(Application& application, ServerSettings settings)
    : state_(std::make_unique<State>(application, std::move(settings))) {
  const ServerSettings& given = state_->loop.settings;
  const auto shortest = std::min({given.header_timeout, given.idle_timeout, given.rate_window});
  state_->sweep_every =
      std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

Server::~Server() = default;

Result<void> Server::listen() {
  Loop& loop = state_->loop;
  const ServerSettings& settings = loop.settings;
  if (settings.tls_certificate.has_value() != settings.tls_key.has_value())
    return fail(Code::ConfigInvalid, "server.tls needs both a certificate and a key");
  if (settings.tls_certificate) {
    TRY_ASSIGN(net::ssl::context context, tls_context(*settings.tls_certificate, *settings.tls_key));
    loop.tls.emplace(std::move(context));
  }
  const std::size_t connections = settings.max_connections + kSurplusConnections;
  grow_file_table(raise_file_limit(connections * kFilesOfConnection + kFilesForOthers));
  for (const Listener& listener : settings.listeners) {
    TRY_ASSIGN(OpenListener opened, open_listener(loop, listener));
    state_->listeners.push_back(std::make_unique<OpenListener>(std::move(opened)));
  }
  return {};
}

std::vector<std::uint16_t> Server::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : state_->listeners) {
    error_code error;
    ports.push_back(listener->acceptor.local_endpoint(error).port());
  }
  return ports;
}

void Server::run() {
  Loop& loop = state_->loop;
  const auto work = net::make_work_guard(loop.context);
  for (const auto& listener : state_->listeners)
    net::co_spawn(loop.executor(), accept_all(loop, *listener), net::detached);
  state_->sweep();
  loop.context.run();
  loop.last_turn = 0;
}

void Server::shut_down(std::chrono::milliseconds grace) {
  net::post(state_->loop.context, [state = state_.get(), grace] { state->begin_shut_down(grace); });
}

bool Server::is_turning() const {
  const SteadyClock::duration last(state_->loop.last_turn.load());
  return last.count() != 0 && SteadyClock::now().time_since_epoch() - last < 1s;
}

}  // namespace rowgate::http

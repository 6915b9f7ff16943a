// CPU time of the server itself, per GB of upload and per small request. The client is a process of its own,
// so that its time does not count; the baseline reads the same bytes from a socket in a bare loop.

#include "http/server.h"

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace rowgate::http {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kUploadBytes = 512 * 1024 * 1024;
constexpr int kConnections = 16, kRounds = 2000;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_all(int fd, const char* bytes, std::size_t size) {
  while (size != 0) {
    const ssize_t sent = ::send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) ::_exit(1);
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

/// Runs `client` in a process of its own; it may use system calls only. True when it ended well.
template <class Client>
bool run_client(Client client) {
  const pid_t child = ::fork();
  if (child == 0) {
    client();
    ::_exit(0);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

class CountingReceiver final : public BodyReceiver {
 public:
  Result<void> take(std::span<const char> bytes) override {
    count_ += bytes.size();
    return {};
  }
  Result<void> finish() override { return {}; }

 private:
  std::uint64_t count_ = 0;
};

class SmallApplication final : public Application {
 public:
  std::optional<Response> quick(const Request& request) override {
    if (request.target != "/livez") return std::nullopt;
    return hello();
  }
  std::variant<Accepted, Response> begin(Request&) override {
    return Accepted{std::make_unique<CountingReceiver>(), std::uint64_t{1} << 40, 0};
  }
  Reply answer(Request&, std::unique_ptr<BodyReceiver>) override { return hello(); }
  Response trouble(const Request*, const Error&) override { return hello(); }
  void finished(const Request*, const Exchange&) override {}

 private:
  static Response hello() {
    Response response;
    response.set("Content-Type", "text/plain");
    response.text = "hello\n";
    return response;
  }
};

/// Runs the client against a server; the iteration's time is the server's CPU time.
template <class Client>
void measure(benchmark::State& state, Client client) {
  SmallApplication application;
  ServerSettings settings;
  settings.listeners = {{"127.0.0.1", 0, false}};
  settings.workers = 4;
  Server server(application, settings);
  if (!server.listen()) return state.SkipWithError("cannot listen");
  const std::uint16_t port = server.ports().front();
  std::thread loop([&] { server.run(); });
  for (auto _ : state) {
    const double before = cpu_seconds();
    if (!run_client([&] { client(port); })) state.SkipWithError("the client failed");
    state.SetIterationTime(cpu_seconds() - before);
  }
  server.shut_down(std::chrono::seconds(1));
  loop.join();
}

void count_upload(benchmark::State& state) {
  state.counters["s_per_GB"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kUploadBytes / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

char piece[kPieceBytes + 64];

void read_answer(int fd) {
  char answer[1024];
  if (::recv(fd, answer, sizeof answer, 0) <= 0 || std::memcmp(answer, "HTTP/1.1 200", 12) != 0) ::_exit(1);
}

void upload_with_length(benchmark::State& state) {
  measure(state, [](std::uint16_t port) {
    const int fd = connect_to(port);
    constexpr std::string_view kHead = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 536870912\r\n\r\n";
    send_all(fd, kHead.data(), kHead.size());
    for (std::size_t sent = 0; sent < kUploadBytes; sent += kPieceBytes) send_all(fd, piece, kPieceBytes);
    read_answer(fd);
  });
  count_upload(state);
}

void upload_chunked(benchmark::State& state) {
  measure(state, [](std::uint16_t port) {
    const int fd = connect_to(port);
    constexpr std::string_view kHead = "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    constexpr std::string_view kSize = "40000\r\n", kEnd = "\r\n", kLast = "0\r\n\r\n";
    send_all(fd, kHead.data(), kHead.size());
    std::memcpy(piece, kSize.data(), kSize.size());
    std::memcpy(piece + kSize.size() + kPieceBytes, kEnd.data(), kEnd.size());
    for (std::size_t sent = 0; sent < kUploadBytes; sent += kPieceBytes)
      send_all(fd, piece, kSize.size() + kPieceBytes + kEnd.size());
    send_all(fd, kLast.data(), kLast.size());
    read_answer(fd);
  });
  count_upload(state);
}

/// What the kernel alone takes for the same bytes.
void baseline_recv(benchmark::State& state) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener, 1);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  static char buffer[kPieceBytes];
  for (auto _ : state) {
    std::thread reader([&] {
      const int fd = ::accept(listener, nullptr, nullptr);
      while (::recv(fd, buffer, sizeof buffer, 0) > 0) {}
      ::close(fd);
    });
    const double before = cpu_seconds();
    const bool is_good = run_client([&] {
      const int fd = connect_to(ntohs(address.sin_port));
      for (std::size_t sent = 0; sent < kUploadBytes; sent += kPieceBytes) send_all(fd, piece, kPieceBytes);
    });
    reader.join();
    if (!is_good) state.SkipWithError("the client failed");
    state.SetIterationTime(cpu_seconds() - before);
  }
  ::close(listener);
  count_upload(state);
}

void small_requests(benchmark::State& state, std::string_view request) {
  measure(state, [request](std::uint16_t port) {
    int fds[kConnections];
    for (int& fd : fds) fd = connect_to(port);
    for (int round = 0; round < kRounds; ++round) {
      for (const int fd : fds) send_all(fd, request.data(), request.size());
      for (const int fd : fds) read_answer(fd);
    }
  });
  state.counters["s_per_request"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kConnections * kRounds,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(baseline_recv)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(upload_with_length)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(upload_chunked)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK_CAPTURE(small_requests, on_the_loop, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2);
BENCHMARK_CAPTURE(small_requests, through_a_worker, "GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2);

}  // namespace
}  // namespace rowgate::http

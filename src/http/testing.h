#pragma once

// A fake application and a plain client for the tests of the connection layer. The client writes and reads
// bytes; it knows no more of HTTP than where an answer ends.

#include "base/text.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace rowgate::http::testing {

using namespace std::chrono_literals;

/// Keeps the body; fails as told.
class StringReceiver final : public BodyReceiver {
 public:
  explicit StringReceiver(std::optional<std::size_t> fails_at = {}) : fails_at_(fails_at) {}
  Result<void> take(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    if (fails_at_ && text.size() >= *fails_at_) return fail(Code::FileBadCompression, "bad bytes");
    return {};
  }
  Result<void> finish() override {
    is_finished = true;
    return {};
  }
  std::string text;
  bool is_finished = false;

 private:
  std::optional<std::size_t> fails_at_;
};

inline Response text_response(std::string text, int status = 200) {
  Response response;
  response.status = status;
  response.set("Content-Type", "text/plain; charset=utf-8");
  response.text = std::move(text);
  return response;
}

inline Accepted accept_body(std::uint64_t limit = 1 << 30, std::uint64_t read_past = 0,
                            std::optional<std::size_t> fails_at = {}) {
  return {std::make_unique<StringReceiver>(fails_at), limit, read_past};
}

/// Routes by the first segment of the path. Where nothing else is said a body is taken and echoed.
class FakeApplication final : public Application {
 public:
  using Begin = std::function<std::variant<Accepted, Response>(Request&)>;
  using Handler = std::function<Reply(Request&, const std::string& body)>;

  void on_begin(const std::string& path, Begin begin) { begins_[path] = std::move(begin); }
  void on_answer(const std::string& path, Handler answer) { answers_[path] = std::move(answer); }

  std::optional<Response> quick(const Request& request) override {
    if (request.target != "/livez") return std::nullopt;
    return text_response("alive");
  }

  std::variant<Accepted, Response> begin(Request& request) override {
    ++begun;
    const auto found = begins_.find(first(request));
    if (found != begins_.end()) return found->second(request);
    return accept_body();
  }

  Reply answer(Request& request, std::unique_ptr<BodyReceiver> body) override {
    const auto* kept = dynamic_cast<const StringReceiver*>(body.get());
    EXPECT_TRUE(kept == nullptr || kept->is_finished);
    const std::string text = kept == nullptr ? "(no body wanted)" : kept->text;
    const auto found = answers_.find(first(request));
    if (found != answers_.end()) return found->second(request, text);
    return text_response(request.method + " " + request.target + " [" + text + "]");
  }

  Response trouble(const Request*, const Error& error) override {
    return text_response(std::string(rowgate::text(error.code)) + ": " + error.message,
                         info(error.code).http_status);
  }

  void finished(const Request* request, const Exchange& exchange) override {
    const std::scoped_lock lock(mutex_);
    exchanges_.push_back(exchange);
    ids_.push_back(request == nullptr ? "-" : request->id);
    changed_.notify_all();
  }

  /// Waits until so many exchanges have ended, and gives them.
  std::vector<Exchange> exchanges(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 30s, [&] { return exchanges_.size() >= count; }));
    return exchanges_;
  }

  std::atomic<int> begun{0};

 private:
  static std::string first(const Request& request) {
    return request.segments.empty() ? "" : request.segments.front();
  }

  std::map<std::string, Begin> begins_;
  std::map<std::string, Handler> answers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Exchange> exchanges_;
  std::vector<std::string> ids_;
};

/// An answer as it came.
struct WireAnswer {
  int status = 0;
  std::string head = {};
  std::map<std::string, std::string> fields = {};  ///< names in lower case
  std::string body = {};
  bool is_whole = false;
  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
};

/// A blocking socket; every wait ends after 30 s, as if the server had closed.
class Client {
 public:
  /// `from`: a loopback address of its own.
  explicit Client(std::uint16_t port, SSL_CTX* tls = nullptr, const char* from = nullptr) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (from != nullptr) {
      sockaddr_in own{};
      own.sin_family = AF_INET;
      ::inet_pton(AF_INET, from, &own.sin_addr);
      EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    }
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (tls == nullptr) return;
    ssl_ = ::SSL_new(tls);
    ::SSL_set_fd(ssl_, fd_);
    is_shaken_ = ::SSL_connect(ssl_) == 1;
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False when the server no longer takes bytes.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ssl_ != nullptr ? ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                           : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next answer; `to_head`: it has no body whatever it says. Interim answers (1xx) are answers too.
  WireAnswer read_answer(bool to_head = false) {
    WireAnswer answer;
    std::size_t end = 0;
    while ((end = kept_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return answer;
    read_head(answer, take(end + 4));
    if (to_head || answer.status < 200 || answer.status == 204 || answer.status == 304) {
      answer.is_whole = true;
    } else if (answer.field("transfer-encoding") == "chunked") {
      read_chunks(answer);
    } else if (!answer.field("content-length").empty()) {
      read_length(answer, std::stoul(answer.field("content-length")));
    } else {
      while (more()) {}
      answer.body = take(kept_.size());
      answer.is_whole = !was_reset_;
    }
    return answer;
  }

  /// Everything that still comes until the server closes.
  std::string read_to_end() {
    while (more()) {}
    return take(kept_.size());
  }
  /// Nothing came any more, and the server closed in order.
  bool is_ended() { return read_to_end().empty() && !was_reset_ && !timed_out_; }
  bool was_reset() const { return was_reset_; }
  bool is_shaken() const { return is_shaken_; }
  SSL* tls() { return ssl_; }
  int descriptor() const { return fd_; }

  void end_writing() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (ssl_ != nullptr) ::SSL_free(std::exchange(ssl_, nullptr));
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  bool more() {
    char buffer[16 * 1024];
    const ssize_t got =
        ssl_ != nullptr ? ::SSL_read(ssl_, buffer, sizeof buffer) : ::recv(fd_, buffer, sizeof buffer, 0);
    if (got > 0) kept_.append(buffer, static_cast<std::size_t>(got));
    if (got < 0 && ssl_ == nullptr) {
      was_reset_ = errno == ECONNRESET;
      timed_out_ = errno == EAGAIN;
      EXPECT_FALSE(timed_out_) << "the server neither answered nor closed";
    }
    return got > 0;
  }
  std::string take(std::size_t count) {
    std::string taken = kept_.substr(0, count);
    kept_.erase(0, count);
    return taken;
  }
  static void read_head(WireAnswer& answer, const std::string& head) {
    answer.head = head;
    if (head.starts_with("HTTP/1.1 ")) answer.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const std::size_t end = head.find("\r\n", at), colon = head.find(": ", at);
      answer.fields[lower_ascii(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }
  void read_length(WireAnswer& answer, std::size_t length) {
    while (kept_.size() < length && more()) {}
    answer.is_whole = kept_.size() >= length;
    answer.body = take(length);
  }
  void read_chunks(WireAnswer& answer) {
    for (;;) {
      std::size_t end = 0;
      while ((end = kept_.find("\r\n")) == std::string::npos)
        if (!more()) return;
      const std::size_t size = std::stoul(take(end + 2), nullptr, 16);
      while (kept_.size() < size + 2)
        if (!more()) return;
      answer.body += take(size);
      if (take(2) != "\r\n") return;
      if (size == 0) break;
    }
    answer.is_whole = true;
  }

  int fd_ = -1;
  SSL* ssl_ = nullptr;
  std::string kept_;
  bool was_reset_ = false, timed_out_ = false, is_shaken_ = false;
};

/// A server on free loopback ports, running on its own thread.
class RunningServer {
 public:
  explicit RunningServer(Application& application, ServerSettings settings = {})
      : server_(application, with(settings)) {
    const Result<void> listening = server_.listen();
    EXPECT_TRUE(listening) << (listening ? "" : to_text(listening.error()));
    ports_ = server_.ports();
    thread_ = std::thread([this] { server_.run(); });
  }
  ~RunningServer() { stop(100ms); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  std::uint16_t port(std::size_t index = 0) const { return ports_.at(index); }
  Server& server() { return server_; }
  /// Returns when run() has.
  void stop(std::chrono::milliseconds grace) {
    if (!thread_.joinable()) return;
    server_.shut_down(grace);
    thread_.join();
  }

 private:
  static ServerSettings with(ServerSettings settings) {
    if (settings.listeners.empty()) settings.listeners = {{"127.0.0.1", 0, false}};
    if (settings.workers == 16) settings.workers = 4;
    return settings;
  }

  Server server_;
  std::vector<std::uint16_t> ports_;
  std::thread thread_;
};

/// "GET /path HTTP/1.1" with Host and the given fields, each with its CRLF.
inline std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}
inline std::string post(const std::string& target, const std::string& body, const std::string& fields = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + fields + "\r\n" + body;
}
inline std::string post_chunked(const std::string& target, const std::string& chunks,
                                const std::string& fields = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + fields +
         "\r\n" + chunks;
}

}  // namespace rowgate::http::testing

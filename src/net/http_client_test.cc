#include "net/http_client.h"

#include "net/retry.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <thread>

namespace rowgate::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// A server on 127.0.0.1: for each request (head, and as much body as Content-Length says) it sends what
/// `answer` gives, and closes the connection after an empty answer or one that says so.
class RawServer {
 public:
  explicit RawServer(std::function<std::string(const std::string& request)> answer)
      : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    {
      const std::scoped_lock lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    thread_.join();
    for (std::thread& thread : serving_) thread.join();
    ::close(listener_);
  }

  std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  std::size_t connections() const {
    const std::scoped_lock lock(mutex_);
    return open_.size();
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::scoped_lock lock(mutex_);
      open_.push_back(fd);
      serving_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string received;
    for (;;) {
      std::size_t end = 0;
      while ((end = request_end(received)) == 0) {
        char piece[16'384];
        const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
        if (got <= 0) return;
        received.append(piece, static_cast<std::size_t>(got));
      }
      const std::string answer = answer_(received.substr(0, end));
      received.erase(0, end);
      for (std::size_t sent = 0; sent < answer.size();) {
        const ssize_t wrote = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (wrote <= 0) return;
        sent += static_cast<std::size_t>(wrote);
      }
      if (answer.empty() || answer.find("Connection: close") != std::string::npos) {
        ::shutdown(fd, SHUT_RDWR);
        return;
      }
    }
  }

  static std::size_t request_end(const std::string& received) {
    const std::size_t head = received.find("\r\n\r\n");
    if (head == std::string::npos) return 0;
    const std::size_t length = received.find("Content-Length: ");
    const std::size_t body = length < head ? std::stoul(received.substr(length + 16)) : 0;
    return received.size() >= head + 4 + body ? head + 4 + body : 0;
  }

  std::function<std::string(const std::string&)> answer_;
  int listener_ = -1, port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<int> open_;             ///< guarded by mutex_; closed with the process
  std::vector<std::thread> serving_;  ///< guarded by mutex_
};

std::string ok(std::string_view body, std::string_view headers = "") {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), headers, body);
}

/// The request line and headers of a request without those that name the port or the program, and the body.
std::string echoed(const std::string& request) {
  return ok(request);
}

TEST(HttpClient, SendsWhatItIsGiven) {
  const RawServer server(echoed);
  const auto client = curl_client();
  const std::string body(3'000'000, 'x');
  const auto answer = client->send({.method = "PUT",
                                    .url = server.url("/a/../b//c%20d?x=&y"),
                                    .headers = {{"X-Test", "1"}, {"Content-Type", "text/csv"}},
                                    .body = body});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(answer->body.starts_with("PUT /a/../b//c%20d?x=&y HTTP/1.1\r\n"))
      << answer->body.substr(0, 100);
  const std::string head = answer->body.substr(0, answer->body.find("\r\n\r\n") + 4);
  EXPECT_THAT(head, HasSubstr("\r\nX-Test: 1\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Type: text/csv\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 3000000\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Expect"))) << "a server that does not know it would be waited for";
  EXPECT_TRUE(answer->body.substr(head.size()) == body);
}

TEST(HttpClient, SendsNoBodyWhereThereIsNone) {
  const RawServer server(echoed);
  const auto client = curl_client();
  EXPECT_THAT(client->send({.method = "POST", .url = server.url()})->body,
              HasSubstr("\r\nContent-Length: 0\r\n"));
  for (const char* method : {"GET", "DELETE"}) {
    const std::string request = client->send({.method = method, .url = server.url()})->body;
    EXPECT_THAT(request, HasSubstr(fmt::format("{} / HTTP/1.1\r\n", method)));
    EXPECT_THAT(request, Not(HasSubstr("Content-")));
  }
}

TEST(HttpClient, GivesTheWholeAnswer) {
  const RawServer server([](const std::string& request) -> std::string {
    if (request.starts_with("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    return "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 404 Not Found\r\nETag:  \"a:b\"\t\r\n"
           "X-Empty:\r\nContent-Length: 4\r\n\r\ngone";
  });
  const auto client = curl_client();
  const auto answer = client->send({.url = server.url()});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->header("etag"), "\"a:b\"");
  EXPECT_EQ(answer->header("x-empty"), "");
  EXPECT_EQ(answer->header("x-early"), "");
  EXPECT_EQ(answer->body, "gone");
  const auto head = client->send({.method = "HEAD", .url = server.url()});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->header("content-length"), "5");
  EXPECT_EQ(head->body, "");
}

TEST(HttpClient, KeepsConnections) {
  const RawServer server(echoed);
  const auto client = curl_client();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client->send({.url = server.url()}));
  EXPECT_EQ(server.connections(), 1u);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 20; ++j) EXPECT_TRUE(client->send({.url = server.url()}));
      });
  }
  EXPECT_LE(server.connections(), 4u);
}

TEST(HttpClient, ForgetsTheRequestBefore) {
  const RawServer server(echoed);
  const auto client = curl_client();
  ASSERT_TRUE(
      client->send({.method = "PUT", .url = server.url(), .headers = {{"X-Test", "1"}}, .body = "body"}));
  const std::string request = client->send({.url = server.url()})->body;
  EXPECT_TRUE(request.starts_with("GET "));
  EXPECT_THAT(request, EndsWith("\r\n\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("X-Test")));
}

TEST(HttpClient, DoesNotFollowRedirects) {
  const RawServer server([](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  });
  const auto answer = curl_client()->send({.url = server.url()});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->header("location"), "http://127.0.0.1:1/");
}

TEST(HttpClient, TellsWhatMayPass) {
  int port = 0;
  {
    const RawServer server(echoed);
    port = std::stoi(server.url().substr(17));
  }
  const auto refused =
      curl_client()->send({.url = fmt::format("http://127.0.0.1:{}/a?X-Amz-Signature=secret", port)});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().may_pass);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("127.0.0.1:{}: ", port)));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("secret")));

  const RawServer closing([](const std::string&) { return std::string(); });
  const auto nothing = curl_client()->send({.url = closing.url()});
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().may_pass);

  const RawServer cutting([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nshort";
  });
  const auto cut = curl_client()->send({.url = cutting.url()});
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().may_pass);

  for (const char* url : {"file:///etc/passwd", "gopher://127.0.0.1/", "not a url"}) {
    const auto wrong = curl_client()->send({.url = url});
    ASSERT_FALSE(wrong) << url;
    EXPECT_FALSE(wrong.error().may_pass) << url;
  }
}

TEST(HttpClient, WaitsForNobodyForEver) {
  const RawServer silent([](const std::string&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
    return std::string();
  });
  HttpRequest request{.url = silent.url()};
  request.whole_timeout = std::chrono::milliseconds(200);
  const auto begin = std::chrono::steady_clock::now();
  const auto late = curl_client()->send(request);
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().may_pass);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  request.whole_timeout.reset();
  request.stall_timeout = std::chrono::seconds(1);
  EXPECT_FALSE(curl_client()->send(request));
}

TEST(HttpClient, TakesNoMoreThanItsLimit) {
  const RawServer server([](const std::string&) { return ok(std::string(1'000, 'x')); });
  HttpRequest request{.url = server.url()};
  request.most_bytes = 999;
  const auto answer = curl_client()->send(request);
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().may_pass);
  EXPECT_THAT(answer.error().message, HasSubstr("answers with more than 999 bytes"));
  request.most_bytes = 1'000;
  EXPECT_TRUE(curl_client()->send(request));
}

TEST(HttpDate, IsRead) {
  EXPECT_EQ(to_rfc3339(http_date("Wed, 21 Oct 2015 07:28:00 GMT").value_or(Timestamp{})),
            "2015-10-21T07:28:00.000Z");
  EXPECT_FALSE(http_date(""));
  EXPECT_FALSE(http_date("soon"));
}

TEST(Backoff, DoublesUpToItsLimit) {
  std::vector<std::int64_t> pauses;
  Retries retries{.tries = 10,
                  .sleep = [&](std::chrono::milliseconds pause) { pauses.push_back(pause.count()); },
                  .chance = [] { return 1.0; }};
  Backoff backoff(retries);
  while (backoff.wait()) {}
  EXPECT_THAT(pauses, ElementsAre(100, 200, 400, 800, 1'600, 3'200, 6'400, 10'000, 10'000));
  EXPECT_EQ(backoff.tries(), 10);
}

TEST(Backoff, WaitsForAnyPartOfThat) {
  std::vector<std::int64_t> pauses;
  const Retries retries{.sleep = [&](std::chrono::milliseconds pause) { pauses.push_back(pause.count()); }};
  for (int i = 0; i < 200; ++i) {
    Backoff backoff(retries);
    EXPECT_TRUE(backoff.wait());
  }
  EXPECT_LT(*std::ranges::min_element(pauses), 20);
  EXPECT_GT(*std::ranges::max_element(pauses), 80);
  EXPECT_LE(*std::ranges::max_element(pauses), 100);
}

}  // namespace
}  // namespace rowgate::net

#include "http/server.h"

#include "http/testing.h"

#include <cstring>
#include <latch>

namespace rowgate::http {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

TEST(Server, AnswersWithTheFieldsThatEveryAnswerHas) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/a/b?x=1", "Request-Id: my-id_7.x\r\n"));
  const WireAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(answer.body, "GET /a/b?x=1 []");
  EXPECT_EQ(answer.field("content-length"), "15");
  EXPECT_EQ(answer.field("request-id"), "my-id_7.x");
  EXPECT_EQ(answer.field("x-content-type-options"), "nosniff");
  EXPECT_EQ(answer.field("cache-control"), "no-store");
  EXPECT_EQ(answer.field("connection"), "");
  EXPECT_EQ(answer.field("date").size(), std::strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
}

TEST(Server, MakesARequestIdWhereTheClientsIsNotValid) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  for (const std::string& given :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string(129, 'x')}) {
    client.send(get("/", given.empty() ? "" : "Request-Id: " + given + "\r\n"));
    const std::string id = client.read_answer().field("request-id");
    EXPECT_TRUE(id.starts_with("req_")) << id;
  }
  client.send(get("/", "Request-Id: " + std::string(128, 'x') + "\r\n"));
  EXPECT_EQ(client.read_answer().field("request-id"), std::string(128, 'x'));
}

TEST(Server, TakesBodiesOfBothFramings) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  client.send(post("/p", "hello"));
  EXPECT_EQ(client.read_answer().body, "POST /p [hello]");
  client.send(post_chunked("/p", "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"));
  EXPECT_EQ(client.read_answer().body, "POST /p [hello world]");
  client.send(post("/p", ""));
  EXPECT_EQ(client.read_answer().body, "POST /p []");
}

TEST(Server, HandsOutLargeBodiesWhole) {
  FakeApplication application;
  application.on_answer("size", [](Request&, const std::string& body) {
    return text_response(std::to_string(body.size()) + " " + std::to_string(std::hash<std::string>{}(body)));
  });
  RunningServer server(application);
  std::string body(5 * 1000 * 1000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  const std::string expected =
      std::to_string(body.size()) + " " + std::to_string(std::hash<std::string>{}(body));
  Client client(server.port());
  client.send(post("/size", body));
  EXPECT_EQ(client.read_answer().body, expected);
  std::string chunks;
  for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = size * 3 % 90'001 + 1) {
    size = std::min(size, body.size() - at);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", size);
    chunks += line + body.substr(at, size) + "\r\n";
  }
  client.send(post_chunked("/size", chunks + "0\r\n\r\n"));
  EXPECT_EQ(client.read_answer().body, expected);
}

TEST(Server, AnswersHeadAsGetWithoutTheBody) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next"));
  const WireAnswer answer = client.read_answer(true);
  EXPECT_EQ(answer.field("content-length"), std::to_string(std::string_view("HEAD /abc []").size()));
  EXPECT_EQ(client.read_answer().body, "GET /next []");
}

TEST(Server, SendsNoBodyWithAStatusThatHasNone) {
  FakeApplication application;
  application.on_answer("none",
                        [](Request&, const std::string&) { return text_response("not to be seen", 204); });
  application.on_answer("same",
                        [](Request&, const std::string&) { return text_response("not to be seen", 304); });
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/none") + get("/same") + get("/next"));
  EXPECT_EQ(client.read_answer().field("content-length"), "");
  EXPECT_EQ(client.read_answer().status, 304);
  EXPECT_EQ(client.read_answer().body, "GET /next []");
}

TEST(Server, KeepsHeadersOfHandlersInOneLine) {
  FakeApplication application;
  application.on_answer("x", [](Request&, const std::string&) {
    Response response = text_response("x");
    response.set("X-Name", "a\r\nSet-Cookie: b");
    response.set("Content-Length", "99");
    response.set("Cache-Control", "max-age=60");
    return response;
  });
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/x"));
  const WireAnswer answer = client.read_answer();
  EXPECT_EQ(answer.field("x-name"), "a  Set-Cookie: b");
  EXPECT_EQ(answer.field("content-length"), "1");
  EXPECT_EQ(answer.field("cache-control"), "max-age=60");
}

TEST(Server, SaysContinueOnlyWhenTheHeadWasAccepted) {
  FakeApplication application;
  application.on_begin("denied", [](Request&) { return text_response("no", 403); });
  application.on_begin("small", [](Request&) { return accept_body(10, 1 << 20); });
  application.on_begin("unwanted", [](Request&) { return Accepted{}; });
  RunningServer server(application);
  const std::string expects = "Content-Length: 20\r\nExpect: 100-Continue\r\n";
  {
    Client client(server.port());
    client.send("POST /p HTTP/1.1\r\nHost: a\r\n" + expects + "\r\n");
    EXPECT_EQ(client.read_answer().head, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("0123456789");
    client.send("0123456789" + get("/next"));
    EXPECT_EQ(client.read_answer().body, "POST /p [01234567890123456789]");
    EXPECT_EQ(client.read_answer().body, "GET /next []");
  }
  for (const auto& [target, status] : {std::pair("/denied", 403), {"/small", 413}, {"/unwanted", 200}}) {
    Client client(server.port());
    client.send("POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + expects + "\r\n");
    const WireAnswer answer = client.read_answer();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.field("connection"), "close");
    client.end_writing();
    EXPECT_TRUE(client.is_ended());
  }
  Client client(server.port());
  client.send("POST /p HTTP/1.0\r\n" + expects + "\r\n01234567890123456789");
  EXPECT_EQ(client.read_answer().status, 200);  // HTTP/1.0 knows no interim answers
}

TEST(Server, RefusesBodiesOverTheirLimit) {
  FakeApplication application;
  application.on_begin("small", [](Request&) { return accept_body(10); });
  RunningServer server(application);
  {
    Client client(server.port());
    client.send(post("/small", "0123456789"));
    EXPECT_EQ(client.read_answer().status, 200);
    client.send(post("/small", "0123456789a") + get("/next"));  // a small rest is read past
    EXPECT_EQ(client.read_answer().status, 413);
    EXPECT_EQ(client.read_answer().body, "GET /next []");
  }
  Client client(server.port());
  client.send(post_chunked("/small", "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"));
  EXPECT_EQ(client.read_answer().status, 200);
  client.send(post_chunked("/small", "5\r\n01234\r\n6\r\n56789a\r\n"));
  const WireAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "limit.bytes: the body is larger than 10 B");
  EXPECT_EQ(answer.field("connection"), "close");
}

TEST(Server, LetsAClientThatSendsALotReadAnEarlyAnswer) {
  FakeApplication application;
  application.on_begin("denied", [](Request&) { return text_response("no", 403); });
  application.on_begin("bad", [](Request&) { return accept_body(1 << 30, 0, 100'000); });
  RunningServer server(application);
  for (const auto& [target, status] : {std::pair("/denied", 403), {"/bad", 400}}) {
    Client client(server.port());
    client.send("POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 200; ++i)
      if (!client.send(piece)) break;
    EXPECT_EQ(client.read_answer().status, status);  // not lost by a reset
    EXPECT_FALSE(client.was_reset());
  }
}

TEST(Server, ReadsPastATooLargeBodyWhereTheRouteWantsIt) {
  FakeApplication application;
  application.on_begin("past", [](Request&) { return accept_body(10, 30'000'000); });
  RunningServer server(application);
  Client client(server.port());
  client.send("POST /past HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.send(piece));
  EXPECT_EQ(client.read_answer().status, 413);
  client.send(get("/next"));
  EXPECT_EQ(client.read_answer().body, "GET /next []");  // it was read through, so the connection is kept
}

TEST(Server, ReadsPastASmallBodyThatNobodyWants) {
  FakeApplication application;
  application.on_begin("unwanted", [](Request&) { return Accepted{}; });
  RunningServer server(application);
  Client client(server.port());
  client.send(post("/unwanted", std::string(60'000, 'x')) + get("/next"));
  EXPECT_EQ(client.read_answer().body, "POST /unwanted [(no body wanted)]");
  EXPECT_EQ(client.read_answer().body, "GET /next []");
  client.send(post_chunked("/unwanted", "3\r\nabc\r\n0\r\n\r\n") + get("/next"));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(client.read_answer().body, "GET /next []");
  client.send(post("/unwanted", std::string(200'000, 'x')));
  const WireAnswer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("connection"), "close");
}

ServerSettings impatient() {
  ServerSettings settings;
  settings.header_timeout = 150ms;
  settings.idle_timeout = 400ms;
  settings.rate_window = 200ms;
  settings.min_bytes_per_second = 100'000;
  return settings;
}

TEST(Server, EndsWaitsForSlowClients) {
  FakeApplication application;
  RunningServer server(application, impatient());
  Client silent(server.port()), half_a_head(server.port()), half_a_body(server.port()), kept(server.port());
  half_a_head.send("GET / HTTP/1.1\r\nHost: a\r\n");
  half_a_body.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  kept.send(get("/1"));
  EXPECT_EQ(kept.read_answer().status, 200);
  EXPECT_TRUE(silent.is_ended());  // without an answer: there was no request
  EXPECT_TRUE(kept.is_ended());
  for (Client* client : {&half_a_head, &half_a_body}) {
    const WireAnswer answer = client->read_answer();
    EXPECT_EQ(answer.status, 408);
    EXPECT_EQ(answer.field("connection"), "close");
  }
}

TEST(Server, EndsAHeadThatComesByteByByte) {
  FakeApplication application;
  RunningServer server(application, impatient());
  Client client(server.port());
  const std::string head = get("/", "X: " + std::string(10'000, 'y') + "\r\n");
  for (const char& byte : head) {
    if (!client.send({&byte, 1})) break;
    std::this_thread::sleep_for(5ms);
    if (&byte - head.data() > 200) break;
  }
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST(Server, EndsABodyThatCrawls) {
  FakeApplication application;
  RunningServer server(application, impatient());
  Client client(server.port());
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const auto started = std::chrono::steady_clock::now();
  while (client.send("x") && std::chrono::steady_clock::now() - started < 1s)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_TRUE(application.exchanges(1)[0].status == 408);
}

TEST(Server, WaitsForABodyThatComesFastEnough) {
  FakeApplication application;
  ServerSettings settings = impatient();
  settings.min_bytes_per_second = 10'000;
  settings.idle_timeout = 2s;
  RunningServer server(application, settings);
  Client client(server.port());
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(client.send(std::string(1000, 'x')));
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Server, EndsWaitsForAClientThatDoesNotRead) {
  FakeApplication application;
  application.on_answer(
      "huge", [](Request&, const std::string&) { return text_response(std::string(50'000'000, 'x')); });
  RunningServer server(application, impatient());
  Client client(server.port());
  client.send(get("/huge"));
  const Exchange exchange = application.exchanges(1)[0];
  EXPECT_TRUE(exchange.aborted);
  EXPECT_FALSE(client.read_answer().is_whole);
}

TEST(Server, NoticesClientsThatHangUp) {
  FakeApplication application;
  std::mutex held;
  application.on_answer("slow", [&](Request&, const std::string&) {
    const std::scoped_lock lock(held);
    return text_response("done");
  });
  RunningServer server(application);
  {
    Client mid_body(server.port());
    mid_body.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    while (application.begun == 0) std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(application.exchanges(1)[0].aborted);
  {
    const std::scoped_lock lock(held);
    Client mid_answer(server.port());
    mid_answer.send(get("/slow"));
    while (application.begun == 1) std::this_thread::sleep_for(1ms);
  }
  const Exchange exchange = application.exchanges(2)[1];
  EXPECT_TRUE(exchange.aborted);
  EXPECT_EQ(exchange.status, 200);  // the work went on
}

/// Work that goes on until nobody wants it any more, or somebody lets it end.
class EndlessWork {
 public:
  explicit EndlessWork(FakeApplication& application) {
    application.on_answer("endless", [this](Request& request, const std::string&) {
      std::unique_lock lock(mutex_);
      has_begun_ = true;
      changed_.notify_all();
      changed_.wait_for(lock, request.stop, 30s, [this] { return may_end_; });
      was_unwanted_ = request.stop.stop_requested();
      return text_response("done");
    });
  }
  void wait_until_begun() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 30s, [this] { return has_begun_; }));
  }
  void let_end() {
    const std::scoped_lock lock(mutex_);
    may_end_ = true;
    changed_.notify_all();
  }
  bool was_unwanted() const { return was_unwanted_; }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool has_begun_ = false, may_end_ = false;
  std::atomic<bool> was_unwanted_ = false;
};

TEST(Server, EndsWorkWhoseClientIsGone) {
  FakeApplication application;
  EndlessWork work(application);
  RunningServer server(application, impatient());
  {
    Client client(server.port());
    client.send(get("/endless"));
    work.wait_until_begun();
  }
  EXPECT_TRUE(application.exchanges(1)[0].aborted);
  EXPECT_TRUE(work.was_unwanted());
}

TEST(Server, EndsWorkWhoseClientIsGoneThoughItSaidMore) {
  FakeApplication application;
  EndlessWork work(application);
  RunningServer server(application, impatient());
  {
    Client client(server.port());
    client.send(get("/endless") + get("/endless"));
    work.wait_until_begun();
  }
  EXPECT_TRUE(application.exchanges(1)[0].aborted);
  EXPECT_TRUE(work.was_unwanted());
}

TEST(Server, AsksAClientThatClosedItsSideWhetherItStillReads) {
  FakeApplication application;
  EndlessWork work(application);
  RunningServer server(application, impatient());
  Client client(server.port());
  client.send(get("/endless"));
  client.end_writing();
  EXPECT_EQ(client.read_answer().status, 102);
  work.let_end();
  EXPECT_EQ(client.read_answer().body, "done");
  EXPECT_TRUE(client.is_ended());
  EXPECT_FALSE(work.was_unwanted());
}

TEST(Server, TakesTheFinOfAnOldClientForItsEnd) {
  FakeApplication application;
  EndlessWork work(application);
  RunningServer server(application, impatient());
  Client client(server.port());
  client.send("GET /endless HTTP/1.0\r\n\r\n");  // to which no interim answer may be sent
  client.end_writing();
  EXPECT_TRUE(application.exchanges(1)[0].aborted);
  EXPECT_TRUE(work.was_unwanted());
}

TEST(Server, EndsWorkWhenItsGraceIsOver) {
  FakeApplication application;
  EndlessWork work(application);
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/endless"));
  work.wait_until_begun();
  server.stop(50ms);
  EXPECT_TRUE(client.read_to_end().empty());
  EXPECT_TRUE(work.was_unwanted());
}

TEST(Server, MakesRoomByTheLongestIdleConnectionOfWhoHasMost) {
  FakeApplication application;
  EndlessWork work(application);
  ServerSettings settings;
  settings.max_connections = 4;
  RunningServer server(application, settings);
  Client busy(server.port()), first(server.port()), second(server.port());
  busy.send(get("/endless"));
  work.wait_until_begun();
  first.send(get("/x"));
  EXPECT_EQ(first.read_answer().status, 200);
  Client other(server.port(), nullptr, "127.0.0.2");  // waits longer than `first`, whose request was later
  second.send("GET /x HT");
  first.send(get("/x"));
  EXPECT_EQ(first.read_answer().status, 200);

  Client next(server.port());
  next.send(get("/x"));
  EXPECT_EQ(next.read_answer().status, 200);
  EXPECT_TRUE(second.read_to_end().empty());  // half a head is no request
  Client last(server.port());
  last.send(get("/x"));
  EXPECT_EQ(last.read_answer().status, 200);
  EXPECT_TRUE(first.is_ended());
  other.send(get("/x"));
  EXPECT_EQ(other.read_answer().status, 200);
  work.let_end();
  EXPECT_EQ(busy.read_answer().body, "done");
}

/// Reads an answer of 64 MB in small pieces, each after a while.
std::size_t read_slowly(Client& client) {
  std::vector<char> piece(64 * 1024);
  std::size_t read = 0;
  for (;;) {
    const ssize_t got = ::recv(client.descriptor(), piece.data(), piece.size(), 0);
    if (got <= 0) return read;
    read += static_cast<std::size_t>(got);
    if (read < 16'000'000) std::this_thread::sleep_for(5ms);
  }
}

TEST(Server, EndsAnAnswerThatIsReadTooSlowly) {
  for (const bool is_too_slow : {true, false}) {
    FakeApplication application;
    application.on_answer(
        "huge", [](Request&, const std::string&) { return text_response(std::string(64'000'000, 'x')); });
    ServerSettings settings;
    settings.rate_window = 100ms;
    settings.min_read_bytes_per_second = is_too_slow ? 1'000'000'000'000 : 1024;
    RunningServer server(application, settings);
    Client client(server.port());
    client.send(get("/huge", "Connection: close\r\n"));
    const std::size_t read = read_slowly(client);
    EXPECT_EQ(read > 64'000'000, !is_too_slow);
    EXPECT_EQ(application.exchanges(1)[0].aborted, is_too_slow);
  }
}

TEST(Server, AnswersAClientThatOnlyClosedItsSide) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/x"));
  client.end_writing();
  EXPECT_EQ(client.read_answer().body, "GET /x []");
  EXPECT_TRUE(client.is_ended());
  EXPECT_FALSE(application.exchanges(1)[0].aborted);
  Client lying(server.port());
  lying.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  lying.end_writing();
  const WireAnswer answer = lying.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "request.malformed: the body ended early, after 3 bytes");
}

TEST(Server, LaterAnswersWaitForTheirWake) {
  FakeApplication application;
  std::vector<std::function<void()>> wakes(3);
  std::vector<std::thread> threads;
  application.on_answer("at-once", [](Request&, const std::string&) -> Reply {
    return Later{
        [](const std::function<void()>& wake) { wake(); }, {}, [] { return text_response("at once"); }};
  });
  application.on_answer("soon", [&](Request&, const std::string&) -> Reply {
    return Later{[&](const std::function<void()>& wake) {
                   threads.emplace_back([wake] {
                     std::this_thread::sleep_for(30ms);
                     wake();
                     wake();
                   });
                 },
                 {},
                 [] { return text_response("soon"); }};
  });
  application.on_answer("never", [](Request&, const std::string&) -> Reply {
    return Later{[](const std::function<void()>&) {}, 50ms, [] { return text_response("at most"); }};
  });
  std::function<void()> too_late;
  application.on_answer("late", [&](Request&, const std::string&) -> Reply {
    return Later{[&](std::function<void()> wake) { too_late = std::move(wake); }, 10ms,
                 [] { return text_response("before the wake"); }};
  });
  {
    RunningServer server(application);
    Client client(server.port());
    client.send(get("/at-once") + get("/soon") + get("/never") + get("/late"));
    EXPECT_EQ(client.read_answer().body, "at once");
    EXPECT_EQ(client.read_answer().body, "soon");
    EXPECT_EQ(client.read_answer().body, "at most");
    EXPECT_EQ(client.read_answer().body, "before the wake");
    too_late();
    client.send(get("/next"));
    EXPECT_EQ(client.read_answer().body, "GET /next []");
  }
  too_late();  // the server is gone
  for (std::thread& thread : threads) thread.join();
}

/// Gives `size` bytes in pieces, then ends or fails.
class MadeSource final : public io::Source {
 public:
  MadeSource(std::size_t size, bool fails, std::size_t piece = 10'000)
      : left_(size), piece_(piece), fails_(fails) {}
  Result<std::size_t> read(std::span<char> into) override {
    if (left_ == 0 && fails_) return fail(Code::StorageDenied, "the disk is gone");
    const std::size_t size = std::min({into.size(), left_, piece_});
    for (std::size_t i = 0; i < size; ++i) into[i] = static_cast<char>('a' + (left_ - i) % 26);
    left_ -= size;
    return size;
  }

 private:
  std::size_t left_, piece_;
  bool fails_;
};

Response stream_response(std::size_t size, std::optional<std::uint64_t> length, bool fails = false) {
  Response response;
  response.stream = std::make_shared<MadeSource>(size, fails);
  response.length = length;
  return response;
}

TEST(Server, SendsStreams) {
  FakeApplication application;
  application.on_answer("known",
                        [](Request&, const std::string&) { return stream_response(1'000'000, 1'000'000); });
  application.on_answer("unknown",
                        [](Request&, const std::string&) { return stream_response(1'000'000, {}); });
  application.on_answer("short", [](Request&, const std::string&) { return stream_response(100, {}); });
  application.on_answer("empty", [](Request&, const std::string&) { return stream_response(0, 0); });
  application.on_answer("part",
                        [](Request&, const std::string&) { return stream_response(1'000'000, 70'000); });
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/known") + get("/unknown") + get("/short") + get("/empty") + get("/part"));
  const WireAnswer known = client.read_answer(), unknown = client.read_answer(), small = client.read_answer();
  EXPECT_EQ(known.field("content-length"), "1000000");
  EXPECT_EQ(known.body.size(), 1'000'000U);
  EXPECT_EQ(unknown.field("transfer-encoding"), "chunked");
  EXPECT_EQ(unknown.body, known.body);
  EXPECT_TRUE(unknown.is_whole);
  EXPECT_EQ(small.field("content-length"), "100");  // short enough to know before the head is sent
  EXPECT_EQ(client.read_answer().field("content-length"), "0");
  EXPECT_EQ(client.read_answer().body, known.body.substr(0, 70'000));
  client.send("HEAD /known HTTP/1.1\r\nHost: a\r\n\r\nHEAD /unknown HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_answer(true).field("content-length"), "1000000");
  const WireAnswer head = client.read_answer(true);
  EXPECT_EQ(head.field("content-length") + head.field("transfer-encoding"), "");
  client.send("GET /unknown HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const WireAnswer old = client.read_answer();
  EXPECT_EQ(old.field("connection"), "close");
  EXPECT_EQ(old.body, known.body);
}

TEST(Server, CutsAStreamThatFails) {
  FakeApplication application;
  application.on_answer("at-once", [](Request&, const std::string&) { return stream_response(0, {}, true); });
  application.on_answer(
      "known", [](Request&, const std::string&) { return stream_response(300'000, 1'000'000, true); });
  application.on_answer("ends",
                        [](Request&, const std::string&) { return stream_response(300'000, 1'000'000); });
  application.on_answer("unknown",
                        [](Request&, const std::string&) { return stream_response(300'000, {}, true); });
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/at-once"));
  EXPECT_EQ(client.read_answer().status, 500);  // nothing was sent yet, so it can be told
  for (const char* target : {"/known", "/ends", "/unknown"}) {
    Client cut(server.port());
    cut.send(get(target));
    const WireAnswer answer = cut.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.is_whole) << target;
  }
  Client old(server.port());
  old.send("GET /unknown HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(old.read_answer().is_whole);  // by a reset: the end of the connection would mean the end
  for (const Exchange& exchange : application.exchanges(5))
    EXPECT_EQ(exchange.aborted, exchange.status == 200);
}

TEST(Server, SurvivesExceptionsOfTheApplication) {
  FakeApplication application;
  application.on_begin("begin", [](Request&) -> std::variant<Accepted, Response> { throw std::bad_alloc(); });
  application.on_answer("answer",
                        [](Request&, const std::string&) -> Reply { throw std::runtime_error("bug"); });
  application.on_answer("later", [](Request&, const std::string&) -> Reply {
    return Later{
        [](const std::function<void()>& wake) { wake(); }, {}, []() -> Response { throw std::bad_alloc(); }};
  });
  RunningServer server(application);
  for (const char* target : {"/begin", "/answer", "/later"}) {
    Client client(server.port());
    client.send(post(target, "x"));
    const WireAnswer answer = client.read_answer();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_EQ(answer.body, "internal.error: the server failed");
  }
  Client client(server.port());
  client.send(get("/x"));
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Server, ServesManyConnectionsAtOnce) {
  FakeApplication application;
  RunningServer server(application);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<Client>(server.port()));
  for (std::size_t i = 0; i < clients.size(); ++i)
    clients[i]->send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  Client other(server.port());
  other.send(get("/livez"));
  EXPECT_EQ(other.read_answer().body, "alive");
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->send("def");
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(clients[i]->read_answer().body, "POST /p [abcdef]");
}

TEST(Server, TellsThatThereAreTooManyConnections) {
  FakeApplication application;
  EndlessWork work(application);
  ServerSettings settings;
  settings.max_connections = 2;
  settings.listeners = {{"127.0.0.1", 0, false}, {"127.0.0.1", 0, true}};
  RunningServer server(application, settings);
  Client first(server.port()), second(server.port());
  first.send(get("/endless"));
  second.send(get("/endless"));
  while (application.begun < 2) std::this_thread::sleep_for(1ms);
  Client third(server.port()), admin(server.port(1));
  const WireAnswer answer = third.read_answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.field("connection"), "close");
  admin.send(get("/3"));
  EXPECT_EQ(admin.read_answer().status, 200);
  third.end_writing();
  EXPECT_TRUE(third.is_ended());

  work.let_end();
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_EQ(second.read_answer().status, 200);
  Client fourth(server.port());
  fourth.send(get("/4"));
  EXPECT_EQ(fourth.read_answer().status, 200);
}

TEST(Server, KnowsWhereARequestComesFrom) {
  FakeApplication application;
  application.on_answer("who", [](Request& request, const std::string&) {
    return text_response(request.remote_address + (request.is_admin ? " admin" : "") +
                         (request.tls ? " tls" : ""));
  });
  ServerSettings settings;
  settings.listeners = {{"127.0.0.1", 0, false}, {"127.0.0.1", 0, true}};
  const auto ask = [&](const RunningServer& server, std::size_t listener, const std::string& fields) {
    Client client(server.port(listener));
    client.send(get("/who", fields));
    return client.read_answer().body;
  };
  const std::string forwarded = "X-Forwarded-For: 198.51.100.7, 203.0.113.9\r\nX-Forwarded-For: 10.1.2.3\r\n";
  {
    RunningServer server(application, settings);
    EXPECT_EQ(ask(server, 0, forwarded), "127.0.0.1");  // nobody is trusted
    EXPECT_EQ(ask(server, 1, ""), "127.0.0.1 admin");
  }
  settings.trusted_proxies = {"127.0.0.1", "10.0.0.0/8"};
  RunningServer server(application, settings);
  EXPECT_EQ(ask(server, 0, forwarded), "203.0.113.9");  // the last that is no proxy of ours
  EXPECT_EQ(ask(server, 0, "X-Forwarded-For: 10.1.2.3\r\n"), "10.1.2.3");
  EXPECT_EQ(ask(server, 0, "X-Forwarded-For: 2001:db8::1\r\n"), "2001:db8::1");
  EXPECT_EQ(ask(server, 0, "X-Forwarded-For: 198.51.100.7:4711\r\n"), "198.51.100.7");
  EXPECT_EQ(ask(server, 0, "X-Forwarded-For: [2001:db8::1]:443\r\n"), "2001:db8::1");
  EXPECT_EQ(ask(server, 0, "X-Forwarded-For: nobody\r\n"), "127.0.0.1");
  EXPECT_EQ(ask(server, 0, ""), "127.0.0.1");
}

TEST(Server, SaysWhereItCannotListen) {
  FakeApplication application;
  RunningServer server(application);
  ServerSettings settings;
  settings.listeners = {{"127.0.0.1", server.port(), false}};
  Server second(application, settings);
  const Result<void> listening = second.listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::ConfigCannotListen);
  EXPECT_EQ(listening.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use");
}

TEST(Server, ShutsDownGracefully) {
  FakeApplication application;
  std::mutex held;
  application.on_answer("slow", [&](Request&, const std::string&) {
    const std::scoped_lock lock(held);
    return text_response("done");
  });
  RunningServer server(application);
  Client idle(server.port()), busy(server.port());
  idle.send(get("/1"));
  EXPECT_EQ(idle.read_answer().status, 200);
  EXPECT_TRUE(server.server().is_turning());
  std::thread stopper;
  {
    const std::scoped_lock lock(held);
    busy.send(get("/slow") + get("/never-answered"));
    while (application.begun < 2) std::this_thread::sleep_for(1ms);
    stopper = std::thread([&] { server.stop(30s); });
    EXPECT_TRUE(idle.is_ended());
  }
  const WireAnswer answer = busy.read_answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.field("connection"), "close");
  busy.close();
  stopper.join();
  EXPECT_EQ(application.begun, 2);
  EXPECT_FALSE(server.server().is_turning());
}

TEST(Server, EndsWhatOutlastsTheGrace) {
  FakeApplication application;
  application.on_answer("never", [](Request&, const std::string&) -> Reply {
    return Later{[](const std::function<void()>&) {}, {}, [] { return text_response("never"); }};
  });
  RunningServer server(application);
  Client waiting(server.port()), sending(server.port());
  waiting.send(get("/never"));
  sending.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  while (application.begun < 2) std::this_thread::sleep_for(1ms);
  server.stop(20ms);
  EXPECT_EQ(waiting.read_answer().status, 0);
  EXPECT_EQ(sending.read_answer().status, 0);
  for (const Exchange& exchange : application.exchanges(2)) EXPECT_TRUE(exchange.aborted);
}

TEST(Server, ShutsDownUnderLoad) {
  FakeApplication application;
  std::atomic<int> answered = 0, cut = 0;
  std::vector<std::thread> threads;
  std::latch connected(8);
  {
    RunningServer server(application);
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, port = server.port()] {
        Client client(port);
        connected.count_down();
        while (client.send(post("/p", std::string(1000, 'x')))) {
          const WireAnswer answer = client.read_answer();
          if (answer.status != 200) break;
          if (!answer.is_whole) ++cut;
          ++answered;
          if (answer.field("connection") == "close") break;
        }
      });
    }
    connected.wait();
    while (answered < 200) std::this_thread::sleep_for(1ms);
    server.stop(10s);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cut, 0);
  EXPECT_EQ(application.exchanges(1).size(), static_cast<std::size_t>(answered));
}

}  // namespace
}  // namespace rowgate::http

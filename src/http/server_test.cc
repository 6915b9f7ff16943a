#include "http/server.h"

#include "http/testing.h"

namespace rowgate::http {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

TEST(Server, AnswersWithTheFieldsThatEveryAnswerHas) {
  FakeApplication application;
  RunningServer server(application);
  Client client(server.port());
  client.send(get("/a/b?x=1", "Request-Id: my-id_7.x\r\n"));
  const Answer answer = client.read_answer();
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

}  // namespace
}  // namespace rowgate::http

// What RFC 9112 asks of a server for requests that are framed well, badly, or so that two servers might read
// them in two ways. Each case goes over a real socket, once whole and once byte by byte.

#include "http/testing.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

namespace rowgate::http {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)
using namespace std::string_literals;

enum class Then : std::uint8_t { Open, Closed };

struct Case {
  std::string name;
  std::string bytes;
  std::vector<int> statuses;
  Then then = Then::Closed;
  std::string body = {};  ///< of the last answer, where it tells something
};

std::string head(const std::string& line, const std::string& fields = "Host: localhost\r\n") {
  return line + "\r\n" + fields + "\r\n";
}
std::string with_field(const std::string& field) {
  return get("/x", field + "\r\n");
}
std::string with_host(const std::string& host) {
  return head("GET /x HTTP/1.1", "Host: " + host + "\r\n");
}
std::string with_length(const std::string& length, const std::string& body = "hello") {
  return "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + "\r\n\r\n" + body;
}
std::string with_coding(const std::string& coding) {
  return "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " + coding +
         "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
}
std::string fields_of(std::size_t count) {
  std::string fields;
  for (std::size_t i = 1; i < count; ++i) fields += fmt::format("X-{}: {}\r\n", i, i);
  return fields;  // and Host
}

void play(RunningServer& server, const Case& c, bool byte_by_byte) {
  SCOPED_TRACE(c.name + (byte_by_byte ? ", byte by byte" : ""));
  Client client(server.port());
  if (byte_by_byte) {
    const int on = 1;
    ::setsockopt(client.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (const char& byte : c.bytes)
      if (!client.send({&byte, 1})) break;
  } else {
    client.send(c.bytes);
  }
  WireAnswer last;
  for (const int status : c.statuses) {
    last = client.read_answer();
    EXPECT_EQ(last.status, status) << last.body;
    EXPECT_TRUE(last.is_whole);
  }
  EXPECT_TRUE(c.body.empty() || last.body == c.body) << last.body;
  if (c.then == Then::Closed) {
    EXPECT_EQ(last.field("connection"), "close");
    client.end_writing();
    EXPECT_TRUE(client.is_ended());
    return;
  }
  EXPECT_EQ(last.field("connection"), last.head.contains("keep-alive") ? "keep-alive" : "");
  client.send(get("/livez", "Connection: close\r\n"));
  EXPECT_EQ(client.read_answer().body, "alive");
}

void play_all(const std::vector<Case>& cases) {
  FakeApplication application;
  RunningServer server(application);
  for (const Case& c : cases) {
    play(server, c, false);
    if (c.bytes.size() < 600) play(server, c, true);
  }
}

TEST(Framing, MessageFormatOfSection2) {
  play_all({
      {"a plain GET", get("/x"), {200}, Then::Open, "GET /x []"},
      {"an empty line before the request", "\r\n" + get("/x"), {200}, Then::Open},
      {"many empty lines", "\r\n\r\n\r\n\r\n\r\n" + get("/x"), {400}},
      {"LF alone ends the lines", "GET /x HTTP/1.1\nHost: localhost\n\n", {400}},
      {"LF alone ends a field", "GET /x HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", {400}},
      {"LF alone ends the head", "GET /x HTTP/1.1\r\nHost: localhost\r\n\n", {400}},
      {"CR within a field", with_field("X: a\rb"), {400}},
      {"CR within the request line", head("GET /x\r HTTP/1.1"), {400}},
      {"CR CR LF", "GET /x HTTP/1.1\r\r\nHost: localhost\r\n\r\n", {400}},
      {"NUL in a field", with_field("X: a\0b"s), {400}},
      {"NUL in the target", head("GET /x\0 HTTP/1.1"s), {400}},
      {"blank before the first field", head("GET /x HTTP/1.1", " X: y\r\nHost: localhost\r\n"), {400}},
      {"a later version 1", head("GET /x HTTP/1.9"), {200}, Then::Open},
      {"HTTP/1.0 ends the connection", head("GET /x HTTP/1.0", ""), {200}, Then::Closed},
      {"HTTP/1.0 kept", head("GET /x HTTP/1.0", "Connection: Keep-Alive\r\n"), {200}, Then::Open},
      {"HTTP/1.0 with a body",
       "POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
       {200},
       Then::Closed,
       "POST /x [hello]"},
      {"HTTP/2.0", head("GET /x HTTP/2.0"), {505}},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}},
      {"HTTP/0.9", "GET /x\r\n\r\n", {400}},
      {"version in lower case", head("GET /x http/1.1"), {400}},
      {"version of two digits", head("GET /x HTTP/1.10"), {400}},
      {"version without dot", head("GET /x HTTP/11"), {400}},
      {"no version", head("GET /x "), {400}},
      {"blank behind the version", head("GET /x HTTP/1.1 "), {400}},
      {"a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, {400}},
      {"an SSH client", "SSH-2.0-OpenSSH_9.2p1\r\n", {400}},
  });
}

TEST(Framing, RequestLineOfSection3) {
  const std::string longest = "/" + std::string(8191, 'a');
  play_all({
      {"two spaces", head("GET  /x HTTP/1.1"), {400}},
      {"two spaces behind", head("GET /x  HTTP/1.1"), {400}},
      {"tabs", head("GET\t/x\tHTTP/1.1"), {400}},
      {"no method", head(" /x HTTP/1.1"), {400}},
      {"a method with a bracket", head("G(T /x HTTP/1.1"), {400}},
      {"a method of 40 letters", head(std::string(40, 'A') + " /x HTTP/1.1"), {400}},
      {"one endless word", std::string(300, 'A'), {400}},
      {"the case of a method counts", head("get /x HTTP/1.1"), {200}, Then::Open, "get /x []"},
      {"an unknown method is for the application", head("PURGE /x HTTP/1.1"), {200}, Then::Open},
      {"CONNECT", head("CONNECT localhost:80 HTTP/1.1"), {501}},
      {"TRACE is for the application, which has it nowhere", head("TRACE /x HTTP/1.1"), {200}, Then::Open},
      {"authority form for GET", head("GET localhost:80 HTTP/1.1"), {400}},
      {"OPTIONS *", head("OPTIONS * HTTP/1.1"), {200}, Then::Open, "OPTIONS * []"},
      {"GET *", head("GET * HTTP/1.1"), {400}},
      {"absolute form", head("GET http://example.org/x HTTP/1.1"), {200}, Then::Open, "GET /x []"},
      {"absolute form of https", head("GET HTTPS://example.org:8443/x?y HTTP/1.1"), {200}, Then::Open},
      {"absolute form without path", head("GET http://example.org HTTP/1.1"), {200}, Then::Open},
      {"absolute form without host", head("GET http:///x HTTP/1.1"), {400}},
      {"absolute form with a user", head("GET http://me@example.org/x HTTP/1.1"), {400}},
      {"absolute form needs Host all the same", head("GET http://example.org/x HTTP/1.1", ""), {400}},
      {"another scheme", head("GET ftp://example.org/x HTTP/1.1"), {400}},
      {"relative path", head("GET x HTTP/1.1"), {400}},
      {"a fragment", head("GET /x#y HTTP/1.1"), {400}},
      {"a space in the target", head("GET /x y HTTP/1.1"), {400}},
      {"a control character", head("GET /x\x01 HTTP/1.1"), {400}},
      {"DEL", head("GET /x\x7f HTTP/1.1"), {400}},
      {"bytes above ASCII", head("GET /\xc3\xb1 HTTP/1.1"), {400}},
      {"encoded UTF-8", head("GET /%C3%B1 HTTP/1.1"), {200}, Then::Open},
      {"encoded bytes that are no UTF-8", head("GET /%ff HTTP/1.1"), {400}},
      {"an encoded NUL", head("GET /x%00 HTTP/1.1"), {400}},
      {"an encoded NUL in the query", head("GET /x?a=%00 HTTP/1.1"), {400}},
      {"a broken encoding", head("GET /%4 HTTP/1.1"), {400}},
      {"an encoding that is none", head("GET /x?a=%zz HTTP/1.1"), {400}},
      {"dots are data", head("GET /../%2e%2e/x HTTP/1.1"), {200}, Then::Open, "GET /../%2e%2e/x []"},
      {"the longest target", head("GET " + longest + " HTTP/1.1"), {200}, Then::Open},
      {"one byte longer", head("GET " + longest + "a HTTP/1.1"), {414}},
      {"an endless target", "GET /" + std::string(20'000, 'a'), {414}},
      {"no Host", head("GET /x HTTP/1.1", "X: y\r\n"), {400}},
      {"two Hosts", head("GET /x HTTP/1.1", "Host: a\r\nHost: b\r\n"), {400}},
      {"Host twice the same", head("GET /x HTTP/1.1", "Host: a\r\nhost: a\r\n"), {400}},
      {"two Hosts in HTTP/1.0", head("GET /x HTTP/1.0", "Host: a\r\nHost: b\r\n"), {400}},
      {"an empty Host", with_host(""), {400}},
      {"Host with a space", with_host("a b"), {400}},
      {"Host with a path", with_host("a/b"), {400}},
      {"Host with a user", with_host("a@b"), {400}},
      {"Host list", with_host("a, b"), {400}},
      {"Host with too large a port", with_host("a:65536"), {400}},
      {"Host with a word for a port", with_host("a:http"), {400}},
      {"Host with an open bracket", with_host("[::1"), {400}},
      {"Host with something behind a bracket", with_host("[::1]x"), {400}},
      {"Host with port", with_host("example.org:8080"), {200}, Then::Open},
      {"Host with an empty port", with_host("example.org:"), {200}, Then::Open},
      {"Host of IPv6", with_host("[::1]:8080"), {200}, Then::Open},
  });
}

TEST(Framing, FieldsOfSection5) {
  play_all({
      {"blank before the colon", with_field("X : y"), {400}},
      {"tab before the colon", with_field("X\t: y"), {400}},
      {"blank before a colon of Content-Length", with_field("Content-Length : 5"), {400}},
      {"a folded line", with_field("X: a\r\n b"), {400}},
      {"a line folded by a tab", with_field("X: a\r\n\tb"), {400}},
      {"a line of blanks", with_field("X: a\r\n "), {400}},
      {"no colon", with_field("X"), {400}},
      {"no name", with_field(": y"), {400}},
      {"a name with a slash", with_field("X/Y: z"), {400}},
      {"a name above ASCII", with_field("X\xc3\xa9: z"), {400}},
      {"a control character in a value", with_field("X: \x02"), {400}},
      {"DEL in a value", with_field("X: \x7f"), {400}},
      {"bytes above ASCII in a value", with_field("X: \xc3\xa9"), {200}, Then::Open},
      {"an empty value", with_field("X:"), {200}, Then::Open},
      {"blanks around a value", with_field("Connection: \t close \t"), {200}, Then::Closed},
      {"100 fields", get("/x", fields_of(100)), {200}, Then::Open},
      {"101 fields", get("/x", fields_of(101)), {431}},
      {"2,000 fields", get("/x", fields_of(2000)), {431}},
      {"a field of 15 KiB", with_field("X: " + std::string(15 * 1024, 'y')), {200}, Then::Open},
      {"a field of 16 KiB", with_field("X: " + std::string(16 * 1024, 'y')), {431}},
      {"an endless field", "GET /x HTTP/1.1\r\nX: " + std::string(40'000, 'y'), {431}},
  });
}

TEST(Framing, BodiesOfSection6) {
  play_all({
      {"a length", with_length("5"), {200}, Then::Open, "POST /x [hello]"},
      {"a length with zeros before it", with_length("005"), {200}, Then::Open, "POST /x [hello]"},
      {"GET with a body",
       "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
       {200},
       Then::Open,
       "GET /x [hello]"},
      {"an empty length", with_length(""), {400}},
      {"a negative length", with_length("-5"), {400}},
      {"a length with a plus", with_length("+5"), {400}},
      {"a length in hex", with_length("0x5"), {400}},
      {"a broken length", with_length("5.0"), {400}},
      {"two numbers", with_length("5 5"), {400}},
      {"a list of lengths", with_length("5, 5"), {400}},
      {"a length of 2^64", with_length("18446744073709551616"), {400}},
      {"a length of 2^63", with_length("9223372036854775808"), {400}},
      {"equal lengths", with_length("5\r\nContent-Length: 5"), {400}},
      {"different lengths", with_length("5\r\nContent-Length: 6"), {400}},
      {"length, then chunked", with_length("5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), {400}},
      {"chunked, then length", with_coding("chunked\r\nContent-Length: 5"), {400}},
      {"chunked", with_coding("chunked"), {200}, Then::Open, "POST /x [hello]"},
      {"Chunked", with_coding("CHUNKED"), {200}, Then::Open},
      {"xchunked", with_coding("xchunked"), {400}},
      {"identity", with_coding("identity"), {400}},
      {"no coding", with_coding(""), {400}},
      {"chunked with a parameter", with_coding("chunked;q=1"), {400}},
      {"a quoted coding", with_coding("\"chunked\""), {400}},
      {"gzip, then chunked", with_coding("gzip, chunked"), {501}},
      {"chunked, then gzip", with_coding("chunked, gzip"), {400}},
      {"chunked twice", with_coding("chunked, chunked"), {400}},
      {"chunked on two lines", with_coding("chunked\r\nTransfer-Encoding: chunked"), {400}},
      {"another coding on the second line", with_coding("chunked\r\nTransfer-Encoding: identity"), {400}},
      {"a vertical tab",
       with_coding("\x0b"
                   "chunked"),
       {400}},
      {"chunked in HTTP/1.0", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}},
      {"what follows a refused request is not read as one", with_coding("xchunked") + get("/x"), {400}},
  });
}

TEST(Framing, ChunksOfSection7) {
  const auto chunked = [](const std::string& chunks) { return post_chunked("/x", chunks); };
  play_all({
      {"no chunk but the last", chunked("0\r\n\r\n"), {200}, Then::Open, "POST /x []"},
      {"hex digits of both cases",
       chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
       {200},
       Then::Open},
      {"zeros before a size", chunked("0005\r\nhello\r\n000\r\n\r\n"), {200}, Then::Open, "POST /x [hello]"},
      {"extensions",
       chunked("5;a;b=c;d=\"e;f\"\r\nhello\r\n0;x\r\n\r\n"),
       {200},
       Then::Open,
       "POST /x [hello]"},
      {"trailer fields", chunked("5\r\nhello\r\n0\r\nX: y\r\nZ: z\r\n\r\n"), {200}, Then::Open},
      {"data that looks like chunks",
       chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
       {200},
       Then::Open,
       "POST /x [0\r\n\r\n]"},
      {"a size that is none", chunked("g\r\nhello\r\n0\r\n\r\n"), {400}},
      {"no size", chunked("\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a negative size", chunked("-5\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a blank before a size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a size of 2^64", chunked("10000000000000000\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a size of 2^64 + 5", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), {400}},
      {"LF alone behind a size", chunked("5\nhello\r\n0\r\n\r\n"), {400}},
      {"LF alone behind the data", chunked("5\r\nhello\n0\r\n\r\n"), {400}},
      {"LF alone behind the last size", chunked("5\r\nhello\r\n0\n\r\n"), {400}},
      {"CR within an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a NUL in an extension", chunked("5;a=\0\r\nhello\r\n0\r\n\r\n"s), {400}},
      {"more data than the size says", chunked("3\r\nhello\r\n0\r\n\r\n"), {400}},
      {"less data than the size says", chunked("7\r\nhello\r\n0\r\n\r\n0\r\n\r\n"), {400}},
      {"an extension with an open quote", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), {400}},
      {"an extension without a name", chunked("5;=b\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a blank behind a size", chunked("5 \r\nhello\r\n0\r\n\r\n"), {400}},
      {"a long extension", chunked("5;a=" + std::string(300'000, 'b') + "\r\nhello\r\n0\r\n\r\n"), {400}},
      {"a long trailer", chunked("0\r\nX: " + std::string(300'000, 'b') + "\r\n\r\n"), {400}},
      {"a trailer without a colon", chunked("0\r\nX\r\n\r\n"), {400}},
  });
}

TEST(Framing, ConnectionsOfSection9) {
  play_all({
      {"three requests at once", get("/1") + get("/2") + get("/3"), {200, 200, 200}, Then::Open, "GET /3 []"},
      {"bodies between them",
       post("/1", "a") + post_chunked("/2", "1\r\nb\r\n0\r\n\r\n") + post("/3", "c"),
       {200, 200, 200},
       Then::Open,
       "POST /3 [c]"},
      {"close", get("/x", "Connection: close\r\n"), {200}, Then::Closed},
      {"close among others", get("/x", "Connection: foo, Close\r\n"), {200}, Then::Closed},
      {"close on the second line",
       get("/x", "Connection: foo\r\nConnection: close\r\n"),
       {200},
       Then::Closed},
      {"keep-alive and close", get("/x", "Connection: keep-alive, close\r\n"), {200}, Then::Closed},
      {"nothing is read behind close",
       get("/1", "Connection: close\r\n") + get("/2"),
       {200},
       Then::Closed,
       "GET /1 []"},
      {"a bad request behind a good one",
       get("/1") + "nonsense\r\n\r\n" + get("/2"),
       {200, 400},
       Then::Closed},
      {"an upgrade that is not done",
       get("/x", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"),
       {200},
       Then::Open},
      {"an expectation that nobody knows", get("/x", "Expect: 200-ok\r\n"), {417}},
      {"an expectation in HTTP/1.0", head("GET /x HTTP/1.0", "Expect: 200-ok\r\n"), {200}, Then::Closed},
  });
}

}  // namespace
}  // namespace rowgate::http

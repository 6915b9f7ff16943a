#include "http/head.h"

#include "http/answer.h"
#include "http/proxy.h"

#include <gtest/gtest.h>

namespace rowgate::http {
namespace {

Request request_of(const std::string& target) {
  HeadReader reader({});
  const Result<bool> whole = reader.read("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(whole && *whole) << target;
  return reader.take().request;
}

TEST(Head, CutsATargetIntoItsParts) {
  const Request request = request_of("/v1/tables/a%20b%2Fc+d?limit=3&x=a+b%26&flag&=v&x=%C3%B1&");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"v1", "tables", "a b/c+d"}));
  EXPECT_FALSE(request.trailing_slash);
  EXPECT_EQ(request.query,
            (Fields{{"limit", "3"}, {"x", "a b&"}, {"flag", ""}, {"", "v"}, {"x", "\xc3\xb1"}}));
  EXPECT_EQ(request.parameter("x"), "a b&");
  EXPECT_EQ(request.parameter("y"), std::nullopt);
}

TEST(Head, KeepsEmptySegmentsAndTellsATrailingSlash) {
  EXPECT_EQ(request_of("/").segments, std::vector<std::string>{});
  EXPECT_FALSE(request_of("/").trailing_slash);
  EXPECT_TRUE(request_of("/a/").trailing_slash);
  EXPECT_EQ(request_of("/a/").segments, std::vector<std::string>{"a"});
  EXPECT_EQ(request_of("//a").segments, (std::vector<std::string>{"", "a"}));
  EXPECT_EQ(request_of("/a//").segments, (std::vector<std::string>{"a", ""}));
}

TEST(Head, AHeaderOfJustTheLimitIsTakenHoweverItsBytesCome) {
  const std::string fields = "Host: a\r\n", bytes = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  for (const std::size_t limit : {fields.size(), fields.size() - 1}) {
    HeadReader reader({.header_bytes = limit});
    Result<bool> whole = false;
    for (std::size_t end = 1; whole && !*whole && end <= bytes.size(); ++end)
      whole = reader.read(bytes.substr(0, end));
    EXPECT_EQ(whole.has_value(), limit == fields.size());
    EXPECT_EQ(HeadReader({.header_bytes = limit}).read(bytes).has_value(), whole.has_value());
  }
}

TEST(Head, TakesTheHostOfAnAbsoluteTarget) {
  const Request request = request_of("http://example.org:81/a?b=c");
  EXPECT_EQ(request.header("host"), "example.org:81");
  EXPECT_EQ(request.segments, std::vector<std::string>{"a"});
  EXPECT_EQ(request.parameter("b"), "c");
  EXPECT_EQ(request_of("http://example.org?b=c").segments, std::vector<std::string>{});
}

TEST(Head, KeepsFieldsInOrderWithNamesInLowerCase) {
  HeadReader reader({});
  const std::string head = "GET / HTTP/1.1\r\nHOST: a\r\nX-B: 1, 2 \r\nx-a:3\r\nX-B: 4\r\n\r\n";
  ASSERT_TRUE(*reader.read(head + "rest"));
  EXPECT_EQ(reader.size(), head.size());
  EXPECT_EQ(reader.take().request.headers,
            (Fields{{"host", "a"}, {"x-b", "1, 2"}, {"x-a", "3"}, {"x-b", "4"}}));
}

TEST(Answer, WritesDatesOfHttp) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(Answer, HasANameForEveryStatusOfTheCodes) {
  for (const CodeInfo& code : all_codes()) EXPECT_NE(reason(code.http_status), "") << code.text;
}

TEST(Proxy, TrustsAddressesAndNetworks) {
  const Fields fields = {{"x-forwarded-for", "198.51.100.7"}};
  const auto client = [&](std::string_view peer, std::vector<std::string> trusted) {
    return client_address(peer, fields, trusted);
  };
  EXPECT_EQ(client("10.1.2.3", {"10.1.2.3"}), "198.51.100.7");
  EXPECT_EQ(client("10.1.2.3", {"10.1.2.4"}), "10.1.2.3");
  EXPECT_EQ(client("10.1.2.3", {"10.1.0.0/16"}), "198.51.100.7");
  EXPECT_EQ(client("10.2.2.3", {"10.1.0.0/16"}), "10.2.2.3");
  EXPECT_EQ(client("10.1.2.3", {"0.0.0.0/0"}), "198.51.100.7");
  EXPECT_EQ(client("::1", {"0.0.0.0/0"}), "::1");
  EXPECT_EQ(client("fd00::5", {"fd00::/8"}), "198.51.100.7");
  EXPECT_EQ(client("10.1.2.3", {"10.1.2.3/", "10.1.2.3/33", "nonsense", "10.0.0.0/x"}), "10.1.2.3");
}

}  // namespace
}  // namespace rowgate::http

#include "lambda/event.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace rowgate::lambda {
namespace {

/// "POST /v1?a=1 [Name: value ...] from 192.0.2.7 at https://... : body", or the error.
std::string told(std::string_view json) {
  const Result<Event> event = read_event(json);
  if (!event) return to_text(event.error());
  if (const auto* http = std::get_if<HttpEvent>(&*event)) {
    const http::WholeRequest& request = http->request;
    std::string fields;
    for (const auto& [name, value] : request.headers) fields += fmt::format("{}: {} | ", name, value);
    return fmt::format("{} {} [{}] from {} at {}: {}", request.method, request.target, fields,
                       request.remote_address, request.public_url, request.body);
  }
  if (const auto* objects = std::get_if<ObjectsEvent>(&*event)) {
    std::string all;
    for (const ObjectsEvent::Object& object : objects->objects)
      all += fmt::format("{}/{} {};", object.bucket, object.key, object.version);
    return all;
  }
  return std::holds_alternative<NothingEvent>(*event) ? "nothing" : "schedule";
}

constexpr std::string_view kContext =
    R"("requestContext":{"stage":"dev","path":"/dev/v1/a","domainName":"api.example.org",)"
    R"("identity":{"sourceIp":"192.0.2.7"}})";

std::string rest(std::string_view members) {
  return fmt::format(R"({{"httpMethod":"GET","path":"/v1/a",{}{}}})", members, kContext);
}

TEST(LambdaEvent, OfARestApiHasDecodedParts) {
  EXPECT_EQ(told(rest("")), "GET /v1/a [] from 192.0.2.7 at https://api.example.org/dev: ");
  EXPECT_EQ(told(rest(R"("multiValueQueryStringParameters":{"s":["x&y"],"e":["1"],"k":["a b","+%"]},)")),
            "GET /v1/a?e=1&k=a%20b&k=%2B%25&s=x%26y [] from 192.0.2.7 at https://api.example.org/dev: ")
      << "in the order of a link";
  EXPECT_EQ(told(rest(R"("queryStringParameters":{"a":""},"multiValueQueryStringParameters":null,)")),
            "GET /v1/a?a= [] from 192.0.2.7 at https://api.example.org/dev: ");
  EXPECT_EQ(told(rest(R"("headers":{"A":"2"},"multiValueHeaders":{"A":["1","2"],"B":["3"]},)")),
            "GET /v1/a [a: 1 | a: 2 | b: 3 | ] from 192.0.2.7 at https://api.example.org/dev: ");
  EXPECT_EQ(told(rest(R"("headers":{"Accept":"text/csv"},)")),
            "GET /v1/a [accept: text/csv | ] from 192.0.2.7 at https://api.example.org/dev: ");
}

TEST(LambdaEvent, HasItsBodyPlainOrInBase64) {
  EXPECT_TRUE(told(rest(R"("body":"a,b\n","isBase64Encoded":false,)")).ends_with(": a,b\n"));
  EXPECT_TRUE(told(rest(R"("body":"YSxiCg==","isBase64Encoded":true,)")).ends_with(": a,b\n"));
  EXPECT_TRUE(told(rest(R"("body":null,"isBase64Encoded":true,)")).ends_with(": "));
  EXPECT_EQ(told(rest(R"("body":"a,b","isBase64Encoded":true,)")),
            "the body of the event is not base64, as it says");
}

TEST(LambdaEvent, OfAnHttpApiHasItsStageInThePath) {
  const auto event = [](std::string_view stage, std::string_view path, std::string_view query) {
    return fmt::format(R"({{"version":"2.0","rawPath":"{}","rawQueryString":"{}","headers":{{"x-A":"1,2"}},)"
                       R"("requestContext":{{"stage":"{}","domainName":"api.example.org",)"
                       R"("http":{{"method":"POST","sourceIp":"192.0.2.7"}}}},"body":"b"}})",
                       path, query, stage);
  };
  EXPECT_EQ(told(event("dev", "/dev/v1", "b=2&a=%20+")),
            "POST /v1?b=2&a=%20+ [x-a: 1,2 | ] from 192.0.2.7 at https://api.example.org/dev: b");
  EXPECT_EQ(told(event("$default", "/dev/v1", "")),
            "POST /dev/v1 [x-a: 1,2 | ] from 192.0.2.7 at https://api.example.org: b");
  EXPECT_EQ(told(event("dev", "/dev", "")),
            "POST / [x-a: 1,2 | ] from 192.0.2.7 at https://api.example.org/dev: b");
  EXPECT_EQ(told(event("dev", "/development", "")),
            "POST /development [x-a: 1,2 | ] from 192.0.2.7 at https://api.example.org: b");
  EXPECT_TRUE(told(event("dev", "/dev/caf\xC3\xA9 x", "")).starts_with("POST /caf%C3%A9%20x "))
      << "such gateways hand out decoded paths";
}

TEST(LambdaEvent, OfVersion1MayComeFromOthersToo) {
  EXPECT_TRUE(told(R"({"httpMethod":"GET","path":"/dev/v1","version":"1.0",
      "requestContext":{"stage":"dev","path":"/dev/v1","domainName":"a"}})")
                  .starts_with("GET /v1 "))
      << "an HTTP API leaves the stage in";
  EXPECT_TRUE(told(R"({"httpMethod":"GET","path":"/v1","queryStringParameters":{"a":"x%20y"},
      "requestContext":{"elb":{"targetGroupArn":"arn"}}})")
                  .starts_with("GET /v1?a=x%20y "))
      << "a load balancer does not decode";
}

TEST(LambdaEvent, OfABucketNamesWhatWasPutThere) {
  EXPECT_EQ(told(R"({"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{
      "bucket":{"name":"b"},"object":{"key":"p/a+b%C3%A9%25","eTag":"e","versionId":"v"}}},
      {"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{
      "bucket":{"name":"b"},"object":{"key":"c"}}}]})"),
            "b/p/a b\xC3\xA9% v;");
  EXPECT_EQ(told(R"({"source":"aws.s3","detail-type":"Object Created",
      "detail":{"bucket":{"name":"b"},"object":{"key":"p/a+b","etag":"e"}}})"),
            "b/p/a+b e;")
      << "EventBridge does not encode";
  EXPECT_EQ(told(R"({"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"})"), "nothing");
  EXPECT_EQ(told(R"({"source":"aws.events","detail-type":"Scheduled Event"})"), "schedule");
}

TEST(LambdaEvent, ThatIsNoneIsNamed) {
  const auto begins = [](std::string_view json, std::string_view says) {
    EXPECT_TRUE(told(json).starts_with(says)) << told(json);
  };
  begins("", "the event is no JSON, or is cut off");
  begins(R"({"httpMethod":"GET","pa)", "the event is no JSON, or is cut off");
  begins("[]", "the event is no JSON object");
  begins("{}", "the event is none that rowgate knows; its members are: none");
  begins(R"({"a":1,"b":2})", "the event is none that rowgate knows; its members are: a, b (");
  begins(R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9})",
         "the event is none that rowgate knows; its members are: a, b, c, d, e, f, g, h, ... (");
  begins(R"({"Records":[{"eventSource":"aws:sqs"}]})", "events of \"aws:sqs\" mean nothing to rowgate");
  begins(R"({"Records":[{"EventSource":"aws:sns"}]})", "events of \"\" mean nothing to rowgate");
  begins(R"({"source":"aws.ec2","detail-type":"State-change"})",
         "\"State-change\" of \"aws.ec2\" means nothing to rowgate");
}

}  // namespace
}  // namespace rowgate::lambda

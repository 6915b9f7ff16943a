#include "lambda/answer.h"

#include <gtest/gtest.h>

namespace rowgate::lambda {
namespace {

TEST(LambdaAnswer, OfTextGoesAsItIs) {
  EXPECT_EQ(answer_json({.status = 200,
                         .headers = {{"Content-Type", "text/csv; charset=utf-8"}, {"ETag", "\"v1\""}},
                         .body = "a,\"b\"\r\n\xC3\xA9\n"}),
            R"({"statusCode":200,"headers":{"Content-Type":"text/csv; charset=utf-8","ETag":"\"v1\""},)"
            "\"body\":\"a,\\\"b\\\"\\r\\n\xC3\xA9\\n\",\"isBase64Encoded\":false}");
  for (const char* type : {"application/json", "application/problem+json; charset=utf-8", "application/yaml",
                           "application/sql", "text/html"})
    EXPECT_NE(
        answer_json({.status = 200, .headers = {{"Content-Type", type}}, .body = "a"}).find(R"("body":"a")"),
        std::string::npos)
        << type;
}

TEST(LambdaAnswer, OfBytesGoesInBase64) {
  EXPECT_EQ(answer_json({.status = 206,
                         .headers = {{"Content-Type", "application/octet-stream"}},
                         .body = std::string("\0\xFF", 2)}),
            R"({"statusCode":206,"headers":{"Content-Type":"application/octet-stream"},)"
            R"("body":"AP8=","isBase64Encoded":true})");
  EXPECT_EQ(
      answer_json({.status = 200, .headers = {{"Content-Type", "text/csv"}}, .body = "Jos\xE9"}),
      R"({"statusCode":200,"headers":{"Content-Type":"text/csv"},"body":"Sm9z6Q==","isBase64Encoded":true})")
      << "text that is not UTF-8 must not be damaged";
}

TEST(LambdaAnswer, HasEachNameOnce) {
  EXPECT_EQ(
      answer_json({.status = 204, .headers = {{"Vary", "Accept"}, {"Link", "a"}, {"Vary", "Origin"}}}),
      R"({"statusCode":204,"headers":{"Vary":"Accept, Origin","Link":"a"},"body":"","isBase64Encoded":false})");
}

}  // namespace
}  // namespace rowgate::lambda

#include "aws/secret.h"

#include "aws/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowgate::aws {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestClock;

struct CountedCredentials : CredentialSource {
  Result<Credentials> current() override { return Credentials{"k", "s"}; }
  void forget() override { ++forgotten; }
  int forgotten = 0;
};

/// Gives the same answer until it is told another one.
class OneAnswer : public net::HttpClient {
 public:
  std::expected<net::HttpResponse, net::HttpFailure> send(const net::HttpRequest& request) override {
    ++asked;
    last = request;
    body = request.body;
    if (status == 0) return std::unexpected(net::HttpFailure{"cannot connect"});
    return net::HttpResponse{status, {}, answer};
  }
  void tell(std::string_view password) {
    status = 200;
    answer = fmt::format(
        R"({{"Name":"hr/database","SecretString":"{{\"username\":\"loader\",\"password\":\"{}\",\"port\":3306}}"}})",
        password);
  }
  int asked = 0, status = 200;
  std::string answer, body;
  net::HttpRequest last;
};

class SecretTest : public ::testing::Test {
 protected:
  SecretTest() { server_->tell("sesame"); }
  Secret secret(std::string key = "password") {
    return Secret({.name = "hr/\"database\"",
                   .key = std::move(key),
                   .region = "cn-north-1",
                   .retries = {.tries = 3, .sleep = [](auto) {}},
                   .http = server_,
                   .credentials = credentials_,
                   .clock = clock_});
  }
  std::string error_for(int status, std::string answer) {
    server_->status = status;
    server_->answer = std::move(answer);
    const Result<std::string> value = secret().value();
    return value ? "no error: " + *value
                 : std::string(text(value.error().code)) + ": " + to_text(value.error());
  }

  std::shared_ptr<OneAnswer> server_ = std::make_shared<OneAnswer>();
  std::shared_ptr<CountedCredentials> credentials_ = std::make_shared<CountedCredentials>();
  std::shared_ptr<TestClock> clock_ = std::make_shared<TestClock>();
};

TEST_F(SecretTest, IsAskedForBySignedRequest) {
  EXPECT_EQ(secret().value().value(), "sesame");
  EXPECT_EQ(secret("port").value().value(), "3306");
  EXPECT_EQ(server_->last.url, "https://secretsmanager.cn-north-1.amazonaws.com.cn/");
  EXPECT_EQ(server_->body, R"({"SecretId":"hr/\"database\""})");
  std::string head;
  for (const auto& [name, value] : server_->last.headers) head += name + ": " + value + "\n";
  EXPECT_THAT(head, AllOf(HasSubstr("X-Amz-Target: secretsmanager.GetSecretValue\n"),
                          HasSubstr("Credential=k/20260301/cn-north-1/secretsmanager/aws4_request"),
                          HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-target")));
}

TEST_F(SecretTest, IsKeptForFiveMinutes) {
  Secret one = secret();
  EXPECT_EQ(*one.value(), "sesame");
  server_->tell("poppy");
  clock_->advance(std::chrono::minutes(5) - std::chrono::seconds(1));
  EXPECT_EQ(*one.value(), "sesame");
  EXPECT_EQ(server_->asked, 1);
  clock_->advance(std::chrono::seconds(1));
  EXPECT_EQ(*one.value(), "poppy");
  EXPECT_EQ(server_->asked, 2);
}

TEST_F(SecretTest, ServesOnWhenItCannotBeReadAgain) {
  Secret one = secret();
  EXPECT_EQ(*one.value(), "sesame");
  server_->status = 0;
  clock_->advance(std::chrono::minutes(6));
  EXPECT_EQ(*one.value(), "sesame");
  EXPECT_EQ(server_->asked, 4);
  EXPECT_EQ(*one.value(), "sesame");  // not asked for at every login
  EXPECT_EQ(server_->asked, 4);
}

TEST_F(SecretTest, IsReadAnewWhenItDoesNotServe) {
  Secret one = secret();
  EXPECT_EQ(*one.value(), "sesame");
  server_->tell("poppy");
  EXPECT_EQ(*one.value_after("sesame"), "poppy");
  EXPECT_EQ(*one.value_after("sesame"), "poppy");  // another login has read it already
  EXPECT_EQ(server_->asked, 2);
  EXPECT_EQ(*one.value_after("poppy"), "poppy");  // it was read again this very second
  EXPECT_EQ(server_->asked, 2);
  clock_->advance(std::chrono::seconds(1));
  EXPECT_EQ(*one.value_after("poppy"), "poppy");
  EXPECT_EQ(server_->asked, 3);
}

TEST_F(SecretTest, TellsWhatIsWrong) {
  EXPECT_THAT(error_for(400, R"({"__type":"ResourceNotFoundException","Message":"can't find it"})"),
              AllOf(StartsWith("database.secret: the secret hr/\"database\" in cn-north-1 does not exist"),
                    HasSubstr("can't find it")));
  EXPECT_THAT(error_for(400, R"({"__type":"com.amazonaws.secretsmanager#AccessDeniedException"})"),
              HasSubstr("need secretsmanager:GetSecretValue"));
  EXPECT_THAT(error_for(400, R"({"__type":"DecryptionFailure"})"), HasSubstr("need kms:Decrypt"));
  EXPECT_EQ(credentials_->forgotten, 0);
  EXPECT_THAT(error_for(403, R"({"__type":"UnrecognizedClientException"})"), HasSubstr("credentials"));
  EXPECT_EQ(credentials_->forgotten, 1);
  server_->asked = 0;
  EXPECT_THAT(error_for(500, "<html>"), StartsWith("database.unreachable: "));
  EXPECT_EQ(server_->asked, 3);
  EXPECT_THAT(error_for(400, R"({"__type":"ExpiredTokenException"})"), StartsWith("database.secret: "));
  EXPECT_EQ(server_->asked, 6);
  EXPECT_THAT(error_for(404, "<html>"), HasSubstr("status 404"));
  EXPECT_THAT(error_for(200, "<html>"), HasSubstr("something else than JSON"));
  EXPECT_THAT(error_for(200, R"({"SecretBinary":"AAAA"})"), HasSubstr("has no text"));
  EXPECT_THAT(error_for(200, R"({"SecretString":"sesame"})"),
              AllOf(HasSubstr("is no JSON object"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(
      error_for(200, R"({"SecretString":"{\"pass\":\"sesame\"}"})"),
      AllOf(HasSubstr("has no member \"password\""), HasSubstr("it has pass"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(error_for(200, R"({"SecretString":"{\"password\":\"\"}"})"), HasSubstr("has no text under"));
}

}  // namespace
}  // namespace rowgate::aws

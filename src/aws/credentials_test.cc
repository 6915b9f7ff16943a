#include "aws/credentials.h"

#include "aws/profile_file.h"
#include "aws/testing.h"
#include "io/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace rowgate::aws {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::TestClock;

/// Answers by "METHOD url"; all else cannot be reached.
class FakeServers : public net::HttpClient {
 public:
  std::expected<net::HttpResponse, net::HttpFailure> send(const net::HttpRequest& request) override {
    requests.push_back(request);
    const auto found = answers.find(request.method + ' ' + request.url);
    if (found == answers.end()) return std::unexpected(net::HttpFailure{"no such host"});
    if (found->second.empty()) return net::HttpResponse{500, {}, "out of order"};
    return net::HttpResponse{200, {}, found->second};
  }
  std::map<std::string, std::string> answers;  ///< an empty one: 500
  std::vector<net::HttpRequest> requests;
};

std::string header(const net::HttpRequest& request, std::string_view name) {
  const auto found = std::ranges::find(request.headers, name, &net::Fields::value_type::first);
  return found == request.headers.end() ? "" : found->second;
}

std::string role_json(std::string_view key, std::string_view until) {
  return fmt::format(
      R"({{"Code": "Success", "AccessKeyId": "{}", "SecretAccessKey": "its secret", "Token": "its token",
                        "Expiration": "{}", "LastUpdated": "2026-03-01T11:00:00Z"}})",
      key, until);
}

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() { environment_["HOME"] = folder_.path(); }

  CredentialSource& source(std::string profile = {}) {
    source_ = default_credentials(servers_, clock_,
                                  {.profile = std::move(profile),
                                   .environment = [this](const char* name) -> std::optional<std::string> {
                                     const auto found = environment_.find(name);
                                     if (found == environment_.end()) return std::nullopt;
                                     return found->second;
                                   }});
    return *source_;
  }
  /// "key/secret/token from source", or the error.
  std::string look_up(std::string profile = {}) { return told(source(std::move(profile)).current()); }
  static std::string told(const Result<Credentials>& found) {
    if (!found) return std::string(text(found.error().code)) + ": " + to_text(found.error());
    return fmt::format("{}/{}/{} from {}", found->access_key, found->secret_key, found->session_token,
                       found->source);
  }
  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  io::testing::TempFolder folder_;
  std::map<std::string, std::string> environment_;
  std::shared_ptr<FakeServers> servers_ = std::make_shared<FakeServers>();
  std::shared_ptr<TestClock> clock_ = std::make_shared<TestClock>();
  std::unique_ptr<CredentialSource> source_;
};

TEST_F(CredentialsTest, ComeFromTheEnvironment) {
  environment_["AWS_ACCESS_KEY_ID"] = "k";
  environment_["AWS_SECRET_ACCESS_KEY"] = "s";
  write(".aws/credentials", "[default]\naws_access_key_id=other\naws_secret_access_key=other\n");
  EXPECT_EQ(look_up(), "k/s/ from the environment");
  EXPECT_FALSE(source_->current()->expires);
  environment_["AWS_SESSION_TOKEN"] = "t";
  environment_["AWS_CREDENTIAL_EXPIRATION"] = "2026-03-01T13:00:00Z";
  EXPECT_EQ(look_up(), "k/s/t from the environment");
  EXPECT_EQ(to_rfc3339(*source_->current()->expires), "2026-03-01T13:00:00.000Z");
  environment_.erase("AWS_SECRET_ACCESS_KEY");
  EXPECT_THAT(look_up(), HasSubstr("storage.denied: only one of"));
  EXPECT_THAT(servers_->requests, IsEmpty());
}

TEST_F(CredentialsTest, ComeFromProfiles) {
  write(".aws/credentials",
        "# made by hand\n"
        "[default]\r\n"
        "aws_access_key_id = k1\r\n"
        "AWS_SECRET_ACCESS_KEY = s1 # of the first\n"
        "[loader]\n"
        "aws_access_key_id=k2\n"
        "aws_secret_access_key=s2/+=#x\n"
        "aws_session_token=t2\n"
        "s3 =\n"
        "  aws_access_key_id = nested\n"
        "[empty]\n");
  write(".aws/config",
        "[profile reader]\naws_access_key_id=k3\naws_secret_access_key=s3\n[profile "
        "role]\nrole_arn=arn:aws:iam::1:role/r\n");
  const std::string credentials = folder_ / ".aws/credentials", config = folder_ / ".aws/config";
  EXPECT_EQ(look_up(), "k1/s1/ from profile default of " + credentials);
  EXPECT_EQ(look_up("loader"), "k2/s2/+=#x/t2 from profile loader of " + credentials);
  EXPECT_EQ(look_up("reader"), "k3/s3/ from profile reader of " + config);
  environment_["AWS_PROFILE"] = "loader";
  EXPECT_EQ(look_up(), "k2/s2/+=#x/t2 from profile loader of " + credentials);
  EXPECT_EQ(look_up("default"), "k1/s1/ from profile default of " + credentials);
  EXPECT_THAT(look_up("nobody"), HasSubstr("storage.denied: there is no AWS profile 'nobody'"));
  EXPECT_THAT(look_up("empty"), HasSubstr("there is no AWS profile 'empty'"));
  EXPECT_THAT(look_up("role"), HasSubstr("has no keys of its own"));
  write("elsewhere", "[loader]\naws_access_key_id=k4\naws_secret_access_key=s4\n");
  environment_["AWS_SHARED_CREDENTIALS_FILE"] = folder_ / "elsewhere";
  EXPECT_THAT(look_up(), HasSubstr("k4/s4/ from profile loader of "));
}

TEST_F(CredentialsTest, ComeFromTheContainer) {
  environment_["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1234";
  servers_->answers["GET http://169.254.170.2/v2/credentials/1234"] = role_json("k", "2026-03-01T18:00:00Z");
  EXPECT_EQ(look_up(), "k/its secret/its token from the container's endpoint");
  ASSERT_THAT(servers_->requests, SizeIs(1));
  EXPECT_TRUE(servers_->requests[0].past_proxies);
  EXPECT_EQ(header(servers_->requests[0], "Authorization"), "");

  environment_.erase("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "in the environment";
  write("token", "in the file\n");
  servers_->answers["GET http://169.254.170.23/v1/credentials"] = role_json("k", "2026-03-01T18:00:00Z");
  EXPECT_EQ(look_up(), "k/its secret/its token from the container's endpoint");
  EXPECT_EQ(header(servers_->requests.back(), "Authorization"), "in the environment");
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_ / "token";
  look_up();
  EXPECT_EQ(header(servers_->requests.back(), "Authorization"), "in the file");
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_ / "no token";
  EXPECT_THAT(look_up(), HasSubstr("storage.denied: "));
}

TEST_F(CredentialsTest, AreNotAskedForInTheClearOfOtherHosts) {
  for (const char* url :
       {"http://example.org/", "http://169.254.170.2.example.org/", "http://127.0.0.1@example.org/",
        "http://127.example.org/", "ftp://127.0.0.1/", "//127.0.0.1/"}) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_THAT(look_up(), HasSubstr("is neither https nor of this host")) << url;
  }
  EXPECT_THAT(servers_->requests, IsEmpty());
  for (const char* url : {"http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:80/a",
                          "https://example.org/a", "http://[fd00:ec2::23]/a"}) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    servers_->answers[fmt::format("GET {}", url)] = role_json("k", "2026-03-01T18:00:00Z");
    EXPECT_EQ(look_up(), "k/its secret/its token from the container's endpoint") << url;
  }
}

TEST_F(CredentialsTest, ComeFromTheInstance) {
  const std::string host = "http://169.254.169.254/latest/";
  servers_->answers["PUT " + host + "api/token"] = "a token";
  servers_->answers["GET " + host + "meta-data/iam/security-credentials/"] = "rowgate-role\n";
  servers_->answers["GET " + host + "meta-data/iam/security-credentials/rowgate-role"] =
      role_json("k", "2026-03-01T18:00:00Z");
  EXPECT_EQ(look_up(), "k/its secret/its token from role rowgate-role of the instance");
  ASSERT_THAT(servers_->requests, SizeIs(3));
  EXPECT_EQ(header(servers_->requests[0], "X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(header(servers_->requests[1], "X-aws-ec2-metadata-token"), "a token");
  EXPECT_EQ(header(servers_->requests[2], "X-aws-ec2-metadata-token"), "a token");
  environment_["AWS_EC2_METADATA_DISABLED"] = "True";
  EXPECT_THAT(look_up(), HasSubstr("storage.denied: there are no AWS credentials"));
}

TEST_F(CredentialsTest, MayBeNowhere) {
  EXPECT_THAT(look_up(), HasSubstr("storage.denied: there are no AWS credentials"));
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1338/";
  EXPECT_THAT(look_up(),
              HasSubstr("storage.unreachable: the instance's metadata cannot be had: no such host"));
}

TEST_F(CredentialsTest, AreKeptUntilTheyEnd) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/a";
  std::string& answer = servers_->answers["GET http://localhost/a"];
  answer = role_json("first", "2026-03-01T13:00:00Z");
  CredentialSource& at = source();
  EXPECT_THAT(told(at.current()), HasSubstr("first/"));
  answer = role_json("second", "2026-03-01T19:00:00Z");
  clock_->advance(std::chrono::minutes(49));
  EXPECT_THAT(told(at.current()), HasSubstr("first/"));
  clock_->advance(std::chrono::minutes(1));
  EXPECT_THAT(told(at.current()), HasSubstr("second/")) << "ten minutes before the end";
  EXPECT_THAT(servers_->requests, SizeIs(2));
  at.forget();
  EXPECT_TRUE(at.current());
  EXPECT_THAT(servers_->requests, SizeIs(3));
}

TEST_F(CredentialsTest, AreUsedToTheirEndWhereNewOnesCannotBeHad) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/a";
  std::string& answer = servers_->answers["GET http://localhost/a"];
  answer = role_json("first", "2026-03-01T13:00:00Z");
  CredentialSource& at = source();
  EXPECT_THAT(told(at.current()), HasSubstr("first/"));
  clock_->advance(std::chrono::minutes(55));
  EXPECT_THAT(told(at.current()), HasSubstr("first/")) << "the endpoint has no others yet";
  EXPECT_THAT(servers_->requests, SizeIs(2));
  EXPECT_THAT(told(at.current()), HasSubstr("first/"));
  EXPECT_THAT(servers_->requests, SizeIs(2)) << "it is not asked for every request";
  answer.clear();
  clock_->advance(std::chrono::seconds(31));
  EXPECT_THAT(told(at.current()), HasSubstr("first/"));
  EXPECT_THAT(servers_->requests, SizeIs(5)) << "three tries";
  clock_->advance(std::chrono::minutes(5));
  EXPECT_THAT(told(at.current()),
              HasSubstr("storage.unreachable: the container's credentials cannot be had: it answers 500"));
}

TEST_F(CredentialsTest, AreNeverShown) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/a";
  for (const char* answer :
       {"{\"AccessKeyId\": \"k\", \"SecretAccessKey\": \"\", \"Token\": \"hidden\"}", "hidden",
        "{\"AccessKeyId\": [\"hidden\"]}", "{\"AccessKeyId\": \"k\", hidden"}) {
    servers_->answers["GET http://localhost/a"] = answer;
    EXPECT_THAT(look_up(),
                AllOf(HasSubstr("the container's endpoint gives no keys"), Not(HasSubstr("hidden"))));
  }
}

TEST_F(CredentialsTest, TellTheCodeThatWasAskedFor) {
  environment_["AWS_ACCESS_KEY_ID"] = "k";
  const auto found =
      default_credentials(servers_, clock_,
                          {.environment = [this](const char* name) -> std::optional<std::string> {
                             return environment_[name];
                           },
                           .denied = Code::ConfigInvalid})
          ->current();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::ConfigInvalid);
}

TEST(ProfileFile, PassesOverWhatIsNoSetting) {
  const ProfileFile file =
      parse_profile_file("a=1\n[x\nb=2\n[y]\nno setting\nc = 3 ; note\nd=#4\n[ z ]\ne=\n[y]\nf=5");
  EXPECT_EQ(file.size(), 2u);
  EXPECT_EQ(file.at("y"), (std::map<std::string, std::string>{{"c", "3"}, {"d", "#4"}, {"f", "5"}}));
  EXPECT_EQ(file.at("z").at("e"), "");
}

}  // namespace
}  // namespace rowgate::aws

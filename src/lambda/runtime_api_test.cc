// The loop against a runtime API that the test plays, and an application of its own.

#include "lambda/runtime_api.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace rowgate::lambda {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Hands out what is in `events`, then is gone; keeps what is posted.
class FakeRuntime : public net::HttpClient {
 public:
  std::expected<net::HttpResponse, net::HttpFailure> send(const net::HttpRequest& request) override {
    EXPECT_TRUE(request.past_proxies) << "no proxy knows that address";
    const std::string path = request.url.substr(request.url.find("/runtime/") + 8);
    if (request.method == "POST") {
      posted.push_back(fmt::format("{} {}", path, request.body));
      return net::HttpResponse{.status = request.body.size() > most_bytes ? 413 : 202};
    }
    EXPECT_EQ(request.stall_timeout, 0s) << "the next event may come in hours";
    if (events.empty()) return std::unexpected(net::HttpFailure{"gone"});
    net::HttpResponse response{.status = 200, .headers = {{"lambda-runtime-aws-request-id", "id-1"}}};
    response.headers.emplace_back(
        "lambda-runtime-deadline-ms",
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                           (std::chrono::system_clock::now() + time).time_since_epoch())
                           .count()));
    response.body = std::move(events.front());
    events.erase(events.begin());
    return response;
  }

  std::vector<std::string> events, posted;
  std::size_t most_bytes = 6'291'556;
  std::chrono::milliseconds time{10'000};
};

struct Broken : io::Source {
  Result<std::size_t> read(std::span<char>) override { throw std::runtime_error("a canary"); }
};

/// Answers with the path; "/throws", "/waits" (until it is hurried) and "/hangs" do what they say.
class FakeApplication : public http::Application {
 public:
  std::optional<http::Response> quick(const http::Request&) override { return std::nullopt; }
  std::variant<http::Accepted, http::Response> begin(http::Request&) override { return http::Accepted{}; }
  http::Reply answer(http::Request& request, std::unique_ptr<http::BodyReceiver>) override {
    if (request.target == "/throws") throw std::runtime_error("a canary");
    if (request.target == "/breaks") return http::Response{.stream = std::make_shared<Broken>()};
    http::Response response{
        .status = 200, .headers = {{"Content-Type", "text/plain"}}, .text = request.target};
    if (request.target == "/large") response.text = std::string(kLimit + 1, 'x');
    if (request.target == "/quotes") response.text = std::string(kLimit, '"');
    if (request.target != "/waits" && request.target != "/hangs") return response;
    return http::Later{.subscribe =
                           [this, &request](std::function<void()> wake) {
                             if (request.target == "/waits") on_hurry = std::move(wake);
                           },
                       .answer = [response] { return response; }};
  }
  http::Response trouble(const http::Request*, const Error& error) override {
    return {.status = info(error.code).http_status,
            .headers = {{"Content-Type", "text/plain"}},
            .text = std::string(text(error.code))};
  }
  void finished(const http::Request* request, const http::Exchange&) override {
    if (request->target == "/unfinished") throw std::runtime_error("a canary");
  }

  static constexpr std::uint64_t kLimit = 1'000;
  std::function<void()> on_hurry = {};
};

class LambdaLoop : public ::testing::Test {
 protected:
  void play(std::vector<std::string> events) {
    runtime_->events = std::move(events);
    over_ = run(api_, handler_, [this] { ++rounds_; });
  }
  static std::string get(std::string_view path) {
    return fmt::format(R"({{"httpMethod":"GET","path":"{}","requestContext":{{}}}})", path);
  }

  std::shared_ptr<FakeRuntime> runtime_ = std::make_shared<FakeRuntime>();
  RuntimeApi api_{runtime_, "127.0.0.1:9001"};
  FakeApplication application_;
  http::InProcess service_{application_, FakeApplication::kLimit};
  Handler handler_{service_,
                   {.max_answer_bytes = FakeApplication::kLimit},
                   [this] {
                     if (application_.on_hurry) application_.on_hurry();
                   },
                   [this] { is_tidied_ = true; }};
  Result<void> over_;
  int rounds_ = 0;
  bool is_tidied_ = false;
};

TEST_F(LambdaLoop, AnswersOneEventAfterTheOther) {
  play({get("/a"), get("/b"), R"({"source":"aws.events","detail-type":"Scheduled Event"})"});
  EXPECT_EQ(to_text(over_.error()), "the runtime API gives no event: gone");
  EXPECT_THAT(runtime_->posted, ElementsAre(HasSubstr("/invocation/id-1/response {\"statusCode\":200"),
                                            HasSubstr("\"body\":\"/b\""), "/invocation/id-1/response {}"));
  EXPECT_EQ(rounds_, 3) << "what waits is seen to before each answer";
  EXPECT_TRUE(is_tidied_);
}

TEST_F(LambdaLoop, AlwaysGivesAProperAnswer) {
  play({get("/throws"), get("/large"), get("/quotes"), "{", get("/%zz"), R"({"unknown":1})", get("/breaks"),
        get("/unfinished")});
  ASSERT_EQ(runtime_->posted.size(), 8u);
  for (std::size_t broken = 6; broken < 8; ++broken)
    EXPECT_THAT(runtime_->posted[broken], HasSubstr(R"(response {"statusCode":500)"));
  EXPECT_THAT(runtime_->posted[0], HasSubstr(R"(response {"statusCode":500)"));
  EXPECT_THAT(runtime_->posted[0], HasSubstr(R"("body":"internal.error")"));
  EXPECT_THAT(runtime_->posted[1], HasSubstr(R"("body":"limit.answer")"));
  EXPECT_THAT(runtime_->posted[2], HasSubstr(R"("body":"limit.answer")")) << "only its JSON is too large";
  EXPECT_THAT(runtime_->posted[3], HasSubstr(R"(response {"statusCode":400)"));
  EXPECT_THAT(runtime_->posted[4], HasSubstr(R"(response {"statusCode":400)"));
  EXPECT_THAT(runtime_->posted[5], HasSubstr("/invocation/id-1/error {\"errorMessage\":\"the event is none"));
}

TEST_F(LambdaLoop, AnEventThatWasCutOffIsTooLarge) {
  play({R"({"body":")" + std::string(6'291'556, 'x')});
  EXPECT_THAT(runtime_->posted, ElementsAre(HasSubstr(R"({"statusCode":413)")));
}

TEST_F(LambdaLoop, AnAnswerThatIsNotTakenIsAnError) {
  runtime_->most_bytes = 100;
  play({get("/" + std::string(200, 'a'))});
  EXPECT_THAT(runtime_->posted, ElementsAre(HasSubstr("/response "), HasSubstr("/error ")));
}

TEST_F(LambdaLoop, WhatIsLateIsHurriedAndWaitedFor) {
  runtime_->time = 400ms;
  play({get("/waits")});
  EXPECT_THAT(runtime_->posted, ElementsAre(HasSubstr(R"("body":"/waits")")));
  EXPECT_FALSE(over_);
}

TEST_F(LambdaLoop, WhatDoesNotEndIsAnsweredAndEndsTheLoop) {
  runtime_->time = 400ms;
  const auto began = std::chrono::steady_clock::now();
  play({get("/hangs"), get("/a")});
  EXPECT_THAT(runtime_->posted, ElementsAre(HasSubstr(R"({"statusCode":503)")));
  EXPECT_TRUE(over_) << "the process is to end";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 400ms);
}

TEST_F(LambdaLoop, AStartThatFailsIsTold) {
  EXPECT_TRUE(api_.fail_at_start({"config.invalid", "there is no section `servr`"}));
  EXPECT_THAT(runtime_->posted,
              ElementsAre(HasSubstr("/init/error {\"errorMessage\":\"there is no section")));
}

}  // namespace
}  // namespace rowgate::lambda

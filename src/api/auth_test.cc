#include "api/auth.h"

#include "io/digest.h"

#include <gtest/gtest.h>

namespace rowgate::api {
namespace {

using namespace std::chrono_literals;

class FakeClock : public Clock {
 public:
  Timestamp now() const override { return now_; }
  Timestamp now_{1'800'000'000'000'000};
};

const std::string kKey = key_from("0123456789abcdefghijABCDEFGHIJ");
const std::string kOther = key_from("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");

http::Request with_header(std::string name, std::string value) {
  http::Request request;
  request.remote_address = "192.0.2.7";
  request.headers = {{std::move(name), std::move(value)}};
  return request;
}

class AuthTest : public ::testing::Test {
 protected:
  AuthTest() {
    settings_.needs_keys = true;
    settings_.keys = {
        {.name = "loader", .sha256 = io::sha256_hex(kKey), .scopes = {Scope::LoadsWrite}},
        {.name = "old", .sha256 = io::sha256_hex(kOther), .scopes = {}, .expires = clock_.now_},
    };
  }
  std::string told(const http::Request& request) {
    const Result<std::shared_ptr<const KeySettings>> key =
        authenticator_.authenticate(request, {std::shared_ptr<void>(), &settings_.keys});
    return key ? (*key)->name : std::string(text(key.error().code));
  }
  FakeClock clock_;
  Settings settings_;
  Authenticator::Moment now_ = {};
  Authenticator authenticator_{clock_, [this] { return now_; }};
};

TEST(ApiKey, HasAFormThatFindsTypingMistakes) {
  EXPECT_TRUE(is_key_form(kKey));
  EXPECT_EQ(kKey.size(), 40u);
  for (std::size_t i = 0; i < kKey.size(); ++i) {
    std::string changed = kKey;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(is_key_form(changed)) << "character " << i;
  }
  EXPECT_FALSE(is_key_form(kKey + "0"));
  EXPECT_FALSE(is_key_form(""));
  EXPECT_FALSE(is_key_form("rgk_"));
  // CRC-32 of "123456789" is CBF43926 (the check value of every catalogue of CRCs).
  EXPECT_EQ(key_from("123456789"), "rgk_1234567893jZRME");
}

TEST_F(AuthTest, TakesTheKeyFromEitherHeader) {
  EXPECT_EQ(told(with_header("authorization", "Bearer " + kKey)), "loader");
  EXPECT_EQ(told(with_header("authorization", "bearer  " + kKey)), "loader");
  EXPECT_EQ(told(with_header("x-api-key", kKey)), "loader");
  EXPECT_EQ(told(with_header("authorization", "Basic " + kKey)), "auth.unauthenticated");
  EXPECT_EQ(told(with_header("accept", "*/*")), "auth.unauthenticated");
}

TEST_F(AuthTest, AnExpiredKeyIsNoKey) {
  EXPECT_EQ(told(with_header("x-api-key", kOther)), "auth.unauthenticated");
  clock_.now_.micros -= 1;
  EXPECT_EQ(told(with_header("x-api-key", kOther)), "old");
}

TEST_F(AuthTest, TenWrongKeysWithinAMinuteAndNoFurtherWrongOneIsLookedAt) {
  const http::Request wrong = with_header("x-api-key", key_from("wrongwrongwrongwrongwrongwrong")),
                      right = with_header("x-api-key", kKey);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(told(wrong), "auth.unauthenticated");
    now_ += 1s;
  }
  EXPECT_EQ(told(wrong), "auth.too_many_failures");
  EXPECT_EQ(told(right), "loader") << "whatever others send from the same address";
  EXPECT_EQ(authenticator_.wait("192.0.2.7"), 50s);
  http::Request elsewhere = wrong;
  elsewhere.remote_address = "192.0.2.8";
  EXPECT_EQ(told(elsewhere), "auth.unauthenticated");
  now_ += 50s;
  EXPECT_EQ(told(wrong), "auth.unauthenticated") << "the first failure is a minute old";
}

TEST_F(AuthTest, TheClockOfTheWallDoesNotMakeTheWaitLonger) {
  const http::Request wrong = with_header("x-api-key", key_from("wrongwrongwrongwrongwrongwrong"));
  for (int i = 0; i < 11; ++i) told(wrong);
  clock_.now_.micros -= std::int64_t{3'600} * 1'000'000;
  EXPECT_EQ(authenticator_.wait("192.0.2.7"), 60s);
}

TEST_F(AuthTest, NoKeyAtAllIsNoFailure) {
  for (int i = 0; i < 30; ++i) told(with_header("accept", "*/*"));
  EXPECT_EQ(told(with_header("x-api-key", kKey)), "loader");
}

TEST_F(AuthTest, ScopesAreNoneOrOwn) {
  EXPECT_TRUE(has_scope(settings_.keys[0], Scope::None));
  EXPECT_TRUE(has_scope(settings_.keys[0], Scope::LoadsWrite));
  EXPECT_FALSE(has_scope(settings_.keys[0], Scope::TablesRead));
  EXPECT_FALSE(has_scope(settings_.keys[0], Scope::Admin));
}

}  // namespace
}  // namespace rowgate::api

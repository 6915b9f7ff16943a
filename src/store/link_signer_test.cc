#include "store/link_signer.h"

#include "io/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Verdict = LinkSigner::Verdict;

constexpr std::string_view kObject = "reports/lnk_06FAQ3T9Z8V4N1H7C2XKJ5M0RW/hired-by-quarter-2021.csv";
constexpr Timestamp kExpires{1'800'000'000'000'000};
constexpr Timestamp kBefore{kExpires.micros - 1};

LinkSigner signer_of(char first = 'a') {
  return LinkSigner({{"1", std::string(32, first)}, {"2", std::string(32, 'b')}});
}

TEST(LinkSigner, SignsAsTheDocumentationSays) {
  // Computed by: printf 'GET\nOBJECT\n1800000000' | openssl dgst -sha256 -hmac
  // aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  EXPECT_EQ(signer_of().sign(kObject, kExpires),
            "/d/reports/lnk_06FAQ3T9Z8V4N1H7C2XKJ5M0RW/hired-by-quarter-2021.csv"
            "?e=1800000000&k=1&s=7DBUL7h3OpzojRZHo8jBM4tSxI7NCfofQ1TxhKY6fLc");
}

TEST(LinkSigner, IsGoodUntilItsSecondAndNotLonger) {
  const LinkSigner signer = signer_of();
  const std::string target = signer.sign(kObject, kExpires);
  std::string object;
  EXPECT_EQ(signer.check_target(target, {0}, &object), Verdict::Ok);
  EXPECT_EQ(object, kObject);
  EXPECT_EQ(signer.check_target(target, kBefore), Verdict::Ok);
  EXPECT_EQ(signer.check_target(target, kExpires), Verdict::Expired);
  EXPECT_EQ(signer.check_target(target, {kExpires.micros + 1'000'000}), Verdict::Expired);
  EXPECT_EQ(signer.check_target(signer.sign(kObject, {kExpires.micros + 999'999}), kExpires),
            Verdict::Expired)
      << "a fraction of a second is dropped";
}

TEST(LinkSigner, AnyChangeOfAnyByteIsForged) {
  const LinkSigner signer = signer_of();
  const std::string target = signer.sign(kObject, kExpires);
  for (std::size_t at = 0; at < target.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = target;
      changed[at] = static_cast<char>(value);
      if (changed == target) continue;
      EXPECT_EQ(signer.check_target(changed, kBefore), Verdict::BadSignature) << changed;
      EXPECT_EQ(signer.check_target(changed, kExpires), Verdict::BadSignature) << "never told as expired";
    }
    std::string without = target, doubled = target;
    without.erase(at, 1);
    doubled.insert(at, 1, target[at]);
    EXPECT_EQ(signer.check_target(without, kBefore), Verdict::BadSignature) << without;
    EXPECT_EQ(signer.check_target(doubled, kBefore), Verdict::BadSignature) << doubled;
    EXPECT_EQ(signer.check_target(target.substr(0, at), kBefore), Verdict::BadSignature);
  }
}

TEST(LinkSigner, RefusesEveryOtherFormOfTheSameLink) {
  const LinkSigner signer = signer_of();
  const std::string target = signer.sign(kObject, kExpires);
  const std::string path = target.substr(0, target.find('?'));
  const std::string query = target.substr(target.find('?') + 1);
  const std::string signature = target.substr(target.find("&s=") + 3);
  const std::string cases[] = {
      target + "&e=1800000000",
      target + "&s=" + signature,
      target + "&",
      target + "&x=1",
      target + "#top",
      target + "%00",
      path + "?e=1800000000&" + query,
      path + "?" + query + "&k=1",
      path + "?e=1800000000&e=1800000000&k=1&s=" + signature,
      path + "?k=1&e=1800000000&s=" + signature,
      path + "?e=01800000000&k=1&s=" + signature,
      path + "?e=+1800000000&k=1&s=" + signature,
      path + "?e=1800000000.0&k=1&s=" + signature,
      path + "?e=18000000000&k=1&s=" + signature,
      path + "?e=1800000001&k=1&s=" + signature,
      path + "?e=9999999999&k=1&s=" + signature,
      path + "?e=&k=1&s=" + signature,
      path + "?e=1800000000&k=2&s=" + signature,
      path + "?e=1800000000&k=01&s=" + signature,
      path + "?e=1800000000&k=&s=" + signature,
      path + "?e=1800000000&k=3&s=" + signature,
      path + "?e=1800000000&k=1&s=",
      path + "?e=1800000000&k=1&s=" + signature + "=",
      path + "?e=1800000000&k=1",
      path + "?e=1800000000&s=" + signature,
      path + "?",
      path,
      path + "/?" + query,
      path + "%2f?" + query,
      "/d//" + path.substr(3) + "?" + query,
      "/d/../d/" + path.substr(3) + "?" + query,
      "/D/" + path.substr(3) + "?" + query,
      "/d/?" + query,
      "/d?" + query,
      "",
      "?" + query,
  };
  for (const std::string& changed : cases) {
    EXPECT_EQ(signer.check_target(changed, kBefore), Verdict::BadSignature) << changed;
    EXPECT_EQ(signer.check_target(changed, kExpires), Verdict::BadSignature) << changed;
  }
}

TEST(LinkSigner, AForgedLinkIsNeverToldAsExpired) {
  const LinkSigner signer = signer_of(), stranger = signer_of('c');
  EXPECT_EQ(signer.check_target(stranger.sign(kObject, {0}), kExpires), Verdict::BadSignature);
  EXPECT_EQ(signer.check_target(signer.sign(kObject, {0}), kExpires), Verdict::Expired);
}

TEST(LinkSigner, AcceptsEveryLiveKeyAndNoOther) {
  const LinkSigner old({{"1", std::string(32, 'a')}, {"2", std::string(32, 'b')}});
  const LinkSigner turned({{"2", std::string(32, 'b')}, {"3", std::string(32, 'c')}});
  EXPECT_THAT(turned.sign(kObject, kExpires), HasSubstr("&k=2&"));
  EXPECT_EQ(old.check_target(turned.sign(kObject, kExpires), kBefore), Verdict::Ok);
  EXPECT_EQ(turned.check_target(old.sign(kObject, kExpires), kBefore), Verdict::BadSignature)
      << "key 1 is gone";
}

class LinkKeys : public ::testing::Test {
 protected:
  LinkKeys() {
    std::string name = (fs::temp_directory_path() / "rowgate-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "files" / kLinkKeysFile;
  }
  ~LinkKeys() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string text() const {
    std::ifstream in(file_);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
  void write(const std::string& bytes,
             fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) const {
    fs::create_directories(file_.parent_path());
    std::ofstream(file_) << bytes;
    fs::permissions(file_, mode);
  }
  /// Why the file is refused; empty when it is not.
  std::string refusal() const {
    const Result<LinkSigner> signer = LinkSigner::from_file(file_);
    if (signer) return {};
    EXPECT_EQ(signer.error().code, Code::ConfigInvalid);
    return signer.error().message;
  }
  fs::path folder_, file_;
};

constexpr std::string_view kGolden =
    "rowgate link keys, version 1\n"
    "1 YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE\n"
    "2 YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI\n";

TEST_F(LinkKeys, ReadsTheFormThatIsDocumented) {
  write(std::string(kGolden));
  const Result<LinkSigner> signer = LinkSigner::from_file(file_);
  ASSERT_TRUE(signer) << to_text(signer.error());
  EXPECT_EQ(signer->sign(kObject, kExpires), signer_of().sign(kObject, kExpires));
}

TEST_F(LinkKeys, AreMadeOnceAndStay) {
  const Result<LinkSigner> first = LinkSigner::from_file(file_);
  ASSERT_TRUE(first) << to_text(first.error());
  EXPECT_EQ(fs::status(file_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const std::string made = text();
  EXPECT_EQ(std::ranges::count(made, '\n'), 3);
  const Result<LinkSigner> second = LinkSigner::from_file(file_);
  ASSERT_TRUE(second);
  EXPECT_EQ(text(), made);
  EXPECT_EQ(second->check_target(first->sign(kObject, kExpires), kBefore), Verdict::Ok);
  EXPECT_EQ(std::distance(fs::directory_iterator(file_.parent_path()), {}), 1) << "nothing is left beside it";
  EXPECT_NE(made.substr(31, 43), made.substr(77, 43)) << "two keys, not one twice";
}

TEST_F(LinkKeys, AreTheSameForAllThatStartAtOnce) {
  std::vector<std::string> links(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& link : links)
      threads.emplace_back([&] {
        if (const Result<LinkSigner> signer = LinkSigner::from_file(file_))
          link = signer->sign(kObject, kExpires);
      });
  }
  for (const std::string& link : links) EXPECT_EQ(link, links[0]);
  EXPECT_THAT(links[0], HasSubstr("&s="));
}

TEST_F(LinkKeys, ADamagedFileIsRefusedWithItsLine) {
  const std::string golden(kGolden);
  const std::pair<std::string, std::string> cases[] = {
      {"", "holds no key"},
      {"rowgate link keys, version 1\n", "holds no key"},
      {"rowgate link keys, version 2\n" + golden.substr(29), "line 1"},
      {golden.substr(29), "line 1"},
      {golden.substr(0, golden.size() - 1), "line 3 is cut off"},
      {golden.substr(0, golden.size() - 9) + "\n", "line 3 is not a key"},
      {golden + "\n", "line 4 is not a key"},
      {golden + "3 too/short\n", "line 4 is not a key"},
      {golden + "2 YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI\n",
       "line 4 has an id that stands there before"},
      {golden + "b-d YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI\n", "line 4 is not a key"},
  };
  for (const auto& [bytes, why] : cases) {
    write(bytes);
    EXPECT_THAT(refusal(), HasSubstr(why)) << bytes;
  }
}

TEST_F(LinkKeys, KeysThatOthersMayReadAreRefused) {
  write(std::string(kGolden), fs::perms::owner_read | fs::perms::group_read);
  EXPECT_THAT(refusal(), HasSubstr("others may read"));
}

TEST_F(LinkKeys, ASymbolicLinkIsNotFollowed) {
  write(std::string(kGolden));
  fs::rename(file_, folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", file_);
  const Result<LinkSigner> signer = LinkSigner::from_file(file_);
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, Code::StorageDenied);
}

}  // namespace
}  // namespace rowgate::store

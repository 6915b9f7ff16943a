// What only a store in an S3 bucket has; the rest is in store_contract_test.cc. Against a real server, and
// for faults behind an HttpClient that makes them.

#include "io/digest.h"
#include "io/testing.h"
#include "net/http_client.h"
#include "store/s3/client.h"
#include "store/s3/writer.h"
#include "store/testing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <mutex>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::S3Server;
using ::testing::SizeIs;

constexpr std::size_t kPart = 5 * kMiB;  // the smallest that S3 takes
using Answer = std::expected<net::HttpResponse, net::HttpFailure>;

std::string xml_error(std::string_view code) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>so it is</Message></Error>",
      code);
}

/// Speaks to the real server, but for what `fault` makes of a request. It sees the requests in their order.
class FaultyClient : public net::HttpClient {
 public:
  /// Before: an answer in place of the server's. After: the server has done it, but says this.
  enum class When { Before, After };
  struct Fault {
    std::string method;  ///< empty: any
    std::string in_url = {};
    When when = When::Before;
    Answer answer;
  };

  Answer send(const net::HttpRequest& request) override {
    std::optional<Fault> fault;
    {
      const std::scoped_lock lock(mutex_);
      const std::string_view url = request.url;
      requests_.push_back(fmt::format("{} {}", request.method, url.substr(url.find('/', 8))));
      if (!faults_.empty() && (faults_.front().method.empty() || faults_.front().method == request.method) &&
          url.find(faults_.front().in_url) != std::string_view::npos) {
        fault = std::move(faults_.front());
        faults_.pop_front();
      }
    }
    if (fault && fault->when == When::Before) return fault->answer;
    Answer answer = real_->send(request);
    return fault ? fault->answer : answer;
  }

  void add(Fault fault, int times = 1) {
    for (int i = 0; i < times; ++i) faults_.push_back(fault);
  }
  static Answer status(int code, std::string body = {}, net::Fields headers = {}) {
    return net::HttpResponse{code, std::move(headers), std::move(body)};
  }
  static Answer failure(std::string message, bool may_pass = true) {
    return std::unexpected(net::HttpFailure{std::move(message), may_pass});
  }
  std::size_t left() const { return faults_.size(); }
  std::vector<std::string> requests() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(requests_, {});
  }

 private:
  std::unique_ptr<net::HttpClient> real_ = net::curl_client();
  std::mutex mutex_;
  std::deque<Fault> faults_;
  std::vector<std::string> requests_;
};

class S3StoreTest : public ::testing::Test {
 protected:
  S3StoreTest() {
    settings_.http = http_;
    settings_.part_bytes = kPart;
    settings_.retries.sleep = [this](std::chrono::milliseconds pause) { pauses_.push_back(pause.count()); };
    settings_.retries.chance = [] { return 1.0; };
    reopen();
  }
  void reopen() { store_ = s3_store(settings_); }

  Result<void> put(const FileKey& key, std::string_view bytes) {
    TRY_ASSIGN(const std::unique_ptr<StoreWriter> writer, store_->create(key));
    TRY(writer->write(bytes));
    return writer->close();
  }
  std::string get(const FileKey& key) {
    const Result<std::unique_ptr<io::Source>> source = store_->open(key);
    return source ? io::testing::rest_of(**source, 100'000) : std::string(text(source.error().code));
  }
  static std::string outcome(const Result<void>& result) { return io::testing::outcome(result); }

  std::shared_ptr<FaultyClient> http_ = std::make_shared<FaultyClient>();
  S3Settings settings_ = S3Server::shared().settings();
  std::unique_ptr<Store> store_;
  std::vector<std::int64_t> pauses_;
};

/// So that no part is like another one: every 64 bytes begin with their number.
std::string numbered(std::size_t bytes) {
  std::string text(bytes, '.');
  for (std::size_t at = 0; at + 8 <= bytes; at += 64) {
    std::size_t number = at / 64;
    for (std::size_t digit = 8; digit-- > 0; number /= 10)
      text[at + digit] = static_cast<char>('0' + number % 10);
  }
  return text;
}

// --- files of many parts

TEST_F(S3StoreTest, ALargeFileGoesInParts) {
  for (const std::size_t bytes : {kPart - 1, kPart, kPart + 1, 2 * kPart, 3 * kPart + 12'345}) {
    SCOPED_TRACE(bytes);
    const std::string whole = numbered(bytes);
    http_->requests();
    ASSERT_EQ(outcome(put("rejects/run_1.jsonl", whole)), "done");
    const std::size_t parts = bytes <= kPart ? 0 : (bytes + kPart - 1) / kPart;
    EXPECT_THAT(http_->requests(), SizeIs(parts == 0 ? 1 : parts + 2));
    EXPECT_TRUE(get("rejects/run_1.jsonl") == whole);
  }
}

TEST_F(S3StoreTest, ALargeFileIsReadInRanges) {
  const std::string whole = numbered(2 * kPart);
  ASSERT_EQ(outcome(put("rejects/run_1.jsonl", whole)), "done");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("rejects/run_1.jsonl");
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->stored_size(), whole.size());
  for (const std::size_t offset :
       {std::size_t{0}, std::size_t{1}, std::size_t{262'143}, std::size_t{262'144}, std::size_t{7'000'001},
        whole.size() - 1, whole.size(), whole.size() + 1}) {
    SCOPED_TRACE(offset);
    EXPECT_TRUE(io::testing::contents(**file, offset, 65'536) ==
                whole.substr(std::min(offset, whole.size())));
  }
  EXPECT_EQ((*file)->sha256().value_or("unreadable"), io::sha256_hex(whole));
}

TEST_F(S3StoreTest, ADroppedFileLeavesNoParts) {
  {
    const Result<std::unique_ptr<StoreWriter>> writer = store_->create("rejects/run_1.jsonl");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(numbered(2 * kPart + 1)));
  }
  EXPECT_EQ(get("rejects/run_1.jsonl"), "file.not_found");
  settings_.abandoned_after = std::chrono::hours(-1);
  reopen();
  http_->requests();
  EXPECT_TRUE(store_->list("rejects"));
  EXPECT_THAT(http_->requests(), SizeIs(2)) << "there was nothing to end";
}

/// A writer whose process died: nobody ends its upload.
TEST_F(S3StoreTest, WhatDeadWritersLeftGoesAfterADay) {
  http_->add({.method = "DELETE", .answer = FaultyClient::failure("the process is dead")});
  {
    const Result<std::unique_ptr<StoreWriter>> writer = store_->create("rejects/run_1.jsonl");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(numbered(kPart + 1)));
  }
  ASSERT_EQ(http_->left(), 0u);
  const auto ended = [this] {
    http_->requests();
    EXPECT_TRUE(store_->list("rejects"));
    std::size_t deleted = 0;
    for (const std::string& request : http_->requests()) deleted += request.starts_with("DELETE ") ? 1 : 0;
    return deleted;
  };
  EXPECT_EQ(ended(), 0u) << "it may still be written";
  settings_.abandoned_after = std::chrono::hours(-1);
  reopen();
  EXPECT_EQ(ended(), 1u);
  EXPECT_EQ(ended(), 0u);
}

TEST_F(S3StoreTest, PartsGrowWithTheFileThatIsTakenOver) {
  EXPECT_EQ(part_bytes_for(0, 8 * kMiB), 8 * kMiB);
  EXPECT_EQ(part_bytes_for(10'000 * 8 * kMiB, 8 * kMiB), 8 * kMiB);
  EXPECT_EQ(part_bytes_for(10'000 * 8 * kMiB + 1, 8 * kMiB), 9 * kMiB);
  EXPECT_EQ(part_bytes_for(std::uint64_t{5} << 40, 8 * kMiB), 525 * kMiB);
}

// --- what is tried again, and what is not

TEST_F(S3StoreTest, WhatMayPassIsTriedAgain) {
  const Answer faults[] = {FaultyClient::failure("connection reset"),
                           FaultyClient::status(500, xml_error("InternalError")),
                           FaultyClient::status(503, xml_error("SlowDown")),
                           FaultyClient::status(502),
                           FaultyClient::status(429),
                           FaultyClient::status(400, xml_error("RequestTimeout")),
                           FaultyClient::status(409, xml_error("OperationAborted"))};
  for (const Answer& fault : faults) {
    SCOPED_TRACE(fault ? fmt::format("{} {}", fault->status, fault->body) : fault.error().message);
    http_->add({.method = "PUT", .answer = fault}, 5);
    http_->requests();
    EXPECT_EQ(outcome(put("rejects/run_1.jsonl", "bytes")), "done");
    EXPECT_THAT(http_->requests(), SizeIs(6));
    EXPECT_THAT(pauses_, ElementsAre(100, 200, 400, 800, 1600));
    pauses_.clear();
    EXPECT_EQ(get("rejects/run_1.jsonl"), "bytes");
  }
}

TEST_F(S3StoreTest, ItIsTriedSixTimes) {
  http_->add({.method = "PUT", .answer = FaultyClient::status(503, xml_error("SlowDown"))}, 6);
  EXPECT_THAT(outcome(put("rejects/run_1.jsonl", "bytes")),
              AllOf(HasSubstr("storage.unreachable: "), HasSubstr("PutObject"), HasSubstr("SlowDown")));
  EXPECT_THAT(pauses_, SizeIs(5));
  EXPECT_EQ(http_->left(), 0u);
  EXPECT_EQ(get("rejects/run_1.jsonl"), "file.not_found");

  http_->add({.method = "PUT", .answer = FaultyClient::failure("127.0.0.1:1: connection refused")}, 6);
  EXPECT_THAT(outcome(put("rejects/run_1.jsonl", "bytes")),
              AllOf(HasSubstr("storage.unreachable: "), HasSubstr("connection refused")));
}

TEST_F(S3StoreTest, WhatIsRefusedIsNotTriedAgain) {
  struct Case {
    Answer answer;
    std::string code, said;
  };
  const Case cases[] = {
      {FaultyClient::status(403, xml_error("AccessDenied")), "storage.denied", "need the right"},
      {FaultyClient::status(403, xml_error("SignatureDoesNotMatch")), "storage.denied",
       "look at the credentials"},
      {FaultyClient::status(403, xml_error("InvalidAccessKeyId")), "storage.denied",
       "look at the credentials"},
      {FaultyClient::status(404, xml_error("NoSuchBucket")), "storage.denied", "make the bucket 'plain'"},
      {FaultyClient::status(400, xml_error("InvalidArgument")), "storage.denied",
       "InvalidArgument (so it is)"},
      {FaultyClient::status(501, xml_error("NotImplemented")), "storage.unreachable", "NotImplemented"},
      {FaultyClient::status(507, xml_error("InsufficientStorage")), "storage.full", "make room"},
      {FaultyClient::status(403, xml_error("QuotaExceeded")), "storage.full", "make room"},
      {FaultyClient::status(301, "", {{"x-amz-bucket-region", "eu-west-1"}}), "storage.denied",
       "in eu-west-1"},
      {FaultyClient::status(302), "storage.denied", "status 302"},
      {FaultyClient::failure("certificate has expired", false), "storage.denied", "certificate has expired"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.said);
    http_->add({.method = "PUT", .answer = c.answer});
    http_->requests();
    EXPECT_THAT(outcome(put("rejects/run_1.jsonl", "bytes")),
                AllOf(HasSubstr(c.code + ": "), HasSubstr(c.said)));
    EXPECT_THAT(http_->requests(), SizeIs(1));
  }
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(S3StoreTest, TheClockIsToldWhereItIsWrong) {
  const std::string there = "Tue, 01 Mar 2022 12:00:00 GMT";
  http_->add({.method = "PUT",
              .answer = FaultyClient::status(403, xml_error("RequestTimeTooSkewed"), {{"date", there}})});
  EXPECT_THAT(outcome(put("rejects/run_1.jsonl", "bytes")),
              AllOf(HasSubstr("storage.denied: "), HasSubstr("seconds ahead of that of the storage"),
                    HasSubstr("set the clock")));
  http_->add({.method = "HEAD", .answer = FaultyClient::status(403, "", {{"date", there}})});
  EXPECT_THAT(outcome(store_->remove("rejects/run_1.jsonl")), HasSubstr("set the clock"))
      << "an answer to HEAD has no body";
}

/// Signed a year ahead, at the real server.
TEST_F(S3StoreTest, AWrongClockIsRefusedByTheServer) {
  struct Ahead : Clock {
    Timestamp now() const override { return {SystemClock().now().micros + 365LL * 86'400 * 1'000'000}; }
  };
  settings_.clock = std::make_shared<Ahead>();
  reopen();
  EXPECT_THAT(
      outcome(put("rejects/run_1.jsonl", "bytes")),
      AllOf(HasSubstr("storage.denied: "), HasSubstr("is 31,5"), HasSubstr(" seconds ahead of that")));
}

TEST_F(S3StoreTest, KeysThatEndedAreLookedUpAnew) {
  struct Source : aws::CredentialSource {
    Result<aws::Credentials> current() override {
      return aws::Credentials{S3Server::kAccess, forgotten > 0 ? S3Server::kSecret : "old", "", {}, "test"};
    }
    void forget() override { ++forgotten; }
    int forgotten = 0;
  };
  const auto source = std::make_shared<Source>();
  settings_.credentials = source;
  reopen();
  http_->add({.method = "PUT", .answer = FaultyClient::status(400, xml_error("ExpiredToken"))});
  EXPECT_EQ(outcome(put("rejects/run_1.jsonl", "bytes")), "done");
  EXPECT_EQ(source->forgotten, 1);
}

TEST_F(S3StoreTest, WrongKeysAreRefusedByTheServer) {
  settings_.credentials = aws::fixed_credentials({S3Server::kAccess, "another secret", "", {}, "the test"});
  reopen();
  for (const Result<void>& result :
       {put("rejects/run_1.jsonl", "bytes"), store_->remove("rejects/run_1.jsonl")}) {
    EXPECT_THAT(outcome(result), HasSubstr("storage.denied: "));
    EXPECT_THAT(outcome(result), Not(HasSubstr("another secret")));
  }
  settings_.credentials = aws::fixed_credentials({"nobody", S3Server::kSecret, "", {}, "the test"});
  reopen();
  EXPECT_THAT(outcome(put("rejects/run_1.jsonl", "bytes")), HasSubstr("storage.denied: "));
}

// --- faults in the middle of a large file

TEST_F(S3StoreTest, PartsAreTriedAgain) {
  const std::string whole = numbered(3 * kPart + 5);
  http_->add({.method = "POST", .in_url = "uploads=", .answer = FaultyClient::status(503)});
  http_->add({.method = "PUT", .in_url = "partNumber=2&", .answer = FaultyClient::failure("reset")}, 2);
  http_->add({.method = "PUT",
              .in_url = "partNumber=3&",
              .when = FaultyClient::When::After,
              .answer = FaultyClient::failure("the answer is lost")});
  http_->add({.method = "POST",
              .in_url = "uploadId=",
              .answer = FaultyClient::status(200, xml_error("InternalError"))});
  ASSERT_EQ(outcome(put("rejects/run_1.jsonl", whole)), "done");
  EXPECT_EQ(http_->left(), 0u);
  EXPECT_TRUE(get("rejects/run_1.jsonl") == whole);
}

TEST_F(S3StoreTest, AFileIsWholeThoughTheLastAnswerIsLost) {
  const std::string whole = numbered(kPart + 5);
  http_->add({.method = "POST",
              .in_url = "uploadId=",
              .when = FaultyClient::When::After,
              .answer = FaultyClient::failure("the answer is lost")});
  ASSERT_EQ(outcome(put("rejects/run_1.jsonl", whole)), "done");
  EXPECT_TRUE(get("rejects/run_1.jsonl") == whole);

  // But not where another one stands there.
  ASSERT_EQ(outcome(put("rejects/run_2.jsonl", "another file")), "done");
  http_->add({.method = "POST", .in_url = "uploadId=", .answer = FaultyClient::status(500)});
  http_->add({.method = "POST",
              .in_url = "uploadId=",
              .answer = FaultyClient::status(404, xml_error("NoSuchUpload"))});
  EXPECT_THAT(outcome(put("rejects/run_2.jsonl", whole)), HasSubstr("NoSuchUpload"));
  EXPECT_EQ(get("rejects/run_2.jsonl"), "another file");
}

TEST_F(S3StoreTest, AFileIsNotThereWhenAPartFails) {
  http_->add({.method = "PUT",
              .in_url = "partNumber=2&",
              .answer = FaultyClient::status(403, xml_error("AccessDenied"))});
  EXPECT_THAT(outcome(put("rejects/run_1.jsonl", numbered(3 * kPart))), HasSubstr("storage.denied: "));
  EXPECT_EQ(get("rejects/run_1.jsonl"), "file.not_found");
  settings_.abandoned_after = std::chrono::hours(-1);
  reopen();
  http_->requests();
  EXPECT_TRUE(store_->list("rejects"));
  EXPECT_THAT(http_->requests(), SizeIs(2)) << "its parts are gone";
}

// --- files that change while they are read

TEST_F(S3StoreTest, AReplacedFileIsNeverMixedWithItsSuccessor) {
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", numbered(kMiB))), "done");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", std::string(kMiB, 'x'))), "done");
  EXPECT_THAT(io::testing::contents(**file), HasSubstr("error: file.unreadable: "));
  ASSERT_TRUE(store_->remove("reports/lnk_1/a.csv"));
  EXPECT_THAT(io::testing::contents(**file, 300'000), HasSubstr("was removed or replaced while it was read"));
}

TEST_F(S3StoreTest, ABucketWithVersionsGivesAFileToItsEnd) {
  settings_.bucket = "versioned";
  S3Client client(settings_);
  const std::string enabled =
      "<VersioningConfiguration "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
  const Result<S3Answer> answer = client.call(
      {.name = "PutBucketVersioning", .method = "PUT", .query = {{"versioning", ""}}, .body = enabled});
  ASSERT_TRUE(answer) << to_text(answer.error());
  ASSERT_TRUE(answer->is_done()) << answer->response.body;
  reopen();
  const std::string before = numbered(kMiB);
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", before)), "done");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", std::string(kMiB, 'x'))), "done");
  EXPECT_TRUE(io::testing::contents(**file) == before);
  ASSERT_TRUE(store_->remove("reports/lnk_1/a.csv"));
  EXPECT_TRUE(io::testing::contents(**file, 300'000) == before.substr(300'000));
  EXPECT_EQ(get("reports/lnk_1/a.csv"), "file.not_found");
}

TEST_F(S3StoreTest, AShortAnswerIsReadOn) {
  const std::string whole = numbered(kMiB);
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", whole)), "done");
  const Result<std::shared_ptr<io::SourceFile>> file = store_->file("reports/lnk_1/a.csv");
  ASSERT_TRUE(file);
  http_->add({.method = "GET",
              .answer = FaultyClient::status(206, whole.substr(262'144, 10),
                                             {{"content-range", "bytes 262144-262153/1048576"}})});
  EXPECT_TRUE(io::testing::contents(**file) == whole);
  for (const Answer& wrong :
       {FaultyClient::status(200, whole),
        FaultyClient::status(206, "other", {{"content-range", "bytes 5-9/1048576"}}),
        FaultyClient::status(206, "", {{"content-range", "bytes 262144-262143/1048576"}})}) {
    http_->add({.method = "GET", .answer = wrong});
    EXPECT_THAT(io::testing::contents(**file), HasSubstr("error: storage.denied: "));
  }
}

// --- lists

TEST_F(S3StoreTest, ListsEveryPage) {
  const auto page = [&](std::string_view name, std::string_view token) {
    return FaultyClient::status(
        200, fmt::format(
                 "<ListBucketResult><IsTruncated>{}</IsTruncated>{}<Contents><Key>{}/reports/{}</Key>"
                 "<LastModified>2026-03-01T12:00:00.000Z</LastModified><Size>7</Size></Contents>"
                 "<Contents><Key>{}/reports/not ours</Key></Contents></ListBucketResult>",
                 !token.empty(),
                 token.empty() ? "" : fmt::format("<NextContinuationToken>{}</NextContinuationToken>", token),
                 settings_.prefix, name, settings_.prefix));
  };
  http_->add({.method = "GET", .in_url = "list-type=2", .answer = page("b", "a+b/c=")});
  http_->add({.method = "GET", .in_url = "continuation-token=a%2Bb%2Fc%3D", .answer = page("a", "")});
  const Result<std::vector<StoredFile>> files = store_->list("reports");
  ASSERT_TRUE(files);
  ASSERT_THAT(*files, SizeIs(2));
  EXPECT_EQ((*files)[0].key, "reports/a");
  EXPECT_EQ((*files)[1].key, "reports/b");
  EXPECT_EQ((*files)[1].bytes, 7u);
  EXPECT_EQ(to_rfc3339((*files)[1].stored_at), "2026-03-01T12:00:00.000Z");
  EXPECT_EQ(http_->left(), 0u);

  http_->add({.method = "GET", .answer = FaultyClient::status(200, "<not xml")});
  EXPECT_FALSE(store_->list("reports"));
}

TEST_F(S3StoreTest, AnotherPrefixIsAnotherStore) {
  ASSERT_EQ(outcome(put("reports/lnk_1/a.csv", "a")), "done");
  S3Settings other = settings_;
  other.prefix += "0";  // begins with the same characters
  const std::unique_ptr<Store> store = s3_store(other);
  EXPECT_TRUE(store->list("reports")->empty());
  EXPECT_FALSE(store->file("reports/lnk_1/a.csv"));
}

// --- addresses

class S3Addresses : public S3StoreTest {
 protected:
  S3Addresses() { EXPECT_EQ(io::testing::outcome(put(kKey, "a,b\r\n1,2\r\n")), "done"); }

  Timestamp in(std::chrono::seconds time) const {
    return {SystemClock().now().micros + std::chrono::microseconds(time).count()};
  }
  std::string url(std::string_view method = "GET", std::chrono::seconds life = std::chrono::minutes(5)) {
    const Result<SignedAddress> address =
        store_->address_signer()->address(method, kKey, "hires.csv", in(life));
    return address ? address->url : to_text(address.error());
  }
  net::HttpResponse fetch(const std::string& url, std::string method = "GET") {
    return net::curl_client()->send({.method = std::move(method), .url = url}).value_or(net::HttpResponse{});
  }

  static constexpr auto kKey = "reports/lnk_1/a.csv";
};

TEST_F(S3Addresses, AreGoodForWhoeverHasThem) {
  const net::HttpResponse answer = fetch(url());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "a,b\r\n1,2\r\n");
  EXPECT_EQ(answer.header("content-type"), "text/csv");
  EXPECT_EQ(answer.header("content-disposition"),
            "attachment; filename=\"hires.csv\"; filename*=UTF-8''hires.csv");
  EXPECT_EQ(answer.header("cache-control"), "private, no-store");
  EXPECT_EQ(fetch(url("HEAD"), "HEAD").status, 200);
  EXPECT_EQ(fetch(url("HEAD")).status, 403) << "of one method only";
}

TEST_F(S3Addresses, TakeAFileOfTheirMediaType) {
  constexpr auto kNew = "uploads/jobs/upl_1/jobs.csv";
  const auto put = [&](std::string_view key, const std::string& type) {
    const Result<SignedAddress> address =
        store_->address_signer()->address_to_put(std::string(key), "text/csv", in(std::chrono::minutes(5)));
    EXPECT_TRUE(address);
    return net::curl_client()
        ->send({.method = "PUT",
                .url = address->url,
                .headers = {{"Content-Type", type}},
                .body = "id,job\r\n1,Baker\r\n"})
        .value_or(net::HttpResponse{})
        .status;
  };
  EXPECT_EQ(put(kNew, "text/html"), 403);
  EXPECT_FALSE(store_->file(kNew));
  EXPECT_EQ(put(kNew, "text/csv"), 200);
  EXPECT_EQ(get(kNew), "id,job\r\n1,Baker\r\n");
}

TEST_F(S3Addresses, EveryByteCounts) {
  const std::string good = url();
  const std::size_t begin = good.find('/', 8) + 1;
  std::size_t refused = 0;
  for (std::size_t at = begin; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = changed[at] == 'z' ? 'y' : 'z';  // %2a would be %2A
    const int status = fetch(changed).status;
    EXPECT_NE(status, 200) << "byte " << at - begin << ": " << changed.substr(begin);
    if (status == 403) ++refused;
  }
  EXPECT_GT(refused, (good.size() - begin) / 2);
  EXPECT_EQ(fetch(good).status, 200);
}

TEST_F(S3Addresses, EndToTheSecond) {
  // Signed in the past: its last second is the one that now is, and the one before that.
  struct Past : Clock {
    std::int64_t seconds_ago = 100;
    Timestamp now() const override { return {SystemClock().now().micros - seconds_ago * 1'000'000}; }
  };
  settings_.clock = std::make_shared<Past>();
  reopen();
  EXPECT_EQ(fetch(url("GET", std::chrono::seconds(30))).status, 200);
  EXPECT_EQ(fetch(url("GET", std::chrono::seconds(-1))).status, 403);
  const Result<SignedAddress> over =
      store_->address_signer()->address("GET", kKey, "hires.csv", in(std::chrono::seconds(-101)));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::StorageDenied);
}

TEST_F(S3Addresses, EndWithTheirCredentials) {
  aws::Credentials credentials{S3Server::kAccess, S3Server::kSecret, "", {}, "the test"};
  const auto address = [&] {
    settings_.credentials = aws::fixed_credentials(credentials);
    reopen();
    return *store_->address_signer()->address("GET", kKey, "hires.csv", in(std::chrono::hours(24)));
  };
  const Timestamp whole{in(std::chrono::hours(24)).micros / 1'000'000 * 1'000'000};
  EXPECT_LE(address().expires.micros - whole.micros, 1'000'000);
  EXPECT_TRUE(address().is_end_known);
  credentials.expires = in(std::chrono::minutes(20));
  EXPECT_EQ(address().expires.micros, credentials.expires->micros / 1'000'000 * 1'000'000);
  EXPECT_THAT(address().url, Not(HasSubstr("X-Amz-Security-Token")));
  credentials.session_token = "a/token+";
  EXPECT_THAT(address().url, HasSubstr("&X-Amz-Security-Token=a%2Ftoken%2B&"));
  EXPECT_TRUE(address().is_end_known);
  credentials.expires.reset();
  EXPECT_FALSE(address().is_end_known);
}

TEST_F(S3Addresses, LiveForAWeekAtMost) {
  const Result<SignedAddress> address =
      store_->address_signer()->address("GET", kKey, "hires.csv", in(std::chrono::hours(24 * 30)));
  ASSERT_TRUE(address);
  EXPECT_THAT(address->url, HasSubstr("X-Amz-Expires=604800&"));
  EXPECT_EQ(fetch(address->url).status, 200);
}

TEST_F(S3Addresses, AreForKeysAndNamesOnly) {
  AddressSigner& signer = *store_->address_signer();
  EXPECT_FALSE(signer.address("GET", ".link-keys", "a", in(std::chrono::hours(1))));
  EXPECT_FALSE(signer.address("GET", "../a", "a", in(std::chrono::hours(1))));
  EXPECT_FALSE(signer.address("GET", kKey, "a\"; b", in(std::chrono::hours(1))));
}

TEST(S3Address, FollowsTheBucketAndTheRegion) {
  struct Case {
    S3Settings settings;
    std::string begins;
  };
  const Case cases[] = {
      {{.bucket = "files", .region = "eu-west-1"}, "https://files.s3.eu-west-1.amazonaws.com/a?"},
      {{.bucket = "files", .prefix = "p/q", .region = "cn-north-1"},
       "https://files.s3.cn-north-1.amazonaws.com.cn/p/q/a?"},
      {{.bucket = "my.files", .region = "us-east-1", .path_style = true},
       "https://s3.us-east-1.amazonaws.com/my.files/a?"},
      {{.bucket = "files", .region = "x", .endpoint = "http://127.0.0.1:9000", .path_style = true},
       "http://127.0.0.1:9000/files/a?"},
      {{.bucket = "files", .region = "x", .endpoint = "https://s3.example.org"},
       "https://files.s3.example.org/a?"},
  };
  for (Case c : cases) {
    c.settings.credentials = aws::fixed_credentials({"key", "secret"});
    const Result<SignedAddress> address =
        s3_store(c.settings)
            ->address_signer()
            ->address("GET", "a", "a", {SystemClock().now().micros + 60'000'000});
    ASSERT_TRUE(address);
    EXPECT_THAT(address->url, ::testing::StartsWith(c.begins));
  }
}

// --- link keys

TEST_F(S3StoreTest, AllServersHaveTheSameLinkKeys) {
  const Timestamp later{SystemClock().now().micros + 60'000'000};
  const Result<LinkSigner> first = s3_link_signer(settings_), second = s3_link_signer(settings_);
  ASSERT_TRUE(first) << to_text(first.error());
  ASSERT_TRUE(second);
  const std::string link = first->sign("reports/lnk_1/a.csv", later);
  EXPECT_EQ(second->sign("reports/lnk_1/a.csv", later), link);
  EXPECT_EQ(get(".link-keys"), "storage.denied") << "no stored file can have this name";
  S3Settings other = settings_;
  other.prefix += "/other";
  EXPECT_NE(s3_link_signer(other)->sign("reports/lnk_1/a.csv", later), link);
}

/// Another server makes them between our two questions.
TEST_F(S3StoreTest, TheFirstLinkKeysStay) {
  const Timestamp later{SystemClock().now().micros + 60'000'000};
  const std::string link = s3_link_signer(settings_)->sign("a", later);
  http_->add({.method = "GET", .answer = FaultyClient::status(404, xml_error("NoSuchKey"))});
  const Result<LinkSigner> second = s3_link_signer(settings_);
  ASSERT_TRUE(second) << to_text(second.error());
  EXPECT_EQ(second->sign("a", later), link);
  EXPECT_EQ(http_->left(), 0u);
}

// --- probes

TEST_F(S3StoreTest, AProbeIsNotTriedAgain) {
  http_->add({.method = "PUT", .answer = FaultyClient::failure("connection refused")});
  http_->requests();
  const Result<StoreHealth> health = store_->probe();
  ASSERT_FALSE(health);
  EXPECT_EQ(health.error().code, Code::StorageUnreachable);
  EXPECT_THAT(http_->requests(), SizeIs(1));
  EXPECT_FALSE(store_->probe());
  EXPECT_THAT(http_->requests(), IsEmpty()) << "what was just found is told again";
  settings_.probe_kept = {};
  reopen();
  EXPECT_TRUE(store_->probe());
  EXPECT_TRUE(store_->probe());
  EXPECT_THAT(http_->requests(), SizeIs(6));
}

}  // namespace
}  // namespace rowgate::store

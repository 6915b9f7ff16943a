#pragma once

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/http_client.h"
#include "net/retry.h"
#include "store/s3_store.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::store {

/// One operation of the S3 API.
struct S3Operation {
  std::string_view name;  ///< "PutObject": for messages
  std::string_view method;
  std::string object = {};  ///< its whole name in the bucket; empty: the bucket itself
  net::Fields query = {}, headers = {};
  std::string_view body = {};
  bool answers_late = false;  ///< may think for minutes, and tells of failure in an answer of status 200
  bool once = false;          ///< not tried again, and waits a little only: what nobody depends on
};

/// What came back: 200 to 299, or one of 404, 409, 412 and 416, which mean something to the caller.
struct S3Answer {
  net::HttpResponse response;
  std::string code = {};  ///< of an error: "NoSuchKey"; "" where the answer has no body
  int tries = 1;
  int status() const { return response.status; }
  bool is_done() const { return response.status >= 200 && response.status < 300; }
};

/// Signs, sends and tries again, for one bucket. Thread safe.
class S3Client {
 public:
  explicit S3Client(S3Settings settings);

  /// Tries again what may pass: no connection, 5xx, throttling. Fails with storage.unreachable when it did
  /// not, with storage.denied for what was refused (the keys, the bucket, the clock), with storage.full.
  Result<S3Answer> call(const S3Operation& operation);

  /// A signed address of the object; see AddressSigner. `headers` must be sent with it.
  Result<SignedAddress> address(std::string_view method, std::string_view object, net::Fields query,
                                Timestamp until, net::Fields headers = {});

  /// How far this machine's clock was ahead of the server's at the last answer.
  std::optional<std::chrono::seconds> clock_ahead() const;
  /// Where the keys come from.
  Result<std::string> credentials_source();
  const S3Settings& settings() const { return settings_; }
  Timestamp now() const { return settings_.clock->now(); }

 private:
  struct Attempt;
  struct Refusal;
  std::string path_of(std::string_view object) const;
  std::string url_of(const std::string& path, const std::string& query) const;
  static bool means_something(const Refusal& why);
  Attempt attempt(const S3Operation& operation);
  Attempt judge(const S3Operation& operation, net::HttpResponse response);
  Error refused(const S3Operation& operation, const Refusal& why) const;
  Error clock_is_wrong() const;
  void note_clock(const net::HttpResponse& response);

  S3Settings settings_;
  std::string host_;
  std::atomic<std::int64_t> seconds_ahead_;
};

}  // namespace rowgate::store

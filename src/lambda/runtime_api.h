#pragma once

// The runtime API of AWS Lambda ("Using the Lambda runtime API for custom runtimes"): a local HTTP server
// hands out one event at a time and takes the answer.

#include "base/error.h"
#include "lambda/handler.h"
#include "net/http_client.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace rowgate::lambda {

/// One event and until when it may be worked on.
struct Invocation {
  std::string id, event;
  std::chrono::system_clock::time_point deadline = {};
};

/// Not thread safe.
class RuntimeApi {
 public:
  /// `address`: "127.0.0.1:9001", as AWS_LAMBDA_RUNTIME_API has it.
  RuntimeApi(std::shared_ptr<net::HttpClient> client, const std::string& address);

  /// Waits for the next event, for as long as it takes. Fails with internal.error.
  Result<Invocation> next();
  Result<void> respond(const Invocation& invocation, const std::string& json);
  Result<void> fail(const Invocation& invocation, const Failure& failure);
  /// The program cannot begin; it is to end after this.
  Result<void> fail_at_start(const Failure& failure);

 private:
  Result<void> post(const std::string& path, const std::string& body, const std::string& error_type);

  std::shared_ptr<net::HttpClient> client_;
  std::string base_;
};

/// Takes events and answers them until the API is gone, which it tells. What takes longer than an invocation
/// may is asked to end some time before, so that it can still be answered; where it does not, this returns
/// without an error, and the process is to end at once. `after_each` runs before an answer is given.
Result<void> run(RuntimeApi& api, Handler& handler, const std::function<void()>& after_each);

}  // namespace rowgate::lambda

#pragma once

// A request and its answer as the handlers see them: plain values, no sockets.

#include "base/error.h"
#include "io/source.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rowgate::api {
struct KeySettings;
struct Service;
}  // namespace rowgate::api

namespace rowgate::http {

using Fields = std::vector<std::pair<std::string, std::string>>;  ///< in order; names in lower case

/// The head of a request, read and decoded. Names and values are as the client sent them otherwise.
struct Request {
  std::string method;  ///< "GET"; case counts (RFC 9110 section 9.1)
  /// In origin form, else as received: "/v1/tables/a%20b?limit=3".
  std::string target;
  std::vector<std::string>
      segments;  ///< of the path, percent-decoded: {"v1", "tables", "a b"}; "%2F" is data
  bool trailing_slash = false;
  Fields query;  ///< decoded; "+" is a space; a name may stand twice; names keep their case
  Fields headers;
  std::string remote_address;  ///< of the peer, or the one that a trusted proxy names
  bool tls = false;
  bool is_admin = false;                ///< came in on server.admin_listen
  std::string id;                       ///< Request-Id: the client's own where it is valid, else ours
  std::string principal = "anonymous";  ///< set by the application
  /// The API key that the request was accepted with, whatever becomes of it meanwhile; set by the
  /// application.
  std::shared_ptr<const api::KeySettings> key = {};
  /// What the request is served by from its head to the end of its answer, whatever is exchanged meanwhile;
  /// set by the application.
  std::shared_ptr<api::Service> service = {};
  std::optional<std::uint64_t> content_length = {};
  bool has_begun = false;  ///< set by the application: begin() has seen it
  /// What links in the answer begin with, where the way of the request tells it; empty: server.public_url.
  std::string public_url = {};
  /// Made by the program itself, of something that its own surroundings told: needs no key.
  bool is_own = false;
  /// Asked for when nobody waits for the answer any more: the client is gone, or the server ends.
  std::stop_token stop = {};

  /// The first value of a header; nullopt when absent. `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
  /// The value of a query parameter; nullopt when absent.
  std::optional<std::string_view> parameter(std::string_view name) const;
  /// The target without its query, which may hold signatures and parameters of reports.
  std::string path() const { return target.substr(0, target.find('?')); }
};

/// An answer. Exactly one of `text` and `stream` is the body.
struct Response {
  int status = 200;
  Fields headers = {};  ///< names as they go out: "Content-Type"
  std::string text = {};
  std::shared_ptr<io::Source> stream = {};       ///< read on worker threads, sent as it comes
  std::optional<std::uint64_t> length = {};      ///< of the stream; absent = chunked
  std::shared_ptr<const void> keeps_alive = {};  ///< what the stream reads from
  bool close = false;                            ///< the connection ends after it
  void set(std::string name, std::string value);
};

/// An answer that waits for something else: a run in the queue.
struct Later {
  /// Called once; `wake` may be called from any thread, at once or never.
  std::function<void(std::function<void()> wake)> subscribe;
  std::optional<std::chrono::milliseconds> at_most = {};  ///< answer then, whatever has happened
  std::function<Response()> answer;                       ///< called once, on a worker thread
};
using Reply = std::variant<Response, Later>;

/// Takes a request's body as it comes. Used by one worker thread at a time; dropped = thrown away.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  virtual Result<void> take(std::span<const char> bytes) = 0;
  /// The body is whole.
  virtual Result<void> finish() = 0;
};

/// What is to be done with the body of a request whose head was found good.
struct Accepted {
  std::unique_ptr<BodyReceiver> receiver = {};  ///< null: no body is wanted; a small one is read past
  std::uint64_t limit_bytes = 0;                ///< of the body as sent; a larger one is limit.bytes
  /// Where a body over the limit is to be read past before the answer (up to so many bytes and 5 s), since
  /// some clients do not look at an answer while they send. 0: answered at once, then a lingering close.
  std::uint64_t read_past_bytes = 0;
};

/// How an exchange went, for the log and the metrics.
struct Exchange {
  int status = 0;
  std::uint64_t request_bytes = 0, response_bytes = 0;  ///< of the bodies
  std::chrono::microseconds took{0};
  bool aborted = false;  ///< the client went away, or was cut off
};

/// The threads that answer a request, so that what has to wait keeps only its like waiting.
enum class Crew : std::uint8_t {
  Workers,  ///< all that is not the others'
  Readers,  ///< what reads tables, which somebody may hold locked
  Probes,   ///< what monitors ask for
};

/// What the connection layer serves. Everything but quick() and crew_of() is called on threads of a crew; all
/// must be thread safe.
class Application {
 public:
  virtual ~Application() = default;
  /// An answer that needs no waiting and may be made on the loop itself (livez); nullopt = not such a
  /// request.
  virtual std::optional<Response> quick(const Request& request) = 0;
  /// Whose work a request without a body is. Called on the loop; quick.
  virtual Crew crew_of(const Request&) { return Crew::Workers; }
  /// The head is whole: route, authorization, parameters, media type, limits. A Response ends the request
  /// before its body is asked for (no 100 Continue).
  virtual std::variant<Accepted, Response> begin(Request& request) = 0;
  /// The body is whole (`body` as begin() made it).
  virtual Reply answer(Request& request, std::unique_ptr<BodyReceiver> body) = 0;
  /// The answer for trouble that the connection layer found, or that a receiver reported. Where no head could
  /// be read `request` has only an id and the peer's address. May be called on the loop; quick.
  virtual Response trouble(const Request* request, const Error& error) = 0;
  /// Called after every answer, once; `request` as in trouble(). May be called on the loop.
  virtual void finished(const Request* request, const Exchange& exchange) = 0;
};

}  // namespace rowgate::http

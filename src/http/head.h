#pragma once

#include "base/error.h"
#include "http/message.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace rowgate::http {

/// Of a request's head, in bytes and fields.
struct HeadLimits {
  std::size_t header_bytes = 16 * 1024, fields = 100, target_bytes = 8 * 1024;
};

/// A head that was read whole and found good, and what it says about the connection.
struct Head {
  Request request = {};
  bool is_http_1_0 = false;
  bool keeps_alive = true;        ///< the client would send another request (RFC 9112 section 9.3)
  bool expects_continue = false;  ///< Expect: 100-continue
  bool is_chunked = false;        ///< else request.content_length says how long the body is; absent = none
  bool has_body() const { return is_chunked || request.content_length.value_or(0) != 0; }
};

/// Reads the head of a request as its bytes arrive, strictly by RFC 9112: what two servers could read in two
/// ways is refused. Each line is judged as soon as it is there, so that garbage is answered at once.
///
/// Beast's parser is not used for this: it accepts an unknown Transfer-Encoding, a missing Host, obs-fold and
/// repeated lengths, shows none of them in the fields that it hands out, and cannot tell a target that is too
/// long from a header that is.
class HeadReader {
 public:
  explicit HeadReader(const HeadLimits& limits) : limits_(limits) {}

  /// Reads on. `bytes` begin where they began at the first call; more stand at their end. True when the head
  /// is whole. Fails with the code that the client is to be answered: request.malformed, .uri_too_long,
  /// .header_too_large, .http_version, .not_implemented, .expectation.
  Result<bool> read(std::string_view bytes);
  /// How many bytes the head has, with its empty line; when it is whole.
  std::size_t size() const { return next_; }
  /// The head, once it is whole.
  Head take() { return std::move(head_); }

 private:
  Result<void> read_line(std::string_view line);
  Result<void> read_request_line(std::string_view line);
  Result<void> read_field(std::string_view line);
  Result<void> read_special(std::string_view name, std::string_view value);
  Result<void> read_content_length(std::string_view value);
  Result<void> read_expectation(std::string_view value);
  void read_connection(std::string_view value);
  Result<void> check_sizes(std::size_t end) const;
  Result<void> check_partial(std::string_view bytes) const;
  Result<void> judge();
  Result<void> judge_framing();

  HeadLimits limits_;
  Head head_;
  std::size_t next_ = 0;     ///< where the next line begins
  std::size_t checked_ = 0;  ///< characters before it were looked at
  std::size_t fields_at_ = 0;
  unsigned empty_lines_ = 0;
  std::string authority_;  ///< of a target in absolute form
  std::string hosts_, codings_;
  unsigned host_count_ = 0;
  bool has_request_line_ = false, has_coding_ = false;
  bool says_close_ = false, says_keep_alive_ = false;
};

/// Whether a Request-Id from outside is kept: 1 to 128 of [A-Za-z0-9._-].
bool is_request_id(std::string_view text);

}  // namespace rowgate::http

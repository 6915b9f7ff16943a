#pragma once

#include "base/error.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace rowgate::http {

/// Takes the framing off a chunked body (RFC 9112 section 7.1), in place. Lines end in CRLF only; extensions
/// and trailer fields are looked at and dropped, since nothing of ours uses them.
///
/// Beast's parser is not used for this: cut behind the last chunk's size ("0\r\n", then "\r") it stops the
/// process by an assertion, and it takes a line that ends in LF as unfinished.
class ChunkedBody {
 public:
  /// How far one step came.
  struct Step {
    std::size_t made = 0;  ///< bytes of the body; they stand at the front now
    std::size_t used = 0;  ///< bytes that are done with; those behind must be at the front of the next step
    bool done = false;     ///< the body's end was read; what follows is the next request
  };
  /// Decodes all that is there. Nothing made and not done = more is needed. Fails with request.malformed.
  Result<Step> decode(std::span<char> bytes);

  /// A chunk's line with its extensions, and the trailer as a whole, have at most so many bytes.
  static constexpr std::size_t kMaxLineBytes = 8 * 1024;

 private:
  enum class Expects : std::uint8_t { Size, Data, DataEnd, Trailer, Nothing };
  Result<void> check_partial(std::string_view line) const;
  Result<void> read_line(std::string_view line);
  Result<void> read_size(std::string_view line);
  Result<void> read_trailer(std::string_view line);

  Expects expects_ = Expects::Size;
  std::uint64_t left_ = 0;  ///< of the chunk's data
  std::size_t trailer_bytes_ = 0;
};

}  // namespace rowgate::http

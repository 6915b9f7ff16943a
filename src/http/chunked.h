#pragma once

#include "base/error.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace rowgate::http {

/// Takes the framing off a chunked body (RFC 9112 section 7.1). Trailer fields and chunk extensions are
/// checked and dropped.
class ChunkedBody {
 public:
  ChunkedBody();
  ~ChunkedBody();

  /// How far one step came.
  struct Step {
    std::size_t used = 0;  ///< bytes of the input; the others must stand at the front of the next one
    std::size_t made = 0;  ///< bytes of the output
    bool done = false;     ///< the body's end was read; what follows is the next request
  };
  /// Decodes from `input` into `output` (not empty) as far as either reaches. Neither used nor made = more
  /// input is needed. Fails with request.malformed.
  Result<Step> decode(std::string_view input, std::span<char> output);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The most that may stand undecoded: a chunk's line with its extensions, or the trailer.
inline constexpr std::size_t kMaxChunkLineBytes = 8 * 1024;

}  // namespace rowgate::http

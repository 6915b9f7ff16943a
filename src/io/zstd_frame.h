#pragma once

#include "base/error.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace rowgate::io {

/// `bytes` as one zstd frame (RFC 8878) with its size and a checksum in it. Fails with internal.error.
Result<std::string> zstd_frame(std::string_view bytes);
/// What `frame`, exactly one frame, holds. Fails with file.bad_compression where it is damaged, or holds more
/// than `most_bytes`.
Result<std::string> unpack_zstd_frame(std::string_view frame, std::size_t most_bytes);
/// `bytes` as a frame that every reader of zstd passes over (RFC 8878 section 3.1.2).
std::string skippable_zstd_frame(std::string_view bytes);

}  // namespace rowgate::io

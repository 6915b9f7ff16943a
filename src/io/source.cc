#include "io/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace rowgate::io {

Result<std::size_t> read_fully(Source& source, std::span<char> into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    TRY_ASSIGN(const std::size_t got, source.read(into.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

Result<std::uint64_t> skip(Source& source, std::uint64_t bytes) {
  std::vector<char> dropped(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, 256 * 1024)));
  std::uint64_t skipped = 0;
  while (skipped < bytes) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(bytes - skipped, dropped.size()));
    TRY_ASSIGN(const std::size_t got, source.read(std::span(dropped).first(piece)));
    if (got == 0) break;
    skipped += got;
  }
  return skipped;
}

Result<std::string> read_all(Source& source, std::size_t limit_bytes) {
  std::string text;
  for (;;) {
    const std::size_t kept = text.size();
    text.resize(kept + 64 * 1024);
    TRY_ASSIGN(const std::size_t got, source.read(std::span(text).subspan(kept)));
    text.resize(kept + got);
    if (got == 0) return text;
    if (text.size() > limit_bytes)
      return fail(Code::InternalError,
                  fmt::format("more than {} bytes where a small text was expected", limit_bytes));
  }
}

}  // namespace rowgate::io

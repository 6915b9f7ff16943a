#pragma once

// What the benchmarks share: their rows, and the baseline that each program measures beside its own figures.

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

namespace rowgate::csv {

/// Rows like those of the example's hired employees, ids ascending, always the same; without header.
inline std::string bench_rows(std::size_t count) {
  std::string out;
  out.reserve(count * 60);
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t mixed = i * 2654435761u % 4294967296u;
    fmt::format_to(std::back_inserter(out), "{},Name{} Surname{},20{}-{:02}-{:02}T{:02}:{:02}:{:02}Z,{},{}\n",
                   i, mixed % 9973, mixed % 7919, 10 + mixed % 13, 1 + mixed % 12, 1 + mixed % 28, mixed % 24,
                   mixed % 60, mixed % 59, 1 + mixed % 12, 1 + mixed % 183);
  }
  return out;
}

/// The baseline: how many line ends memchr finds. No CSV reader can do with less than a look at every byte.
inline std::size_t lines_by_memchr(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const void* found = std::memchr(text.data() + at, '\n', text.size() - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + 1;
  }
  return lines;
}

}  // namespace rowgate::csv

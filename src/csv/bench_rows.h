#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>

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

}  // namespace rowgate::csv

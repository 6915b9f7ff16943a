#pragma once

#include "base/text.h"
#include "base/units.h"
#include "table/node_reader.h"

#include <fmt/format.h>

namespace rowgate::config {

/// Takes values with units out of the configuration's sections.
class ValueReader : public table::NodeReader {
 public:
  using NodeReader::NodeReader;

  /// Reads a value by a parser of base/units.h.
  template <class T, class Parse>
  void take(const table::Place& map, std::string_view key, Parse parse, T& into) {
    const table::Place at = map.member(key);
    if (!at || !is(at, Node::Kind::Scalar, "a value")) return;
    if (auto value = parse(at.node->scalar))
      into = *std::move(value);
    else
      problem(at, value.error().message, value.error().hint);
  }

  template <class Number>
  void take_count(const table::Place& map, std::string_view key, std::uint64_t least, std::uint64_t most,
                  Number& into) {
    std::optional<std::uint64_t> count;
    take_length(map, key, count);
    if (count && (*count < least || *count > most))
      problem(map.member(key), fmt::format("must be from {} to {}", grouped(least), grouped(most)));
    else if (count)
      into = static_cast<Number>(*count);
  }

  template <class Number>
  void take_size(const table::Place& map, std::string_view key, std::uint64_t most, Number& into) {
    std::uint64_t size = into;
    take(map, key, parse_bytes, size);
    if (size < 1 || size > most)
      problem(map.member(key), fmt::format("must be from 1 byte to {}", bytes_text(most)));
    else
      into = static_cast<Number>(size);
  }

  void take_time(const table::Place& map, std::string_view key, std::chrono::milliseconds most,
                 std::chrono::milliseconds& into) {
    std::chrono::milliseconds time = into;
    take(map, key, parse_duration, time);
    if (time > most)
      problem(map.member(key), fmt::format("must be at most {} s",
                                           std::chrono::duration_cast<std::chrono::seconds>(most).count()));
    else
      into = time;
  }

  /// A member that is null, or not there, counts as absent.
  table::Place present(const table::Place& map, std::string_view key) {
    const table::Place at = map.member(key);
    return at && at.node->is_null() ? table::Place{nullptr, at.path} : at;
  }
};

}  // namespace rowgate::config

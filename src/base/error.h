#pragma once

#include "base/codes.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rowgate {

/// A place in an input file. All counted from 1, as editors do; `column` counts bytes, not characters.
struct Position {
  std::uint64_t line = 1;
  std::uint64_t column = 1;
  friend bool operator==(const Position&, const Position&) = default;
};

/// Why something stopped. A rejected record is not an Error: it is data (table::Reject).
/// `message` is lower case without a final dot, with the offending value in quotes and cut at 80 bytes (see
/// shown()). Never holds a secret.
struct Error {
  Code code;
  std::string message;              ///< what happened, in the user's terms
  std::string hint = {};            ///< what to try next; empty when there is no good advice
  std::optional<Position> at = {};  ///< where in the input, if it has a where
  std::string file = {};  ///< the input that `at` belongs to, as the user named it; empty = the caller knows
};

/// Either a T or the Error that prevented it. Ignoring one does not compile.
template <class T>
struct [[nodiscard]] Result : std::expected<T, Error> {
  using std::expected<T, Error>::expected;  // its own type, since std::expected is not [[nodiscard]] here
};

/// The error as a value that any Result takes: `return fail(Code::FileEmpty, "the file is empty", "hint");`
inline std::unexpected<Error> fail(Code code, std::string message, std::string hint = {},
                                   std::optional<Position> at = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(hint), at, {}});
}

/// "orders.csv:41:7: message (hint)"; the place is left out when the error has none.
std::string to_text(const Error& error);

/// Leaves the function with the error of `expr`, if any.
#define TRY(expr)                                                                      \
  do {                                                                                 \
    if (auto try_r = (expr); !try_r) return std::unexpected(std::move(try_r).error()); \
  } while (false)
/// Same, else binds the value: TRY_ASSIGN(auto sink, db.open_sink(target));
#define TRY_ASSIGN(decl, expr) TRY_ASSIGN_1(decl, expr, __LINE__)
#define TRY_ASSIGN_1(decl, expr, line) TRY_ASSIGN_2(decl, expr, line)
#define TRY_ASSIGN_2(decl, expr, line)                                      \
  auto try_r##line = (expr);                                                \
  if (!try_r##line) return std::unexpected(std::move(try_r##line).error()); \
  decl = *std::move(try_r##line)

}  // namespace rowgate

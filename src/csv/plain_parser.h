#pragma once

#include "csv/dialect.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace rowgate::csv {

/// One record as the plain parser found it. Offsets are into the bytes that were given.
struct PlainRecord {
  enum class Kind : std::uint8_t {
    Whole,     ///< fields end at the offsets that were appended
    Broken,    ///< `code` tells why; ends at the end of the line in which the field with the trouble opened
    NeedMore,  ///< the bytes end too early to tell
  };
  Kind kind = Kind::NeedMore;
  std::size_t end = 0;        ///< of the record, without its line end
  std::size_t next = 0;       ///< where the next record begins
  bool has_line_end = false;  ///< of a broken record: false when its line goes on behind the bytes
  Code code = Code::InternalError;
  std::size_t at = 0, trouble = 0;  ///< see BrokenRecord
  std::uint32_t field = 0;
};

/// Reads the record that begins at `begin` (less than bytes.size()) byte by byte: the rules of the parser,
/// written as plainly as they can be. It is the fast way's twin in tests, and the one that reads buffers with
/// broken quotes. `last`: nothing follows `bytes`. Field ends with their flags (RecordBatch::kQuoted,
/// kDoubled) are appended to `field_end`; for a broken record none.
PlainRecord read_plain(std::string_view bytes, std::size_t begin, bool last, const Dialect& dialect,
                       std::vector<std::uint32_t>& field_end);

}  // namespace rowgate::csv

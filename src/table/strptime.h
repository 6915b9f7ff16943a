#pragma once

#include "table/temporal.h"
#include "table/values/text_cursor.h"

#include <string>
#include <string_view>

namespace rowgate::table {

/// Parts that ISO forms and patterns share.

/// False, with "month 13" as trouble, when `value` is not within the bounds.
bool in_range(std::string_view what, int value, int least, int most, std::string& trouble);

/// Digits of a second: at least one, at most `most` (0 = any number). Keeps six, tells whether the others
/// matter.
bool read_fraction(TextCursor& cursor, std::size_t most, Moment& moment);

/// Which offsets besides Z: +hh:mm alone, with or without the colon, or also +hh.
enum class OffsetForm : std::uint8_t { Colon, Minutes, Any };
/// Z or an offset of at most 14 hours, the largest in use (XML Schema has the same bound).
bool read_utc_offset(TextCursor& cursor, OffsetForm form, Moment& moment, std::string& trouble);

}  // namespace rowgate::table

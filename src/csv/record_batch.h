#pragma once

#include "base/error.h"
#include "csv/dialect.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::csv {

/// A record whose structure is broken: it has no fields, only bytes and a reason.
struct BrokenRecord {
  std::uint32_t record;  ///< index in the batch
  Code code;             ///< CsvUnclosedQuote, CsvStrayQuote, LimitField, LimitRecord
  Position at;           ///< where the field with the trouble begins, its opening quote included
  Position trouble;      ///< where it was noticed: the stray quote itself; equal to `at` otherwise
  std::uint32_t field;   ///< number of that field, from 0
  friend bool operator==(const BrokenRecord&, const BrokenRecord&) = default;
};

/// Consecutive records of a file with their own copy of its bytes, about 1 MiB of them.
///
/// Structure of arrays, so that a batch costs a handful of allocations and can be recycled. Record r has the
/// fields first_field[r] .. first_field[r+1]-1. Field f occupies bytes[begin, end) with end = field_end[f] &
/// kEndMask; it begins one byte after the end of the field before it in the record, the first one at
/// record_begin[r]. So all fields of a record and the delimiters between them are the record's own bytes.
struct RecordBatch {
  static constexpr std::uint32_t kQuoted = 1u << 31;  ///< the field stands in quotes
  /// And has doubled quotes inside, so its text must be unescaped.
  static constexpr std::uint32_t kDoubled = 1u << 30;
  static constexpr std::uint32_t kEndMask = kDoubled - 1;

  std::uint64_t number = 0;        ///< 0, 1, 2 and so on in file order
  std::uint64_t first_offset = 0;  ///< offset in the decoded file of bytes[0]
  std::uint64_t first_record = 0;  ///< number of the first record here, from 1; the header is not counted
  char quote_char = '"';
  char delimiter = ',';
  LineEnd line_end = LineEnd::Lf;
  std::vector<char> bytes;     ///< followed by at least 64 readable bytes of padding (not counted in size)
  std::size_t size_bytes = 0;  ///< bytes of records; bytes.size() is larger
  std::vector<std::uint32_t> field_end;
  std::vector<std::uint32_t> first_field;   ///< one more than there are records
  std::vector<std::uint32_t> record_begin;  ///< index into bytes
  std::vector<std::uint32_t> record_end;    ///< without the line end
  std::vector<std::uint64_t> line;          ///< the line each record begins in, from 1
  /// Bytes of the record in the file without its line end; more than record_end - record_begin only for a
  /// broken record too large to keep.
  std::vector<std::uint64_t> length;
  std::vector<BrokenRecord> broken;  ///< ascending by record; these have no fields
  /// By record, only where the bytes are not the file's own (a rewritten batch).
  std::vector<std::uint64_t> own_offset;

  std::size_t size() const { return record_begin.size(); }
  bool empty() const { return record_begin.empty(); }
  /// Keeps the memory.
  void clear();

  std::size_t field_count(std::size_t record) const { return first_field[record + 1] - first_field[record]; }
  /// A record without any value: all its fields are empty and unquoted, as in a line without bytes, which has
  /// one empty field, or in a row that a spreadsheet has as `,,,`. Its bytes are its delimiters then.
  bool is_blank(std::size_t record) const {
    return record_end[record] - record_begin[record] + 1 == field_count(record);
  }
  std::uint64_t offset(std::size_t record) const {
    return own_offset.empty() ? first_offset + record_begin[record] : own_offset[record];
  }
  std::string_view raw(std::size_t record) const {
    return {bytes.data() + record_begin[record], record_end[record] - record_begin[record]};
  }
  /// Where field `field` (0-based) of the record begins in `bytes`, its opening quote included.
  std::uint32_t field_begin(std::size_t record, std::size_t field) const {
    return field == 0 ? record_begin[record] : (field_end[first_field[record] + field - 1] & kEndMask) + 1;
  }
  /// The field's bytes as they stand, quotes included.
  std::string_view raw_field(std::size_t record, std::size_t field) const {
    const std::uint32_t begin = field_begin(record, field);
    return {bytes.data() + begin, (field_end[first_field[record] + field] & kEndMask) - begin};
  }
  bool is_quoted(std::size_t record, std::size_t field) const {
    return (field_end[first_field[record] + field] & kQuoted) != 0;
  }
  bool has_doubled(std::size_t record, std::size_t field) const {
    return (field_end[first_field[record] + field] & kDoubled) != 0;
  }
  /// Between the quotes, doubled quotes still doubled.
  std::string_view inner(std::size_t record, std::size_t field) const {
    std::string_view text = raw_field(record, field);
    if (is_quoted(record, field)) text = text.substr(1, text.size() - 2);
    return text;
  }
  /// The field's value as its own string.
  std::string value(std::size_t record, std::size_t field) const;
  /// The place of byte `at` (index into bytes) of the record: its line and column from 1.
  Position position(std::size_t record, std::uint32_t at) const;
};

/// Halves each pair of quotes.
void append_unescaped(std::string& out, std::string_view inner, char quote_char);

}  // namespace rowgate::csv

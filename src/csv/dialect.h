#pragma once

#include "base/error.h"
#include "io/source.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::csv {

/// How records end. LF also covers CRLF: one CR before an LF belongs to the line end. CrOrLf is chosen only
/// for a file whose first line end is a lone CR; then CR, LF and CRLF all end a record.
enum class LineEnd : std::uint8_t { Lf, CrOrLf };

/// The form of a CSV file; names as in Frictionless Table Dialect. Limits as in product's `limits:`.
struct Dialect {
  char delimiter = ',';
  char quote_char = '"';  ///< doubled inside a quoted field it stands for itself (RFC 4180 section 2.7)
  bool header = true;
  LineEnd line_end = LineEnd::Lf;
  std::uint32_t max_field_bytes = 1 << 20;
  std::uint32_t max_record_bytes = 4 << 20;  ///< at most 256 MiB
  std::uint32_t max_columns = 1024;
};

/// What a table's configuration or the command line fixes; what is absent is found in the file.
struct DialectOptions {
  std::optional<char> delimiter = {};
  std::optional<char> quote_char = {};
  std::optional<bool> header = {};
  std::uint32_t max_field_bytes = 1 << 20;
  std::uint32_t max_record_bytes = 4 << 20;
  std::uint32_t max_columns = 1024;
};

/// The dialect of a file and where its records begin.
struct Opening {
  Dialect dialect;
  std::uint64_t bom_bytes = 0;           ///< 3 where a UTF-8 byte order mark is skipped
  std::vector<std::string> header = {};  ///< names, unquoted; empty where the dialect has none
  std::string header_raw = {};           ///< the header's own bytes without the line end, for messages
  std::vector<std::uint32_t> header_columns = {};  ///< where each name begins in header_raw, from 1 (bytes)
  std::uint64_t data_offset = 0;                   ///< first byte after the header record
  std::uint64_t data_line = 1;                     ///< the line that byte is in
  std::size_t columns = 0;                         ///< names in the header, else fields of the first record
};

/// Looks at the beginning of `file` (at most max_record_bytes + 1 MiB): byte order mark, line end, delimiter,
/// header. A delimiter that is not given is the one of `,` `;` tab `|` found most often outside quotes in the
/// first record, provided that the following lines (up to 64 KiB) agree best with it; comma for a single
/// column. Fails with file.empty (no byte but a byte order mark, blanks lines only count as empty too), csv.*
/// or record.not_utf8, csv.nul_byte for an unreadable header, limit.columns, header.blank, header.duplicate,
/// and the source's own errors. `file` is in UTF-8 (io::transcoded); UTF-16 that nobody declared (NUL in
/// every second byte) is told as record.not_utf8 with a hint.
Result<Opening> inspect(const io::SourceFile& file, const DialectOptions& options);

}  // namespace rowgate::csv

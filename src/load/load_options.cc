#include "load/load_options.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::load {
namespace {

/// The options in their own types.
struct Read {
  db::Mode mode = db::Mode::Append;
  bool abort_on_reject = false;
  std::optional<RejectLimit> max_rejects = {};
  std::optional<char> delimiter = {};
  std::optional<io::Encoding> encoding = {};
  table::NameMap map = {};
};

Result<bool> read_on_reject(std::string_view word) {
  if (word == "skip" || word == "abort") return word == "abort";
  return fail(Code::RequestInvalid, fmt::format("\"{}\" cannot be done on a reject", shown(word)),
              "on_reject takes skip or abort");
}

Result<Read> read(const LoadOptions& options) {
  Read read;
  TRY_ASSIGN(read.mode, read_mode(options.mode));
  TRY_ASSIGN(read.abort_on_reject, read_on_reject(options.on_reject));
  if (options.max_rejects) {
    const Result<RejectLimit> limit = parse_reject_limit(*options.max_rejects);
    if (!limit) return fail(Code::RequestInvalid, limit.error().message, limit.error().hint);
    read.max_rejects = *limit;
  }
  if (options.delimiter) {
    TRY_ASSIGN(read.delimiter, read_delimiter(*options.delimiter));
  }
  if (options.encoding) {
    TRY_ASSIGN(read.encoding, read_encoding(*options.encoding));
  }
  if (options.map) {
    TRY_ASSIGN(read.map, read_name_map(*options.map));
  }
  return read;
}

csv::DialectOptions default_dialect(const LoadLimits& limits) {
  csv::DialectOptions dialect;
  dialect.max_columns = static_cast<std::uint32_t>(limits.max_columns);
  dialect.max_field_bytes = static_cast<std::uint32_t>(limits.max_field_bytes);
  dialect.max_record_bytes = static_cast<std::uint32_t>(limits.max_record_bytes);
  return dialect;
}

}  // namespace

Result<void> check(const LoadOptions& options) {
  TRY(read(options));
  return {};
}

Result<LoadRequest> make_request(const Catalog& catalog, const db::TableName& table,
                                 const LoadOptions& options, std::shared_ptr<io::SourceFile> file,
                                 const std::optional<io::UnpackLimits>& unpack) {
  TRY_ASSIGN(const Read read, load::read(options));
  LoadRequest request{.table = table,
                      .dialect = default_dialect(catalog.limits),
                      .map = read.map,
                      .mode = read.mode,
                      .abort_on_reject = read.abort_on_reject,
                      .max_rejects = catalog.limits.max_rejects,
                      .max_reject_bytes = catalog.limits.max_reject_bytes,
                      .parent = options.parent};
  if (const TableConfig* known = catalog.find(table.name); known != nullptr) {
    request.table = known->name;
    request.schema = &known->schema;
    request.dialect = known->dialect;
    request.enforce_keys = known->enforce_keys;
    request.database_checks = known->database_checks;
    if (known->max_rejects) request.max_rejects = *known->max_rejects;
  }
  if (read.max_rejects) request.max_rejects = *read.max_rejects;
  if (read.delimiter) request.dialect.delimiter = read.delimiter;
  if (request.dialect.quote_char && read.delimiter == request.dialect.quote_char)
    return fail(Code::RequestInvalid,
                fmt::format("the delimiter \"{}\" is the quote character of the table `{}`", *read.delimiter,
                            shown(request.table.name)),
                "give another delimiter, or change the table's quoteChar");
  TRY_ASSIGN(request.file, io::decompressed(std::move(file), unpack));
  request.file = io::transcoded(std::move(request.file), read.encoding);
  return request;
}

Result<db::Mode> read_mode(std::string_view word) {
  for (const db::Mode mode : {db::Mode::Append, db::Mode::Replace, db::Mode::Upsert})
    if (db::name(mode) == word) return mode;
  return fail(Code::RequestInvalid, fmt::format("there is no mode \"{}\"", shown(word)),
              "the modes are append, replace and upsert");
}

Result<char> read_delimiter(std::string_view text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() == 1 && text[0] != '"' && text[0] != '\n' && text[0] != '\r' && text[0] != '\0' &&
      static_cast<unsigned char>(text[0]) < 0x80)
    return text[0];
  return fail(Code::RequestInvalid, fmt::format("\"{}\" is not a delimiter", shown(text)),
              "give one character such as ; or the word tab");
}

Result<table::NameMap> read_name_map(std::string_view text) {
  table::NameMap map;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t colon = pair.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size())
      return fail(Code::RequestInvalid,
                  fmt::format("\"{}\" does not say which column is which field", shown(pair)),
                  "write map as COLUMN:FIELD,COLUMN:FIELD");
    map.emplace_back(trim_spaces(pair.substr(0, colon)), trim_spaces(pair.substr(colon + 1)));
    if (end == text.size()) return map;
    text.remove_prefix(end + 1);
  }
}

Result<io::Encoding> read_encoding(std::string_view label) {
  if (const std::optional<io::Encoding> encoding = io::encoding_from(label)) return *encoding;
  return fail(Code::RequestInvalid, fmt::format("the encoding \"{}\" is not known", shown(label)),
              "the encodings are utf-8, utf-16, iso-8859-1 and windows-1252");
}

}  // namespace rowgate::load

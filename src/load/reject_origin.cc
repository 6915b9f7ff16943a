#include "load/reject_origin.h"

#include "base/text.h"
#include "csv/parser.h"
#include "csv/writer.h"
#include "load/kept_files.h"
#include "load/rejects/reject_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::load {
namespace {

constexpr std::size_t kHeaderBytes = 64 * 1024;

/// What stands between rg_run and rg_line in the first line, where the other names follow in the same way.
/// Spreadsheets put names in quotes and choose another delimiter when they save a file.
std::optional<char> delimiter_of(std::string_view line) {
  for (const std::string_view quote : {"", "\"", "'"}) {
    const std::string first = fmt::format("{0}{1}{0}", quote, table::kRejectColumns.front());
    const std::size_t at = line.find(first);
    if (at == std::string_view::npos || at + first.size() >= line.size()) continue;
    const char delimiter = line[at + first.size()];
    std::string all = first;
    for (const std::string_view name : std::span(table::kRejectColumns).subspan(1))
      all += fmt::format("{0}{1}{2}{1}", delimiter, quote, name);
    if (line.substr(at).starts_with(all)) return delimiter;
  }
  return std::nullopt;
}

/// The rg_run of the first record that has one.
Result<std::string> named_run(const io::SourceFile& file, const csv::Opening& opening) {
  const auto column = static_cast<std::size_t>(
      std::ranges::find(opening.header, table::kRejectColumns.front()) - opening.header.begin());
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, file.open(opening.data_offset));
  csv::Parser parser(*source, opening.dialect, {.offset = opening.data_offset, .line = opening.data_line});
  csv::RecordBatch records;
  TRY(parser.next(records));
  for (std::size_t record = 0; record < records.size(); ++record)
    if (column < records.field_count(record))
      if (std::string run = records.value(record, column); !run.empty()) return run;
  return std::string();
}

}  // namespace

bool is_run_id(std::string_view text) {
  constexpr std::size_t kIdBytes = 30;
  return text.size() == kIdBytes && text.starts_with("run_") &&
         std::ranges::all_of(text.substr(4),
                             [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

namespace {

table::NameMap without_absent(const table::NameMap& map, const csv::Opening& opening) {
  table::NameMap kept;
  for (const auto& pair : map)
    if (std::ranges::any_of(opening.header, [&](const std::string& name) {
          return trim_spaces(name) == trim_spaces(pair.first);
        }))
      kept.push_back(pair);
  return kept;
}

}  // namespace

Result<csv::Opening> open_csv(const io::SourceFile& file, const csv::DialectOptions& options) {
  std::string beginning(kHeaderBytes, '\0');
  {
    TRY_ASSIGN(const std::unique_ptr<io::Source> source, file.open(0));
    TRY_ASSIGN(const std::size_t got, io::read_fully(*source, beginning));
    beginning.resize(got);
  }
  const std::string_view line = std::string_view(beginning).substr(0, beginning.find_first_of("\r\n"));
  if (const std::optional<char> delimiter = delimiter_of(line)) {
    csv::DialectOptions own = options;
    own.delimiter = delimiter;
    own.header = true;
    Result<csv::Opening> opening = csv::inspect(file, own);
    if (opening && table::is_reject_file(*opening)) {
      for (std::string& name : opening->header) name = std::string(csv::without_formula_escape(name));
      return opening;
    }
  }
  return csv::inspect(file, options);
}

Result<std::optional<RejectOrigin>> find_origin(const io::SourceFile& file, const csv::Opening& opening,
                                                std::string run, store::Store& store) {
  if (run.empty()) {
    TRY_ASSIGN(run, named_run(file, opening));
  }
  if (!is_run_id(run)) return std::optional<RejectOrigin>{};
  Result<RejectReader> reader = open_rejects(store, {.id = run});
  if (!reader) {
    if (reader.error().code == Code::FileNotFound) return std::optional<RejectOrigin>{};
    return std::unexpected(std::move(reader).error());
  }
  TRY_ASSIGN(const RejectFileHead head, reader->head());
  RejectOrigin origin{.dialect = head.dialect, .map = without_absent(head.map, opening)};
  origin.dialect.max_field_bytes = opening.dialect.max_field_bytes;
  origin.dialect.max_record_bytes = opening.dialect.max_record_bytes;
  return std::optional(std::move(origin));
}

}  // namespace rowgate::load

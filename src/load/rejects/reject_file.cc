#include "load/rejects/reject_file.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "load/rejects/reject_formats.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace rowgate::load {
namespace {

using Json = nlohmann::ordered_json;
using table::Problem;

constexpr std::size_t kShownValueBytes = 1024;
constexpr std::string_view kRawBase64 = ",\"raw_base64\":\"";

Json to_json(const RejectProblem& problem) {
  Json json{{"code", text(problem.code)}, {"line", problem.line}, {"column", problem.column}};
  const auto put = [&json](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  put("field", problem.field);
  if (problem.column_number != 0) json["column_number"] = problem.column_number;
  json["found"] = problem.found;
  put("title", problem.title);
  put("label", problem.label);
  put("expected", problem.expected);
  put("help", problem.help);
  return json;
}

/// Everything of a record but its bytes, the object left open.
std::string open_line(const RefusedRecord& record) {
  Json errors = Json::array();
  for (const RejectProblem& problem : record.problems) errors.push_back(to_json(problem));
  Json json{{"line", record.line}, {"record", record.record}, {"offset", record.offset}, {"errors", errors}};
  if (record.more > 0) json["more_errors"] = record.more;
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.pop_back();
  return line;
}

}  // namespace

store::FileKey reject_file_key(std::string_view run_id) {
  return fmt::format("rejects/{}.jsonl.zst", run_id);
}

store::FileKey old_reject_file_key(std::string_view run_id) {
  return fmt::format("rejects/{}.jsonl", run_id);
}

RefusedRecord in_words(const table::Reject& reject, std::string raw, const table::TableSchema& schema) {
  RefusedRecord record{.line = reject.line,
                       .record = reject.record,
                       .offset = reject.offset,
                       .problems = {},
                       .raw = std::move(raw),
                       .more = reject.unkept.size()};
  for (const Problem& problem : reject.problems) {
    table::Description words = table::describe(problem, schema);
    const bool has_field = problem.field < schema.fields.size();
    record.problems.push_back({
        .code = problem.code,
        .field = has_field ? schema.fields[problem.field].name : "",
        .line = problem.at.line,
        .column = problem.at.column,
        .column_number = problem.column == Problem::kNoField ? 0 : problem.column + std::uint64_t{1},
        .found = problem.found.substr(0, kShownValueBytes),
        .title = std::move(words.title),
        .label = std::move(words.label),
        .expected = std::move(words.expected),
        .help = std::move(words.help),
    });
  }
  return record;
}

std::string record_line(const RefusedRecord& record) {
  std::string line = open_line(record);
  if (record.raw_bytes > 0) return line + fmt::format(",\"raw_bytes\":{}}}\n", record.raw_bytes);

  if (valid_utf8_prefix(record.raw) == record.raw.size()) {
    line += ",\"raw\":";
    append_json_string(line, record.raw);
  } else {
    line += kRawBase64;
    line += base64_encode(record.raw);
    line += '"';
  }
  return line + "}\n";
}

Result<void> export_jsonl(RejectReader& reader, const Output& out) {
  TRY(reader.head());
  for (;;) {
    TRY_ASSIGN(const std::optional<RefusedRecord> record, reader.next());
    if (!record) return {};
    if (record->raw_bytes == 0) {
      TRY(out(record_line(*record)));
      continue;
    }

    TRY(out(open_line(*record).append(kRawBase64)));
    for (;;) {
      TRY_ASSIGN(const std::string piece, reader.next_piece());
      if (piece.empty()) break;
      TRY(out(base64_encode(piece)));
    }
    TRY(out("\"}\n"));
  }
}

RejectReader::RejectReader(std::unique_ptr<Format> format) : format_(std::move(format)) {}
RejectReader::~RejectReader() = default;
RejectReader::RejectReader(RejectReader&&) noexcept = default;

Result<RejectReader> RejectReader::open(const std::shared_ptr<io::SourceFile>& file) {
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, file->open(0));
  std::array<char, 1> first{};
  TRY_ASSIGN(const std::size_t got, io::read_fully(*source, first));
  if (got == 1 && first[0] == '{') {
    TRY_ASSIGN(std::unique_ptr<Format> format, open_version_1(file));
    return RejectReader(std::move(format));
  }
  TRY_ASSIGN(std::unique_ptr<Format> format, open_version_2(file));
  return RejectReader(std::move(format));
}

Result<RejectFileHead> RejectReader::head() {
  return format_->head();
}
Result<std::optional<RefusedRecord>> RejectReader::next() {
  return format_->next();
}
Result<std::string> RejectReader::next_piece() {
  return format_->next_piece();
}
Result<void> RejectReader::skip(std::uint64_t records) {
  return format_->skip(records);
}

}  // namespace rowgate::load

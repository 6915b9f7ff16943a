#include "load/reject_file.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace rowgate::load {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::string_view kEndLine = "{\"end\":true";
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
  const Json json{
      {"line", record.line}, {"record", record.record}, {"offset", record.offset}, {"errors", errors}};
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.pop_back();
  return line;
}

RejectProblem problem_from(const Json& json) {
  RejectProblem problem{.code = Code::InternalError};
  if (const auto code = code_from_text(json.at("code").get<std::string>())) problem.code = *code;
  problem.line = json.at("line");
  problem.column = json.at("column");
  problem.column_number = json.value("column_number", std::uint64_t{0});
  problem.field = json.value("field", "");
  problem.found = json.value("found", "");
  problem.title = json.value("title", "");
  problem.label = json.value("label", "");
  problem.expected = json.value("expected", "");
  problem.help = json.value("help", "");
  return problem;
}

RefusedRecord record_from(const Json& json) {
  RefusedRecord record;
  record.line = json.at("line");
  record.record = json.at("record");
  record.offset = json.at("offset");
  for (const Json& error : json.at("errors")) record.problems.push_back(problem_from(error));
  if (json.contains("raw"))
    record.raw = json.at("raw");
  else if (const auto bytes = base64_decode(json.at("raw_base64").get<std::string>()))
    record.raw = *bytes;
  return record;
}

}  // namespace

store::FileKey reject_file_key(std::string_view run_id) {
  return fmt::format("rejects/{}.jsonl", run_id);
}

std::string head_line(const RejectFileHead& head) {
  Json map = Json::array();
  for (const auto& [column, field] : head.map) map.push_back({column, field});
  const Json json{{"rowgate_rejects", kVersion},
                  {"run", head.run},
                  {"table", head.table},
                  {"file", head.file},
                  {"delimiter", std::string(1, head.dialect.delimiter)},
                  {"quote_char", std::string(1, head.dialect.quote_char)},
                  {"cr_line_end", head.dialect.line_end == csv::LineEnd::CrOrLf},
                  {"columns", head.columns},
                  {"map", map}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string record_line(const RefusedRecord& record) {
  std::string line = open_line(record);
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

std::string large_record_begin(const RefusedRecord& record) {
  return open_line(record).append(kRawBase64);
}

std::string large_record_end() {
  return "\"}\n";
}

std::string end_line(std::uint64_t count) {
  return fmt::format("{},\"rejects\":{}}}\n", kEndLine, count);
}

struct RejectReader::State {
  std::unique_ptr<io::Source> source;
  std::string buffer = {};
  std::size_t used = 0;
  std::uint64_t line_offset = 0, next_offset = 0;
  std::uint64_t count = 0;
  std::optional<std::string> held = {};

  Error damaged(std::string_view what) const {
    return {Code::InternalError,
            fmt::format("the stored reject file is damaged at byte {}: {}", line_offset, what)};
  }

  Result<bool> fill() {
    buffer.erase(0, used);
    used = 0;
    const std::size_t kept = buffer.size();
    buffer.resize(kept + 64 * 1024);
    TRY_ASSIGN(const std::size_t got, source->read(std::span(buffer).subspan(kept)));
    buffer.resize(kept + got);
    return got != 0;
  }

  Result<std::string> line() {
    std::size_t searched = used;
    for (;;) {
      const std::size_t end = buffer.find('\n', searched);
      if (end != std::string::npos) {
        std::string text = buffer.substr(used, end - used);
        line_offset = next_offset;
        next_offset += text.size() + 1;
        used = end + 1;
        return text;
      }
      searched = buffer.size() - used;
      TRY_ASSIGN(const bool more, fill());
      if (!more) return std::unexpected(damaged("it ends in the middle"));
    }
  }

  /// The line that skip() has read too far, or the next one.
  Result<std::string> next_line() {
    if (!held) return line();
    return std::exchange(held, std::nullopt).value();
  }

  Result<Json> object() {
    TRY_ASSIGN(const std::string text, next_line());
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return std::unexpected(damaged("not a JSON object"));
    return json;
  }
};

RejectReader::RejectReader(std::unique_ptr<io::Source> source)
    : state_(new State{.source = std::move(source)}) {}
RejectReader::~RejectReader() = default;
RejectReader::RejectReader(RejectReader&&) noexcept = default;

Result<RejectFileHead> RejectReader::head() {
  TRY_ASSIGN(const Json json, state_->object());
  try {
    if (json.at("rowgate_rejects") != kVersion) return std::unexpected(state_->damaged("an unknown version"));
    RejectFileHead head{.run = json.at("run"), .table = json.at("table"), .file = json.at("file")};
    head.dialect.delimiter = json.at("delimiter").get<std::string>().at(0);
    head.dialect.quote_char = json.at("quote_char").get<std::string>().at(0);
    if (json.at("cr_line_end")) head.dialect.line_end = csv::LineEnd::CrOrLf;
    for (const Json& column : json.at("columns")) head.columns.push_back(column);
    for (const Json& pair : json.at("map")) head.map.emplace_back(pair.at(0), pair.at(1));
    return head;
  } catch (const std::exception& error) {
    return std::unexpected(state_->damaged(error.what()));
  }
}

Result<std::optional<RefusedRecord>> RejectReader::next() {
  TRY_ASSIGN(const Json json, state_->object());
  try {
    if (json.contains("end")) {
      if (json.at("rejects") != state_->count) return std::unexpected(state_->damaged("records are missing"));
      return std::optional<RefusedRecord>{};
    }
    ++state_->count;
    return std::optional<RefusedRecord>(record_from(json));
  } catch (const std::exception& error) {
    return std::unexpected(state_->damaged(error.what()));
  }
}

Result<void> RejectReader::skip(std::uint64_t records) {
  for (; records > 0; --records) {
    TRY_ASSIGN(std::string line, state_->line());
    if (line.starts_with(kEndLine)) {
      state_->held = std::move(line);
      return {};
    }
    ++state_->count;
  }
  return {};
}

}  // namespace rowgate::load

#include "base/base64.h"
#include "load/rejects/reject_formats.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace rowgate::load {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kEndLine = "{\"end\":true";

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

/// nullopt where the record's bytes cannot be had.
std::optional<RefusedRecord> record_from(const Json& json) {
  RefusedRecord record;
  record.line = json.at("line");
  record.record = json.at("record");
  record.offset = json.at("offset");
  for (const Json& error : json.at("errors")) record.problems.push_back(problem_from(error));
  if (json.contains("raw")) {
    record.raw = json.at("raw");
    return record;
  }
  std::optional<std::string> bytes = base64_decode(json.at("raw_base64").get<std::string>());
  if (!bytes) return std::nullopt;
  record.raw = *std::move(bytes);
  return record;
}

struct Version1 : RejectReader::Format {
  Version1(std::shared_ptr<io::SourceFile> from, std::unique_ptr<io::Source> reader)
      : file(std::move(from)), source(std::move(reader)) {}

  Result<RejectFileHead> head() override;
  Result<std::optional<RefusedRecord>> next() override;
  Result<std::string> next_piece() override { return std::string(); }
  Result<void> skip(std::uint64_t records) override;

  std::shared_ptr<io::SourceFile> file;  // outlives its source
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

Result<RejectFileHead> Version1::head() {
  TRY_ASSIGN(const Json json, object());
  try {
    return head_from(json, 1);
  } catch (const std::exception& error) {
    return std::unexpected(damaged(error.what()));
  }
}

Result<std::optional<RefusedRecord>> Version1::next() {
  TRY_ASSIGN(const Json json, object());
  try {
    if (json.contains("end")) {
      if (json.at("rejects") != count) return std::unexpected(damaged("records are missing"));
      return std::optional<RefusedRecord>{};
    }
    ++count;
    std::optional<RefusedRecord> record = record_from(json);
    if (!record) return std::unexpected(damaged("its base64 is none"));
    return record;
  } catch (const std::exception& error) {
    return std::unexpected(damaged(error.what()));
  }
}

Result<void> Version1::skip(std::uint64_t records) {
  for (; records > 0; --records) {
    TRY_ASSIGN(std::string line, line());
    if (line.starts_with(kEndLine)) {
      held = std::move(line);
      return {};
    }
    ++count;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RejectReader::Format>> open_version_1(const std::shared_ptr<io::SourceFile>& file) {
  TRY_ASSIGN(std::unique_ptr<io::Source> source, file->open(0));
  return std::unique_ptr<RejectReader::Format>(new Version1(file, std::move(source)));
}

nlohmann::ordered_json head_json(const RejectFileHead& head, int version) {
  Json map = Json::array();
  for (const auto& [column, field] : head.map) map.push_back({column, field});
  return {{"rowgate_rejects", version},
          {"run", head.run},
          {"table", head.table},
          {"file", head.file},
          {"delimiter", std::string(1, head.dialect.delimiter)},
          {"quote_char", std::string(1, head.dialect.quote_char)},
          {"cr_line_end", head.dialect.line_end == csv::LineEnd::CrOrLf},
          {"columns", head.columns},
          {"map", map}};
}

RejectFileHead head_from(const nlohmann::ordered_json& json, int version) {
  if (json.at("rowgate_rejects") != version) throw std::runtime_error("an unknown version");
  RejectFileHead head{.run = json.at("run"), .table = json.at("table"), .file = json.at("file")};
  head.dialect.delimiter = json.at("delimiter").get<std::string>().at(0);
  head.dialect.quote_char = json.at("quote_char").get<std::string>().at(0);
  if (json.at("cr_line_end")) head.dialect.line_end = csv::LineEnd::CrOrLf;
  for (const Json& column : json.at("columns")) head.columns.push_back(column);
  for (const Json& pair : json.at("map")) head.map.emplace_back(pair.at(0), pair.at(1));
  if (version > 1) head.schema = json.at("schema");
  return head;
}

}  // namespace rowgate::load

#include "cli/infer_file.h"

#include "base/text.h"
#include "io/files.h"
#include "io/transcoded.h"
#include "load/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <stop_token>
#include <system_error>

namespace rowgate::cli {
namespace {

constexpr std::size_t kLongestName = 63;

Result<std::shared_ptr<io::SourceFile>> open_input(const std::string& file) {
  std::shared_ptr<io::SourceFile> stored;
  if (file != "-") {
    TRY_ASSIGN(stored, io::open_file(file, file));
  } else {
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(ignored);
    const std::unique_ptr<io::Source> input = io::standard_input();
    TRY_ASSIGN(stored, io::spool(*input, folder, "-"));
  }
  TRY_ASSIGN(stored, io::decompressed(std::move(stored)));
  return io::transcoded(std::move(stored));
}

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// The settings of the dialect that a file without surprises does not need.
std::string dialect_yaml(const csv::Dialect& dialect) {
  std::string settings;
  if (!dialect.header) settings += "header: false";
  if (dialect.delimiter != ',') {
    settings += settings.empty() ? "" : ", ";
    settings += dialect.delimiter == '\t' ? "delimiter: \"\\t\""
                                          : fmt::format("delimiter: \"{}\"", dialect.delimiter);
  }
  return settings.empty() ? "" : fmt::format("    dialect: {{ {} }}\n", settings);
}

Result<InferredTable> infer_file(const std::string& file, const csv::DialectOptions& dialect) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> input, open_input(file));
  const auto with_name = [&](Error error) {
    if (error.file.empty()) error.file = file;
    return std::unexpected(std::move(error));
  };
  auto opening = csv::inspect(*input, dialect);
  if (!opening) return with_name(std::move(opening).error());
  load::Progress progress;
  auto outcome = load::infer_schema(*input, *opening, nullptr, 0, progress, std::stop_token());
  if (!outcome) return with_name(std::move(outcome).error());
  return InferredTable{file == "-" ? "data" : table_name_of(file), file, *std::move(outcome),
                       *std::move(opening)};
}

}  // namespace

std::string table_name_of(const std::filesystem::path& file) {
  std::string stem = lower_ascii(file.filename().string());
  for (const std::string_view ending : {".gz", ".zst", ".csv", ".tsv", ".txt"})
    if (stem.size() > ending.size() && stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  for (char& c : stem)
    if (!name_character(c)) c = '_';
  if (!table::why_not_a_name(stem.substr(0, kLongestName), false).empty()) stem.insert(0, "t_");
  stem.resize(std::min(stem.size(), kLongestName));
  return stem;
}

Result<std::vector<InferredTable>> infer_files(const std::vector<std::string>& files,
                                               const csv::DialectOptions& dialect) {
  std::vector<InferredTable> tables;
  for (const std::string& file : files) {
    TRY_ASSIGN(InferredTable inferred, infer_file(file, dialect));
    const auto same = std::ranges::find(tables, inferred.table, &InferredTable::table);
    if (same != tables.end())
      return fail(
          Code::RequestInvalid,
          fmt::format("{} and {} would both become table {}", shown(same->file), shown(file), inferred.table),
          "rename one of them, or take them one by one");
    tables.push_back(std::move(inferred));
  }
  return tables;
}

std::string table_yaml(const InferredTable& inferred) {
  return fmt::format("  {}:\n{}    schema:\n{}", inferred.table, dialect_yaml(inferred.opening.dialect),
                     table::to_yaml(inferred.outcome.schema, 6));
}

}  // namespace rowgate::cli

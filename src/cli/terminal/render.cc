#include "cli/terminal/render.h"

#include "base/text.h"
#include "cli/terminal/source_excerpt.h"
#include "io/files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::cli {
namespace {

constexpr std::size_t kSearchedBytes = 1 << 20;  ///< of a file, for the line of an error

std::string_view style_of(Severity severity) {
  return severity == Severity::Error ? "red" : "yellow";
}

std::string heading(const Terminal& terminal, const Diagnostic& diagnostic) {
  std::string kind = diagnostic.severity == Severity::Error ? "error" : "warning";
  if (!diagnostic.code.empty()) kind += fmt::format("[{}]", diagnostic.code);
  return terminal.styled(style_of(diagnostic.severity), kind) +
         terminal.styled("bold", ": " + diagnostic.title) + "\n";
}

std::string place_of(const Diagnostic& diagnostic) {
  if (diagnostic.line == 0) return diagnostic.file;
  if (diagnostic.column == 0) return fmt::format("{}:{}", diagnostic.file, diagnostic.line);
  return fmt::format("{}:{}:{}", diagnostic.file, diagnostic.line, diagnostic.column);
}

std::string excerpt_lines(const Terminal& terminal, const Diagnostic& diagnostic, const std::string& number) {
  const std::string bar = terminal.styled("cyan", fmt::format("{}  |", std::string(number.size(), ' ')));
  const std::size_t gutter = number.size() + 4;
  const std::size_t width = terminal.width > gutter + 20 ? terminal.width - gutter : 20;
  const Excerpt excerpt = make_excerpt(diagnostic.source, diagnostic.marks, width);
  std::string out = bar + "\n" + terminal.styled("cyan", number + "  |") + " " + excerpt.source + "\n";
  for (const std::string& row : excerpt.below)
    out += bar + " " + terminal.styled(style_of(diagnostic.severity), row) + "\n";
  if (diagnostic.marks.size() < 2 && !diagnostic.notes.empty()) out += bar + "\n";
  return out;
}

/// The line of a file as it is now; empty when it cannot be shown.
std::string stored_line(const std::string& file, std::uint64_t line) {
  if (file.empty() || file == "-") return {};
  const auto opened = io::open_file(file, file);
  if (!opened) return {};
  const auto source = (*opened)->open(0);
  if (!source) return {};
  std::string text(kSearchedBytes, '\0');
  const auto got = io::read_fully(**source, text);
  if (!got) return {};
  text.resize(*got);
  if (text.contains('\0')) return {};  // compressed, or no text at all
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return std::string(line_of(text, line));
}

bool is_of_whole_record(Code code) {
  return text(code).starts_with("csv.") || text(code).starts_with("record.") ||
         text(code).starts_with("limit.");
}

}  // namespace

std::string render(const Terminal& terminal, const Diagnostic& diagnostic) {
  std::string out = heading(terminal, diagnostic);
  const std::string number = diagnostic.line == 0 ? "" : std::to_string(diagnostic.line);
  const std::string indent(std::max<std::size_t>(number.size(), 1), ' ');
  if (!diagnostic.file.empty())
    out += indent + terminal.styled("cyan", " --> ") + shown(place_of(diagnostic), 400) + "\n";
  if (!diagnostic.source.empty() && diagnostic.line != 0) out += excerpt_lines(terminal, diagnostic, number);
  for (const auto& [name, note] : diagnostic.notes)
    out += fmt::format("{}  {} {}\n", indent, terminal.styled("cyan", fmt::format("= {}:", name)), note);
  return out;
}

Diagnostic reject_diagnostic(const load::RefusedRecord& record, const load::RejectProblem& problem,
                             const std::string& file, std::size_t columns) {
  Diagnostic diagnostic{
      .severity = info(problem.code).severity,
      .code = std::string(text(problem.code)),
      .title = problem.title.empty() ? std::string(info(problem.code).title) : problem.title,
      .file = file,
      .line = problem.line,
      .column = problem.column};
  if (problem.line >= record.line) diagnostic.source = line_of(record.raw, problem.line - record.line + 1);
  const std::size_t begin = problem.column == 0 ? 0 : static_cast<std::size_t>(problem.column - 1);
  const std::size_t bytes =
      is_of_whole_record(problem.code) ? 1 : cell_bytes(diagnostic.source, begin, problem.found);
  diagnostic.marks.push_back({problem.column, bytes, problem.label});
  if (!problem.field.empty()) {
    std::string field = problem.field;
    if (problem.column_number != 0)
      field += columns == 0 ? fmt::format(" (column {})", problem.column_number)
                            : fmt::format(" (column {} of {})", problem.column_number, columns);
    diagnostic.notes.emplace_back("field", std::move(field));
  }
  if (!problem.expected.empty()) diagnostic.notes.emplace_back("expected", problem.expected);
  if (!problem.help.empty()) diagnostic.notes.emplace_back("help", problem.help);
  return diagnostic;
}

Diagnostic error_diagnostic(const Error& error) {
  Diagnostic diagnostic{.severity = Severity::Error,
                        .code = std::string(text(error.code)),
                        .title = error.message,
                        .file = error.file};
  if (error.at) {
    diagnostic.line = error.at->line;
    diagnostic.column = error.at->column;
    if (error.file.empty())
      diagnostic.title = fmt::format("{}:{}: {}", error.at->line, error.at->column, error.message);
    diagnostic.source = stored_line(error.file, error.at->line);
    if (error.at->column > 0 && error.at->column <= diagnostic.source.size())
      diagnostic.marks.push_back({error.at->column, 1, {}});
  }
  if (!error.hint.empty()) diagnostic.notes.emplace_back("help", error.hint);
  return diagnostic;
}

Diagnostic header_diagnostic(const Terminal& terminal, const load::LoadOutcome& outcome) {
  const Error& error = *outcome.run.error;
  const csv::Opening& opening = *outcome.opening;
  const table::HeaderTrouble& trouble = *outcome.header_trouble;
  Diagnostic diagnostic{.severity = Severity::Error,
                        .code = std::string(text(error.code)),
                        .title = fmt::format("the header does not match table `{}`", outcome.run.table),
                        .file = outcome.run.file_name,
                        .line = error.at ? error.at->line : 1,
                        .column = error.at ? error.at->column : 1,
                        .source = std::string(line_of(opening.header_raw, 1))};
  for (const std::size_t column : trouble.unknown_columns) {
    if (column >= opening.header_columns.size() || column >= opening.header.size()) continue;
    const std::uint64_t begin = opening.header_columns[column];
    const std::string& name = opening.header[column];
    diagnostic.marks.push_back({begin,
                                cell_bytes(diagnostic.source, static_cast<std::size_t>(begin - 1), name),
                                fmt::format("`{}` is not a field", shown(name))});
  }
  if (!trouble.missing_fields.empty())
    diagnostic.notes.emplace_back("missing", fmt::format("{}", fmt::join(trouble.missing_fields, ", ")));
  const bool is_told = !trouble.unknown_columns.empty() || !trouble.missing_fields.empty();
  if (!is_told || error.message.starts_with("--map")) diagnostic.notes.emplace_back("note", error.message);
  if (!trouble.suggested_map.empty())
    diagnostic.notes.emplace_back(
        "help", terminal.command(fmt::format("load {} --table {} --map {}", shell_word(outcome.run.file_name),
                                             outcome.run.table, trouble.suggested_map)));
  else if (!error.hint.empty())
    diagnostic.notes.emplace_back("help", error.hint);
  return diagnostic;
}

}  // namespace rowgate::cli

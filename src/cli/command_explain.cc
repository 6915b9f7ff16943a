#include "base/codes.h"
#include "base/errors_page.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command_support.h"
#include "cli/commands.h"
#include "cli/terminal/text_table.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

std::string_view severity_name(const CodeInfo& code) {
  return code.severity == Severity::Warning ? "warning" : "error";
}

std::string as_json(const CodeInfo& code) {
  return fmt::format(
      R"({{"code": {}, "title": {}, "severity": "{}", "exit_code": {}, "kind": {}, "cause": {}, "fix": {}, "example": {}}})",
      json_text(code.text), json_text(code.title), severity_name(code), code.exit_code,
      json_text_or_null(code.kind), json_text(code.cause), json_text(code.fix), json_text(code.example));
}

std::string as_text(const CodeInfo& code) {
  std::string out = fmt::format("{}: {}\n\n", code.text, code.title);
  out += fmt::format("  cause      {}\n", code.cause);
  out += fmt::format("  fix        {}\n", code.fix);
  out += fmt::format("  example    {}\n", code.example);
  if (code.severity == Severity::Warning)
    out += "  severity   warning: nothing is refused\n";
  else
    out += fmt::format("  exit code  {}\n", code.exit_code);
  if (!code.kind.empty()) out += fmt::format("  kind       {} (Frictionless)\n", code.kind);
  return out;
}

int explain_all(const Terminal& terminal) {
  if (terminal.json) {
    std::string out = "{\"items\": [";
    for (const CodeInfo& code : all_codes()) out += (out.back() == '[' ? "\n" : ",\n") + as_json(code);
    terminal.out(out + "\n]}\n");
    return 0;
  }
  TextTable table{{"code", "exit", "title"}, {}, {false, true, false}};
  for (const CodeInfo& code : all_codes())
    table.rows.push_back({std::string(code.text),
                          code.severity == Severity::Warning ? "warning" : std::to_string(code.exit_code),
                          std::string(code.title)});
  terminal.out(to_text(table, out_width(terminal)));
  terminal.say("more about one: rowgate explain CODE");
  return 0;
}

Error unknown_code(std::string_view given) {
  std::vector<std::string> known;
  for (const CodeInfo& code : all_codes()) known.emplace_back(code.text);
  const std::string near = nearest(given, known);
  return Error{Code::RequestInvalid, fmt::format("there is no error code \"{}\"", shown(given)),
               near.empty() ? "rowgate explain lists all codes" : fmt::format("did you mean {}?", near)};
}

}  // namespace

int command_explain(const Common& common, const std::optional<std::string>& code, bool markdown) {
  const Terminal& terminal = common.terminal;
  if (markdown) {
    terminal.out(errors_page());
    return 0;
  }
  if (!code) return explain_all(terminal);
  const std::optional<Code> known = code_from_text(*code);
  if (!known) return report_error(terminal, unknown_code(*code));
  const CodeInfo& about = info(*known);
  terminal.out(terminal.json ? as_json(about) + "\n" : as_text(about));
  return 0;
}

}  // namespace rowgate::cli

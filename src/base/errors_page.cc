#include "base/errors_page.h"

#include "base/codes.h"

#include <fmt/format.h>

namespace rowgate {
namespace {

constexpr std::string_view kIntroduction =
    "# Error codes\n\n"
    "Made from the program's own table by `rowgate explain --markdown`; do not edit.\n\n"
    "A code is never renamed and never used for something else. An *error* refuses a row, or the whole file "
    "where it says\n"
    "so; a *warning* refuses nothing. `rowgate explain CODE` prints one entry.\n\n"
    "| exit code | meaning |\n|---|---|\n"
    "| 0 | done; nothing refused, or refused within the limit |\n"
    "| 1 | failed |\n"
    "| 2 | wrong command or configuration |\n"
    "| 3 | data refused |\n"
    "| 4 | not signed in, or not allowed |\n"
    "| 5 | conflict: table busy, table differs |\n"
    "| 6 | try again later |\n"
    "| 130 | interrupted |\n";

std::string_view family(std::string_view code) {
  return code.substr(0, code.find('.'));
}

std::string section(const CodeInfo& code) {
  std::string out = fmt::format("\n### {}\n\n**{}** ({}", code.text, code.title,
                                code.severity == Severity::Warning ? "warning" : "error");
  if (code.severity == Severity::Error) out += fmt::format(", exit code {}", code.exit_code);
  if (code.severity == Severity::Error) out += fmt::format(", HTTP {} `{}`", code.http_status, code.slug);
  if (!code.kind.empty()) out += fmt::format(", Frictionless kind `{}`", code.kind);
  return out + fmt::format(")\n\n{}\n\n{}\n\nExample: `{}`\n", code.cause, code.fix, code.example);
}

}  // namespace

std::string errors_page() {
  std::string page(kIntroduction);
  std::string_view current;
  for (const CodeInfo& code : all_codes()) {
    if (family(code.text) != current) {
      current = family(code.text);
      page += fmt::format("\n## {}\n", current);
    }
    page += section(code);
  }
  return page;
}

}  // namespace rowgate

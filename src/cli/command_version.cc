#include "app/version.h"
#include "app/wire.h"
#include "base/json.h"
#include "cli/command_support.h"
#include "cli/commands.h"

#include <fmt/format.h>

namespace rowgate::cli {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

int command_version(const Common& common) {
  const Terminal& terminal = common.terminal;
  const Result<std::string> database = app::make_database(config::Config{})->server_version();
  if (!database) return report_error(terminal, database.error());
  if (terminal.json) {
    terminal.out(fmt::format("{{\"version\": {}, \"compiler\": {}, \"database\": {}}}\n",
                             json_text(app::kVersion), json_text(compiler()), json_text(*database)));
    return 0;
  }
  terminal.out(fmt::format("rowgate {}\nbuilt with {}\n{}\n", app::kVersion, compiler(), *database));
  return 0;
}

}  // namespace rowgate::cli

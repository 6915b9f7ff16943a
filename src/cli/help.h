#pragma once

#include "cli/options.h"

#include <string>

namespace rowgate::cli {

/// The help of `command`: examples and the most needful, or `full` with all flags. `path` is how it is
/// called: "rowgate load".
std::string help_text(const CLI::App& command, const std::string& path, bool full);

}  // namespace rowgate::cli

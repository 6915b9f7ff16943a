#pragma once

#include "cli/command_support.h"
#include "load/loader.h"

#include <expected>
#include <vector>

namespace rowgate::cli {

/// What the arguments of a load or validate ask for: one request for each file, parents first. All files are
/// found and opened, so that nothing is loaded where one of them is missing; every problem is told, not only
/// the first. The requests refer to the configuration in `at`.
std::expected<std::vector<load::LoadRequest>, std::vector<Error>> plan_loads(const app::Opened& at,
                                                                             const LoadArguments& arguments);

}  // namespace rowgate::cli

#pragma once

#include "app/opened.h"
#include "load/loader.h"

#include <expected>
#include <vector>

namespace rowgate::app {

/// What the arguments of a load or validate ask for: one request for each file, parents first. All files are
/// found and opened, so that nothing is loaded where one of them is missing; every problem is told, not only
/// the first. The requests refer to the configuration in `at`.
std::expected<std::vector<load::LoadRequest>, std::vector<Error>> plan_loads(const Opened& at,
                                                                             const LoadArguments& arguments);

}  // namespace rowgate::app

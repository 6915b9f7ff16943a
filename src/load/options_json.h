#pragma once

#include "load/load_options.h"

#include <optional>
#include <string>
#include <string_view>

namespace rowgate::load {

/// The options as one JSON object, as they stand in the state file of a run that waits.
std::string to_json(const LoadOptions& options);
/// The options in the member "options" of a state file's line; nullopt where it has none.
std::optional<LoadOptions> options_of_state(std::string_view json);

struct Home;
/// Where a run belongs, as one JSON object, and its member "home" of a state file's line; empty where it has
/// none.
std::string to_json(const Home& home);
Home home_of_state(std::string_view json);

}  // namespace rowgate::load

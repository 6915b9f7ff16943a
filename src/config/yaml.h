#pragma once

#include "base/error.h"
#include "base/node.h"

#include <filesystem>
#include <string_view>

namespace rowgate::config {

/// Parses YAML (1.2 core schema; JSON is a subset of it) with places. Refuses tags, duplicate keys and more
/// than 10,000 nodes made by aliases. Errors carry `file` and `at`.
Result<Node> read_yaml(const std::filesystem::path& file, std::string_view text);

}  // namespace rowgate::config

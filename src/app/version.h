#pragma once

#include <string_view>

namespace rowgate::app {

/// As in CMakeLists.txt and CHANGELOG.md.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace rowgate::app

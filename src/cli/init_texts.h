#pragma once

#include <string>

namespace rowgate::cli {

/// The head of every rowgate.yaml that `init` writes: where things live.
std::string starter_settings();
/// A small commented configuration without tables.
std::string starter_config();

}  // namespace rowgate::cli

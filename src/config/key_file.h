#pragma once

#include "api/core/settings.h"

#include <string>

namespace rowgate::config {

/// What is wrong with the rights of the file of server.tls.key: others can read it. Empty: nothing is.
std::string key_file_warning(const api::Settings& settings);

}  // namespace rowgate::config

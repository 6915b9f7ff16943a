#pragma once

#include "http/settings.h"

#include <string>

namespace rowgate::app {

/// What is wrong with the rights of the file of server.tls.key: others can read it. Empty: nothing is.
std::string key_file_warning(const http::Settings& settings);

}  // namespace rowgate::app

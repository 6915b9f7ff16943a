#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace rowgate::app {

/// docs/http-api.yaml as it was when the program was built.
std::string_view openapi_yaml();
/// The same as JSON.
Result<std::string> openapi_json();

}  // namespace rowgate::app

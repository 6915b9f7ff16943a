#pragma once

#include "db/database.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::api {

/// Values of a key as a JSON array, so that a cursor can hold them, and back; every value comes back equal.
std::string values_to_json(const std::vector<db::Value>& values);
std::optional<std::vector<db::Value>> values_from_json(std::string_view json);

}  // namespace rowgate::api

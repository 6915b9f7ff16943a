#pragma once

#include "table/node_reader.h"
#include "table/schema.h"

#include <vector>

namespace rowgate::table {

/// One entry of a schema's `fields`, checked as far as that can be done without the others: its properties
/// fit its type, its format, pattern, bounds and enum values are valid.
Field read_field(const Place& at, std::vector<Error>& problems);

}  // namespace rowgate::table

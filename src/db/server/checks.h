#pragma once

#include "db/database.h"

namespace rowgate::db::server {

/// The CHECK expressions that repeat the rules of a field (`checks: database`), joined by AND; empty when it
/// has none. Literals are made by our own formatter, never spliced from the schema's text. `length` counts
/// characters; `booleans_are_numbers` adds that they are 0 or 1.
std::string check_expression(const SqlDialect& dialect, const table::Field& field, std::string_view length,
                             bool booleans_are_numbers);

}  // namespace rowgate::db::server

#pragma once

#include "db/database.h"

#include <string>

namespace rowgate::db::server {

/// A decimal that a statement computed, as a cell: an integer where it is one, else its exact digits without
/// the zeros at their end. A quotient never ends and becomes the double nearest to it, as on every engine.
/// `text` is the server's, and changed.
void computed_number(ResultCell& cell, std::string& text, bool is_quotient);

}  // namespace rowgate::db::server

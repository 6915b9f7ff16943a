#pragma once

#include <string>

namespace rowgate {

/// docs/errors.md, made from the table of codes (`rowgate explain --markdown` prints it).
std::string errors_page();

}  // namespace rowgate

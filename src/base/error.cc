#include "base/error.h"

#include <fmt/format.h>

namespace rowgate {

std::string to_text(const Error& error) {
  std::string where = error.file.empty() ? "" : error.file + ":";
  if (error.at) where += fmt::format("{}:{}:", error.at->line, error.at->column);
  if (!where.empty()) where += ' ';
  const std::string advice = error.hint.empty() ? "" : fmt::format(" ({})", error.hint);
  return where + error.message + advice;
}

}  // namespace rowgate

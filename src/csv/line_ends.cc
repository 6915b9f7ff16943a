#include "csv/line_ends.h"

#include <algorithm>

namespace rowgate::csv {

std::size_t count_line_ends(std::string_view text, LineEnd mode) {
  if (mode == LineEnd::Lf) return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\r' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))) ++count;
  return count;
}

std::size_t last_line_end(std::string_view text, LineEnd mode) {
  return mode == LineEnd::Lf ? text.rfind('\n') : text.find_last_of("\r\n");
}

std::size_t find_line_end(std::string_view text, std::size_t from, LineEnd mode) {
  return mode == LineEnd::Lf ? text.find('\n', from) : text.find_first_of("\r\n", from);
}

}  // namespace rowgate::csv
